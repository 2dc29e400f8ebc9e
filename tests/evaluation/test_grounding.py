"""Metrics on maps made by hand, whose point game, energy, ranking and signs are known."""

from __future__ import annotations

import numpy as np
import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.grounding import Grounding, ground
from fiftyone_capviz.evaluation.regions import GridRegions, patch_centres, patch_shares
from fiftyone_capviz.geometry import PixelTransform, center_crop, squash
from fiftyone_capviz.segments import pool_scores

SIDE, GRID = 32, 4
NONE: list[list[int]] = [[]]


def quarter(row: int, column: int) -> np.ndarray:
    """One quarter of the image: 2 x 2 patches."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = True
    return mask


def regions_of(*masks: np.ndarray) -> GridRegions:
    return GridRegions.of(np.stack(masks), squash(SIDE, SIDE, GRID))


def one_map(**values: float) -> np.ndarray:
    """A map "1 1 p p" from patches named like p12 = row 1, column 2."""
    made = np.zeros((1, 1, GRID, GRID))
    for name, value in values.items():
        made[0, 0, int(name[1]), int(name[2])] = value
    return made


def test_energy_is_the_positive_share_inside() -> None:
    maps = one_map(p00=3, p11=1, p33=4, p32=-9)
    found = ground(maps, [(0, [0])], regions_of(quarter(0, 0)), others=NONE)
    assert found.energy[0, 0] == pytest.approx(4 / 8)
    assert found.hit[0, 0] == 0
    assert found.own[0, 0] == pytest.approx(4)


@pytest.mark.parametrize(
    ("columns", "hit", "lenient"), [(1, 0, 0), (2, 0, 1), (4, 0, 1), (5, 1, 1)]
)
def test_the_point_game_asks_for_the_centre_the_lenient_one_for_a_fifth(
    columns: int, hit: int, lenient: int
) -> None:
    """A mask over so many of a patch's 8 columns, whose centre is on the line before the fifth."""
    mask = quarter(0, 0)
    mask[:8, 16 : 16 + columns] = True
    regions = regions_of(mask)
    assert regions.shares[0, 0, 2] == pytest.approx(columns / 8)
    found = ground(one_map(p02=1), [(0, [0])], regions, others=NONE)
    assert (found.hit[0, 0], found.lenient[0, 0]) == (hit, lenient)
    assert found.energy[0, 0] == pytest.approx(columns / 8)


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, np.nan])
def test_a_map_that_is_the_same_everywhere_points_nowhere(value: float) -> None:
    """Whatever the object, and however much of the image it owns: no hit by luck."""
    everything = np.ones((SIDE, SIDE), bool)
    maps = np.full((1, 1, GRID, GRID), value)
    for mask in (quarter(0, 0), everything):
        found = ground(maps, [(0, [0])], regions_of(mask), others=NONE)
        assert (found.hit[0, 0], found.lenient[0, 0]) == (0, 0)


def test_patches_that_share_the_largest_value_share_the_hit() -> None:
    """Three are first, of which the object has two: not 1 for the place that argmax takes."""
    for maps in (one_map(p00=2, p11=2, p33=2 * (1 + 1e-12)), one_map(p00=2, p11=2, p32=2)):
        found = ground(maps, [(0, [0])], regions_of(quarter(0, 0)), others=NONE)
        assert found.hit[0, 0] == pytest.approx(2 / 3)
    empty = one_map(p33=-1)
    found = ground(empty, [(0, [0])], regions_of(quarter(0, 0)), others=NONE)
    assert found.hit[0, 0] == pytest.approx(4 / 15)


@pytest.mark.parametrize(
    ("width", "height", "grid"), [(40, 30, 5), (33, 47, 7), (96, 96, 12), (50, 20, 16)]
)
def test_the_centre_rule_equals_a_search_for_each_centre(
    width: int, height: int, grid: int
) -> None:
    """By the middle of the patch's box, whole images and centre crops."""
    mask = np.random.default_rng(grid).random((1, height, width)) < 0.5
    for transform in (squash(width, height, grid), center_crop(width, height, grid)):
        found = patch_centres(mask, transform)
        for row in range(grid):
            for column in range(grid):
                left, top, right, bottom = transform.patch_to_box(row, column)
                x, y = (left + right) / 2, (top + bottom) / 2
                assert transform.pixel_to_patch(x, y) == (row, column)
                assert found[0, row, column] == mask[0, int(y + 1e-9), int(x + 1e-9)]


def test_a_centre_outside_the_image_is_in_no_region() -> None:
    around = PixelTransform(20, 10, (0, -5, 20, 15), 4)
    assert patch_centres(np.ones((1, 10, 20), bool), around)[0].any(axis=1).tolist() == [
        False, True, True, False
    ]  # fmt: skip


def test_a_region_that_owns_no_centre_does_not_count() -> None:
    """Two lines between the patches' centres: nine patches' pixels at most, and no centre."""
    between = np.zeros((SIDE, SIDE), bool)
    between[:, 6:10] = True
    found = regions_of(between, quarter(0, 0))
    assert found.large.tolist() == [True, True]
    assert found.central.tolist() == [False, True]
    assert found.counted.tolist() == [False, True]


def test_words_of_one_name_are_summed() -> None:
    maps = np.concatenate([one_map(p00=1, p33=3), one_map(p00=3)], axis=1)
    found = ground(maps, [(0, [0, 1])], regions_of(quarter(0, 0)), others=NONE)
    assert found.hit[0, 0] == 1
    assert found.energy[0, 0] == pytest.approx(4 / 7)


def test_ranking_is_that_of_the_segment_scores() -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((5, SIDE, SIDE)) < rng.random((5, 1, 1))
    regions = GridRegions.of(masks, squash(SIDE, SIDE, GRID))
    maps = rng.normal(size=(3, 2, GRID, GRID))
    pairs = [(1, [0]), (4, [1])]
    found = ground(maps, pairs, regions, others=[[], []])
    for v in range(3):
        scores = pool_scores(regions.weights, regions.areas, maps[v])
        for column, (region, (word,)) in enumerate(pairs):
            assert found.ranked[v, column] == (scores[:, word].argmax() == region)


def test_ranking_needs_another_region_and_no_tie() -> None:
    alone = ground(one_map(p00=1), [(0, [0])], regions_of(quarter(0, 0)), others=NONE)
    assert np.isnan(alone.ranked[0, 0])
    apart = regions_of(quarter(0, 0), quarter(1, 1))
    tied = one_map(p00=1, p33=1)
    assert ground(tied, [(0, [0])], apart, others=[[1]]).ranked[0, 0] == 0


def test_a_region_that_is_labelled_twice_is_one_region() -> None:
    """As where each expression or phrase has its own label on the same box."""
    twice = regions_of(quarter(0, 0), quarter(0, 0))
    found = ground(one_map(p00=-1), [(0, [0])], twice, others=[[1]])
    assert np.isnan(found.ranked[0, 0])
    assert found.cross_count[0, 0] == 0
    beside = regions_of(quarter(0, 0), quarter(1, 1), quarter(0, 0))
    first, last = one_map(p00=2, p33=1), one_map(p00=1, p33=2)
    for maps, ranked in ((first, 1), (last, 0)):
        found = ground(maps, [(0, [0])], beside, others=[[1, 2]])
        assert found.ranked[0, 0] == ranked
        assert found.cross_count[0, 0] == 1


def test_signs_of_own_and_other_objects() -> None:
    regions = regions_of(quarter(0, 0), quarter(1, 1), quarter(0, 1))
    maps = one_map(p00=2, p33=-1, p02=0.5)
    found = ground(maps, [(0, [0])], regions, others=[[1, 2]])
    assert found.own[0, 0] > 0
    assert (found.cross_negative[0, 0], found.cross_count[0, 0]) == (1, 2)


def test_many_variants_are_each_alone() -> None:
    rng = np.random.default_rng(1)
    regions = regions_of(quarter(0, 0), quarter(1, 1))
    maps = rng.normal(size=(6, 2, GRID, GRID))
    pairs, others = [(0, [0]), (1, [1])], [[1], [0]]
    together = ground(maps, pairs, regions, others=others)
    alone = [ground(maps[i : i + 1], pairs, regions, others=others) for i in range(6)]
    for name in ("hit", "energy", "ranked", "own", "cross_negative"):
        rows = np.concatenate([getattr(one, name) for one in alone])
        np.testing.assert_allclose(getattr(together, name), rows)
    assert Grounding.joined([together, together]).hit.shape == (6, 4)


def test_shares_are_exact_where_patches_cut_pixels() -> None:
    """30 pixels on 4 patches: against a mask enlarged until patches are whole pixels."""
    mask = np.random.default_rng(2).random((1, 30, 42)) < 0.5
    shares = patch_shares(mask, squash(42, 30, 4))
    enlarged = mask[0].repeat(2, 0).repeat(2, 1).reshape(4, 15, 4, 21)
    np.testing.assert_allclose(shares[0], enlarged.mean(axis=(1, 3)), atol=1e-12)


def test_what_a_centre_crop_leaves_out_counts_for_nothing() -> None:
    mask = np.zeros((1, 20, 40), bool)
    mask[:, :, :10] = True
    regions = GridRegions.of(mask, center_crop(40, 20, 4))
    assert regions.shares.sum() == 0
    assert not regions.large[0]
    assert regions.areas[0] == pytest.approx(0.25)


def test_a_region_must_be_larger_than_a_patch() -> None:
    small, large = np.zeros((2, SIDE, SIDE), bool)
    small[:8, :8] = True
    large[:8, :9] = True
    assert regions_of(small, large).large.tolist() == [False, True]


def test_labels_of_another_image_are_refused() -> None:
    with pytest.raises(InputError, match="another image"):
        patch_shares(np.zeros((1, 10, 10), bool), PixelTransform(20, 10, (0, 0, 20, 10), 4))
    with pytest.raises(InputError, match="one patch grid"):
        ground(np.zeros((1, 1, 3, 3)), [(0, [0])], regions_of(quarter(0, 0)), others=NONE)
