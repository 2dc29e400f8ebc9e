"""Trainings start from nothing and write checkpoints that the loader takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.architectures import PATCH_SIZE, save_tokenizer
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.grammar import full_caption
from fiftyone_capviz.scenes.train import train
from fiftyone_capviz.scenes.train_blip import train_blip
from fiftyone_capviz.scenes.train_clip import train_clip
from fiftyone_capviz.scenes.train_sam import train_sam
from fiftyone_capviz.scenes.training_data import (
    GROUND,
    TRAINING_SEEDS,
    SceneTokens,
    draw_scenes,
    word_labels,
)
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
        patches = data.patch_shares(index, GROUND)
        side = data.labels.shape[-1] // PATCH_SIZE
        assert patches.shape == (side, side)
        assert patches.mean() == pytest.approx(drawn.ground.mean(), abs=0.01)


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
