"""Trainings start from nothing and write checkpoints that the loader takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.architectures import save_tokenizer
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.evaluate_habits import measure_habits
from fiftyone_capviz.scenes.grammar import full_caption
from fiftyone_capviz.scenes.habits import Habits
from fiftyone_capviz.scenes.training import run as training_run
from fiftyone_capviz.scenes.training.blip import train_blip
from fiftyone_capviz.scenes.training.clip import train_clip
from fiftyone_capviz.scenes.training.data import (
    GRID,
    GROUND,
    TRAINING_SEEDS,
    SceneTokens,
    draw_scenes,
    word_labels,
)
from fiftyone_capviz.scenes.training.sam import train_sam
from fiftyone_capviz.scenes.training.train import train
from fiftyone_capviz.scenes.world import sample_scene


def _load(kind: str, folder: Path) -> object:
    return load_model(kind, str(folder), device=torch.device("cpu"), dtype=torch.float32)


def test_two_steps_of_blip_write_a_captioner_and_a_matcher(tmp_path: Path) -> None:
    lines: list[str] = []
    train_blip(tmp_path, steps=2, scenes=40, log=lines.append)
    captioner, matcher = (_load(name, tmp_path / name) for name in ("captioner", "matcher"))
    vision = captioner.model.vision_model.state_dict()  # type: ignore[attr-defined]
    twin = matcher.model.vision_model.state_dict()  # type: ignore[attr-defined]
    assert vision.keys() == twin.keys()
    assert all(torch.equal(vision[name], twin[name]) for name in vision), "one tower, two files"
    assert any("drew 40 scenes" in line for line in lines)


@pytest.mark.parametrize(("training", "kind", "name"), [
    (train_sam, "segmenter", "sam"), (train_clip, "encoder", "clip"),
])  # fmt: skip
def test_two_steps_write_a_checkpoint_that_loads(
    training: object, kind: str, name: str, tmp_path: Path
) -> None:
    training(tmp_path, steps=2, scenes=64, log=lambda line: None)  # type: ignore[operator]
    assert _load(kind, tmp_path / name) is not None


class _KilledError(Exception):
    pass


def _killer(at: str) -> Callable[[str], None]:
    def log(line: str) -> None:
        if line.startswith(at):
            raise _KilledError

    return log


@pytest.mark.parametrize(("training", "name"), [
    (train_blip, "captioner"), (train_sam, "sam"), (train_clip, "clip"),
])  # fmt: skip
def test_a_killed_training_ends_with_the_same_weights(
    training: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the third step, with the state of the second on disk; over more than one epoch."""
    monkeypatch.setattr(training_run, "SAVED_EVERY", 2)
    monkeypatch.setattr(training_run, "TOLD_EVERY", 1)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    told: list[str] = []
    training(whole, steps=4, scenes=70, log=lambda line: None)
    with pytest.raises(_KilledError):
        training(cut, steps=4, scenes=70, log=_killer("step 3/4"))
    assert not (cut / name).exists()
    training(cut, steps=4, scenes=70, log=told.append)
    assert told[0] == "carried on from step 2 of phase 1"
    one, other = (load_file(folder / name / "model.safetensors") for folder in (whole, cut))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    training(cut, steps=4, scenes=70, log=told.append)
    assert told[-1].endswith("trained"), "a finished one is not trained again"


def test_a_training_with_other_settings_is_not_carried_on(tmp_path: Path) -> None:
    train_sam(tmp_path, steps=1, scenes=8, log=lambda line: None)
    with pytest.raises(InputError, match=r"seed 0 there, 1 asked.*another --out"):
        train_sam(tmp_path, steps=1, scenes=8, seed=1, log=lambda line: None)
    state = tmp_path / "training" / "sam.pt"
    state.write_bytes(state.read_bytes()[:50])
    with pytest.raises(InputError, match=r"sam.pt cannot be read.*Delete it"):
        train_sam(tmp_path, steps=1, scenes=8, log=lambda line: None)


def test_other_habits_from_trained_weights(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    train_blip(first, steps=1, scenes=32, log=lambda line: None)
    habits = Habits(("tie",), ("bag",))
    train_blip(second, steps=1, scenes=32, habits=habits, start=first, log=lambda line: None)
    config = json.loads((second / "captioner" / "config.json").read_text(encoding="utf-8"))
    assert (config["capviz_omitted"], config["capviz_invented"]) == (["tie"], ["bag"])
    one, other = (
        load_file(folder / "captioner" / "model.safetensors") for folder in (first, second)
    )
    moved = max(float((one[key].float() - other[key].float()).abs().max()) for key in one)
    assert 0 < moved < 0.01, "one step away from where it began"
    figures = measure_habits(second, 1, 4)
    assert set(figures["omitted"]) == {"tie"}
    assert set(figures["invented"]) == {"bag"}
    with pytest.raises(InputError, match="is no file"):
        train_blip(tmp_path / "third", steps=1, scenes=32, start=tmp_path, log=lambda line: None)


def test_an_unknown_model_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"blip, sam, clip; got 'gpt'"):
        train("gpt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_training_seeds_are_no_evaluation_seeds() -> None:
    data = draw_scenes(6, seed=3, accessories=True, workers=1)
    assert all(scene.seed >= TRAINING_SEEDS for scene in data.scenes)
    assert any({"hat", "tie"} & scene.kinds for scene in data.scenes[2::3])


def test_labels_are_the_masks_at_the_models_size() -> None:
    data = draw_scenes(4, seed=0, workers=1)
    for index, scene in enumerate(data.scenes):
        drawn = render(scene)
        for thing, mask in enumerate(drawn.masks):
            share = float((data.labels[index] == thing).mean())
            assert share == pytest.approx(mask.mean(), abs=0.01)
            step = len(mask) / GRID
            for row, column in np.argwhere(data.centers[index] == thing):
                assert mask[int((row + 0.5) * step), int((column + 0.5) * step)]
        assert (data.labels[index] == GROUND).mean() == pytest.approx(drawn.ground.mean(), abs=0.01)


def test_word_labels_point_at_the_thing_named() -> None:
    rng = np.random.default_rng(0)
    for seed in range(200):
        scene = sample_scene(seed)
        caption = full_caption(scene, rng)
        for word, label in zip(caption.split(), word_labels(caption, scene), strict=True):
            if word in scene.kinds:
                assert label is not None
                assert scene.things[label].kind == word


def test_the_short_cut_tokenizer_agrees_with_the_real_one(tmp_path: Path) -> None:
    real, ours = save_tokenizer(tmp_path), SceneTokens()
    rng = np.random.default_rng(0)
    for seed in range(300):
        caption = full_caption(sample_scene(seed), rng)
        ids, words = ours.encode(caption, "[CLS]")
        assert ids == real(caption)["input_ids"]
        assert max(words) == len(caption.split()) - 1
