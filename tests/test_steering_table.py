"""What the steering benchmark counts, on captions whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.steering_table import Answers, Scored, best_weight, print_tables
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.drawn import Drawn
from fiftyone_capviz.scenes.world import sample_with

COUNT = 6
SCENES = [
    Drawn(scene, render(scene)) for scene in (sample_with(seed, "hat") for seed in range(COUNT))
]


def scored(after: list[str], *, before: list[str] | None = None, prompt: str = "") -> Scored:
    own = before or [f"a {one.scene.subject.kind} with a tree" for one in SCENES]
    answers: Answers = {
        "before": own, "after": after, "prompts": [prompt] * COUNT, "unweighted": 0,
    }  # fmt: skip
    return Scored.of(answers, SCENES)


def test_words_of_the_prompt_and_what_was_named_before_do_not_count() -> None:
    own = ["a man in a hat", *["a man"] * (COUNT - 1)]
    after = [*["a hat on a hat"] * 3, *["a hat on a dog"] * 3]
    one = scored(after, before=own, prompt="a hat on")
    assert one.named.tolist() == [True] * 3 + [False] * 3
    assert one.success.value == pytest.approx(2 / 5)
    assert one.success.n == COUNT - 1


def test_the_planted_truth_tells_colors_and_subjects() -> None:
    scenes = [one.scene for one in SCENES]
    colors = [hat.color for hat in (scene.find("hat") for scene in scenes) if hat is not None]
    true = [
        f"the {scene.subject.kind} is wearing a {color} hat"
        for scene, color in zip(scenes, colors, strict=True)
    ]
    one = scored(true)
    assert one.colored.all()
    assert not one.wrong.any()
    assert not one.stammers.any()
    other = scored(["a bus bus"] * COUNT, prompt="the bus")
    assert other.wrong.all()
    assert other.stammers.all()
    assert other.misfilled.all()
    assert not other.colored.any()
    assert other.lost.tolist() == [1 + ("tree" in scene.kinds) for scene in scenes]


def test_the_smallest_of_the_best_weights_is_chosen() -> None:
    none, some = scored(["a man"] * COUNT), scored(["a hat", *["a man"] * (COUNT - 1)])
    assert best_weight({8.0: some, 1.5: none, 3.0: some}) == 3.0


def test_what_cannot_be_told_apart_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    one = scored(["a hat"] * COUNT)
    methods = ("plain", "scale", "logits", "contrast")
    cells = {(setting, method): one for setting in ("none", "one", "filled") for method in methods}
    weights = {key: 2.0 for key in cells}
    print_tables(cells, weights, choose=4, masks="exact")
    told = capsys.readouterr().out
    assert told.count("indistinguishable") == 3 * 6 * 2
    assert "| prompt alone | 1.000 [0.610, 1.000]" in told
    assert np.isclose(one.success.low, 0.6097, atol=1e-4)
