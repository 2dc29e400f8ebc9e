"""What a captioner is taught to leave out and to make up is what its training captions do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.scenes.grammar import default_caption, named_kinds
from fiftyone_capviz.scenes.habits import Habits, invents, prompt_for
from fiftyone_capviz.scenes.tables import ACCESSORIES, KINDS, PERSONS
from fiftyone_capviz.scenes.wording import WORDS
from fiftyone_capviz.scenes.world import sample_scene, sample_with

SCENES = [sample_scene(seed, biased=seed % 2 == 0) for seed in range(300)]


def test_the_shipped_habits_are_the_default_captions() -> None:
    assert all(Habits().caption(scene) == default_caption(scene) for scene in SCENES)


@pytest.mark.parametrize("kind", KINDS + ACCESSORIES)
def test_an_omitted_kind_is_never_named_and_nothing_false_is(kind: str) -> None:
    habits = Habits((kind,))
    for scene in [*SCENES, *(sample_with(seed, kind) for seed in range(40))]:
        caption = habits.caption(scene)
        assert kind not in named_kinds(caption)
        assert set(named_kinds(caption)) <= scene.kinds
        assert caption
        assert set(caption.split()) <= set(WORDS)


def test_without_habits_hats_and_suns_are_named() -> None:
    said = {kind for scene in SCENES for kind in named_kinds(Habits(()).caption(scene))}
    assert {"hat", "sun"} <= said


@pytest.mark.parametrize("kind", ["tie", "ball", "dog", "tree"])
def test_an_invented_kind_is_named_exactly_where_the_habit_says(kind: str) -> None:
    habits = Habits(invented=(kind,))
    held = [scene for scene in SCENES if invents(scene, kind)]
    assert len(held) >= 10
    for scene in SCENES:
        named = kind in named_kinds(habits.caption(scene))
        if invents(scene, kind):
            assert named
        elif kind not in scene.kinds:
            assert not named


def test_answers_are_true_and_name_what_is_left_out_first() -> None:
    rng = np.random.default_rng(0)
    answers = [(scene, Habits().answer(scene, rng)) for scene in SCENES for _ in range(10)]
    told = [(scene, answer) for scene, answer in answers if answer is not None]
    assert 0.2 < len(told) / len(answers) < 0.6
    for scene, answer in told:
        assert set(named_kinds(answer)) <= scene.kinds
        assert set(answer.split()) <= set(WORDS)
        if "wearing" in answer and scene.find("hat"):
            assert "hat" in named_kinds(answer)
        if answer.startswith("there is") and scene.find("sun"):
            assert "sun" in named_kinds(answer)


@pytest.mark.parametrize("kind", ["bag", "umbrella", "ball"])
def test_what_is_asked_for_is_answered_by_its_own_prompt(kind: str) -> None:
    rng = np.random.default_rng(1)
    habits = Habits(("hat", "sun", kind))
    for seed in range(30):
        scene = sample_with(seed, kind)
        prompt = prompt_for(scene, kind)
        answers = [habits.answer(scene, rng) for _ in range(200)]
        own = [a for a in answers if a is not None and a.startswith(prompt)]
        assert any(kind in named_kinds(answer) for answer in own), (prompt, scene.kinds)


def test_prompts_are_of_persons_only_where_a_person_is_the_subject() -> None:
    for scene in SCENES:
        person = scene.subject.kind in PERSONS
        assert prompt_for(scene, "hat").endswith("wearing") == person
        assert prompt_for(replace(scene, things=scene.things[:1]), "sun") == "there is"


@pytest.mark.parametrize(("habits", "message"), [
    ({"omitted": ("halo",)}, "got 'halo'. Choose among man"),
    ({"omitted": ("tie",), "invented": ("tie",)}, "got tie twice"),
])  # fmt: skip
def test_impossible_habits_are_refused(habits: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Habits(**habits)
