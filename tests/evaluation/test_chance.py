"""The level of chance against maps that are really drawn by lot, and bells seen by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiftyone_capviz.evaluation.chance import REFERENCES, centre_map, ground_references
from fiftyone_capviz.evaluation.grounding import ground
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.geometry import PixelTransform, center_crop, squash

RANDOM, CENTRE = (REFERENCES.index(name) for name in ("random", "centre"))


def boxes(*given: tuple[int, int, int, int], size: int = 60) -> np.ndarray:
    """Masks of left, top, right, bottom."""
    masks = np.zeros((len(given), size, size), bool)
    for mask, (left, top, right, bottom) in zip(masks, given, strict=True):
        mask[top:bottom, left:right] = True
    return masks


@given(seed=st.integers(0, 1000), grid=st.sampled_from([5, 6]))
@settings(max_examples=8, deadline=None)
def test_random_is_what_random_maps_reach_on_average(seed: int, grid: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 35, (3, 2))
    sizes = rng.integers(13, 26, (3, 2))
    masks = boxes(*((x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, sizes, strict=True)))
    transform = squash(60, 60, grid)
    regions = GridRegions.of(masks, transform)
    found = ground_references([0, 2], regions, transform)
    draws = 4000
    maps = rng.random((draws, 2, grid, grid))
    measured = ground(maps, [(0, (0,)), (2, (1,))], regions, others=[[], []])
    for name in ("hit", "lenient", "energy"):
        mean = getattr(measured, name).mean(axis=0)
        assert getattr(found, name)[RANDOM] == pytest.approx(mean, abs=0.04)
    assert found.hit[RANDOM] == pytest.approx(regions.centres[[0, 2]].mean(axis=(1, 2)))
    assert found.lenient[RANDOM] == pytest.approx((regions.shares[[0, 2]] >= 0.2).mean(axis=(1, 2)))
    assert found.energy[RANDOM] == pytest.approx(regions.shares[[0, 2]].mean(axis=(1, 2)))
    assert found.ranked[RANDOM].tolist() == [1 / 3, 1 / 3]


def test_an_object_alone_cannot_be_ranked_and_twins_count_once() -> None:
    transform = squash(60, 60, 6)
    one = GridRegions.of(boxes((0, 0, 30, 30)), transform)
    assert np.isnan(ground_references([0], one, transform).ranked).all()
    twins = GridRegions.of(boxes((0, 0, 30, 30), (0, 0, 30, 30), (30, 30, 60, 60)), transform)
    assert ground_references([0], twins, transform).ranked[RANDOM].tolist() == [0.5]


@pytest.mark.parametrize("grid", [5, 6])
def test_the_bell_points_at_what_is_in_the_middle(grid: int) -> None:
    transform = squash(60, 60, grid)
    regions = GridRegions.of(boxes((20, 20, 40, 40), (0, 0, 20, 20)), transform)
    found = ground_references([0, 1], regions, transform)
    assert found.hit[CENTRE].tolist() == [1, 0]
    assert found.ranked[CENTRE].tolist() == [1, 0]
    assert found.energy[CENTRE, 0] > found.energy[RANDOM, 0] > found.energy[CENTRE, 1] / 2
    assert np.isnan(found.own).all()


def test_of_four_equal_middle_patches_each_counts_a_quarter() -> None:
    """An even grid: the object has one of the four patches around the middle."""
    transform = squash(60, 60, 6)
    regions = GridRegions.of(boxes((30, 30, 60, 60)), transform)
    assert ground_references([0], regions, transform).hit[CENTRE].tolist() == [0.25]


def test_the_bell_stands_in_the_middle_of_the_image_not_of_the_grid() -> None:
    whole = centre_map(squash(90, 60, 3))
    assert whole[1, 1] == whole.max() == 1
    np.testing.assert_allclose(whole, whole[::-1, ::-1])
    left_half = centre_map(PixelTransform(60, 60, (0, 0, 30, 60), 3))
    assert left_half[1, 2] == left_half.max()
    # A crop of the middle shows less of the bell's flanks.
    assert centre_map(center_crop(120, 60, 3))[1, 0] > whole[1, 0]
