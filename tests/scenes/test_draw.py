"""Drawings: exact disjoint masks, everything visible, the same pixels every time."""

from __future__ import annotations

import numpy as np
import pytest

from fiftyone_capviz.scenes.draw import Rendering, render
from fiftyone_capviz.scenes.scene import Scene
from fiftyone_capviz.scenes.tables import BACKGROUNDS, PERSONS
from fiftyone_capviz.scenes.world import sample_scene

COUNT = 240
PLAIN = ("hat", "tie", "bag", "umbrella", "car", "bus", "bird", "fish")
"""Kinds that are mostly of the one color that they are said to have."""


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Scene, Rendering]]:
    scenes = [sample_scene(seed, biased=seed % 2 == 0) for seed in range(COUNT)]
    return [(scene, render(scene)) for scene in scenes]


def test_the_same_scene_gives_the_same_pixels() -> None:
    for seed in range(5):
        first, second = render(sample_scene(seed)), render(sample_scene(seed))
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.masks, second.masks)
        np.testing.assert_array_equal(first.ground, second.ground)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_shapes_and_types(size: int) -> None:
    scene = sample_scene(3)
    rendering = render(scene, size)
    assert rendering.image.shape == (size, size, 3)
    assert rendering.image.dtype == np.uint8
    assert rendering.masks.shape == (len(scene.things), size, size)
    assert rendering.masks.dtype == rendering.ground.dtype == np.bool_


def test_a_tiny_size_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 pixels; got 8"):
        render(sample_scene(0), 8)


def test_masks_and_ground_are_disjoint(drawn: list[tuple[Scene, Rendering]]) -> None:
    for _, rendering in drawn:
        owners = rendering.masks.sum(0) + rendering.ground
        assert owners.max() <= 1
        assert rendering.ground.mean() > 0.1


def test_everything_in_a_scene_is_visible(drawn: list[tuple[Scene, Rendering]]) -> None:
    for scene, rendering in drawn:
        for thing, mask in zip(scene.things, rendering.masks, strict=True):
            least = 0.08 if thing is scene.subject else 0.006
            if thing.kind in PERSONS:
                least = 0.07
            assert mask.mean() > least, (scene.seed, thing.kind)


def test_hats_are_large_enough_to_be_segments(drawn: list[tuple[Scene, Rendering]]) -> None:
    areas = [
        mask.mean()
        for scene, rendering in drawn
        for thing, mask in zip(scene.things, rendering.masks, strict=True)
        if thing.kind == "hat"
    ]
    assert len(areas) > 20
    assert np.mean(np.array(areas) > 0.01) >= 0.85


def test_masks_lie_on_what_they_name(drawn: list[tuple[Scene, Rendering]]) -> None:
    """Inside the mask of a red thing red outweighs the other channels, and so on."""
    channels = {"red": 0, "green": 1, "blue": 2}
    checked = 0
    for scene, rendering in drawn:
        for thing, mask in zip(scene.things, rendering.masks, strict=True):
            if thing.color not in channels or thing.kind not in PLAIN:
                continue
            channel = channels[thing.color]
            inside = rendering.image[mask].astype(float)
            excess = 1.5 * inside[:, channel] - inside.sum(1) / 2
            assert np.median(excess) > 8, (scene.seed, thing.kind)
            checked += 1
    assert checked > 30


def test_backgrounds_differ_on_the_ground_and_not_in_the_sky() -> None:
    """The sky alone does not tell the background; the ground does."""
    ground: dict[str, list[np.ndarray]] = {name: [] for name in BACKGROUNDS}
    sky: dict[str, list[np.ndarray]] = {name: [] for name in BACKGROUNDS}
    for seed in range(400):
        scene = sample_scene(seed, biased=False)
        rendering = render(scene, 64)
        free = ~rendering.ground & ~rendering.masks.any(0)
        free[8:] = False
        ground[scene.background].append(rendering.image[rendering.ground].mean(0))
        if free.sum() > 40:
            sky[scene.background].append(rendering.image[free].mean(0))
    names = [name for name in BACKGROUNDS if name != "forest"]  # its crowns reach the top
    grounds = np.array([np.mean(ground[name], 0) for name in names])
    skies = np.array([np.mean(sky[name], 0) for name in names])
    assert np.ptp(skies, axis=0).max() < 25
    assert np.ptp(grounds, axis=0).max() > 80
