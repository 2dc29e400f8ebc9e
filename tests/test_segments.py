"""Segments: filters, patch weights, pooling and masks, against slow references."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from fiftyone_capviz import segments as module
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform, center_crop, squash
from fiftyone_capviz.placed_masks import PlacedMasks, crop_mask, masks_from_boxes, place_masks
from fiftyone_capviz.records import Segments
from fiftyone_capviz.segments import filter_segments, owned_shares, pool_scores, seen_segments

seeds = st.integers(0, 2**32 - 1)


def _random_boxes(rng: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
    masks = np.zeros((count, height, width), dtype=bool)
    for mask in masks:
        y, x = rng.integers(height), rng.integers(width)
        mask[y : y + rng.integers(1, height + 1), x : x + rng.integers(1, width + 1)] = True
    return masks & (rng.random(masks.shape) < 0.95)


def _slow_filter(segments: Segments, min_area: float, max_overlap: float) -> list[int]:
    def rank(i: int) -> tuple[float, float, int]:
        quality = float(segments.predicted_iou[i])
        return (-quality if quality == quality else np.inf, -segments.masks[i].sum(), i)

    kept: list[int] = []
    for i in sorted(range(len(segments)), key=rank):
        mask = segments.masks[i]
        if not mask.any() or mask.mean() < min_area:
            continue
        overlaps = [(mask & o).sum() / (mask | o).sum() for o in segments.masks[kept]]
        if not any(overlap > max_overlap for overlap in overlaps):
            kept.append(i)
    return sorted(kept)


@settings(deadline=None, max_examples=60)
@given(
    seed=seeds,
    count=st.integers(0, 25),
    min_area=st.sampled_from([0, 0.01, 0.2]),
    max_overlap=st.sampled_from([0, 0.3, 0.85, 1]),
)
def test_filter_agrees_with_the_slow_one(
    seed: int, count: int, min_area: float, max_overlap: float
) -> None:
    rng = np.random.default_rng(seed)
    masks = _random_boxes(rng, count, 9, 15)
    if count > 3:
        masks[1] = masks[0]
        masks[2] = False
    ious = rng.choice([0.5, 0.9, np.nan], size=count)
    segments = Segments(masks, ious)
    kept, index = filter_segments(segments, min_area=min_area, max_overlap=max_overlap)
    assert index.tolist() == _slow_filter(segments, min_area, max_overlap)
    np.testing.assert_array_equal(kept.masks, masks[index])
    np.testing.assert_array_equal(kept.predicted_iou, ious[index])


def test_filter_works_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    segments = Segments(_random_boxes(rng, 40, 20, 31), rng.random(40))
    whole = filter_segments(segments, min_area=0.0, max_overlap=0.2)[1]
    monkeypatch.setattr(module, "_CHUNK_BYTES", 100)
    np.testing.assert_array_equal(
        filter_segments(segments, min_area=0.0, max_overlap=0.2)[1], whole
    )


def test_filter_of_a_large_image_is_exact_and_quick() -> None:
    """One pixel more or less of a million decides."""
    masks = np.zeros((2, 1000, 1000), dtype=bool)
    masks[0] = True
    masks[1, :850] = True
    both = Segments(masks, np.array([0.9, 0.8]))
    assert len(filter_segments(both, max_overlap=0.85)[0]) == 2
    masks[1, 850, 0] = True
    assert filter_segments(both, max_overlap=0.85)[1].tolist() == [0]


@pytest.mark.parametrize("name", ["min_area", "max_overlap"])
def test_filter_refuses_other_thresholds(name: str) -> None:
    nothing = Segments(np.zeros((0, 4, 4), dtype=bool), np.zeros(0))
    with pytest.raises(InputError, match=f"{name} must be a share"):
        filter_segments(nothing, **{name: 85.0})


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("width", "height"), [(61, 47), (5, 9), (1, 1), (300, 4)])
def test_pooled_sum_is_the_sum_over_the_resized_map(width: int, height: int, mode: str) -> None:
    """Oracle 5: the adjoint of the resize, docs/methods.md, 1.3."""
    rng = np.random.default_rng(5)
    masks = rng.random((4, height, width)) < 0.4
    maps = rng.normal(size=(3, 8, 8))
    resized = functional.interpolate(
        torch.from_numpy(maps)[:, None], size=(height, width), mode=mode, align_corners=False
    )[:, 0].numpy()
    expected = np.einsum("shw,chw->sc", masks, resized) / (height * width)
    transform = squash(width, height, 8)
    weights = owned_shares(masks, transform, mode=mode, dtype=np.float64)  # type: ignore[arg-type]
    np.testing.assert_allclose(np.einsum("sij,cij->sc", weights, maps), expected, atol=1e-12)
    areas = masks.mean(axis=(1, 2))
    scores = pool_scores(weights, areas, maps)
    scale = np.sqrt(np.where(areas > 0, areas, 1))
    np.testing.assert_allclose(scores, expected / scale[:, None], atol=1e-12)
    single = owned_shares(masks, transform, mode=mode)  # type: ignore[arg-type]
    np.testing.assert_allclose(single, weights, atol=1e-6)
    assert pool_scores(single, areas, maps.astype(np.float32)).dtype == np.float32


transforms = st.tuples(
    st.integers(1, 60), st.integers(1, 60), st.integers(1, 12), st.booleans()
).map(lambda v: (squash if v[3] else center_crop)(v[0], v[1], v[2]))


@settings(deadline=None, max_examples=60)
@given(transform=transforms, seed=seeds)
def test_weights_sum_to_the_area_that_is_seen(transform: PixelTransform, seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = rng.random((3, transform.height, transform.width)) < rng.random()
    weights = owned_shares(masks, transform, dtype=np.float64)
    seen = np.zeros(masks.shape[1:], dtype=bool)
    for y, x in np.ndindex(seen.shape):
        seen[y, x] = transform.pixel_to_patch(x + 0.5, y + 0.5) is not None
    np.testing.assert_allclose(
        weights.sum(axis=(1, 2)), (masks & seen).mean(axis=(1, 2)), atol=1e-12
    )
    assert weights.min() >= 0


def test_masks_that_partition_the_image_share_every_patch() -> None:
    labels = np.random.default_rng(0).integers(5, size=(40, 30))
    masks = labels == np.arange(5)[:, None, None]
    whole = owned_shares(np.ones((1, 40, 30), bool), squash(30, 40, 6), dtype=np.float64)
    parts = owned_shares(masks, squash(30, 40, 6), dtype=np.float64)
    np.testing.assert_allclose(parts.sum(axis=0), whole[0], atol=1e-15)


def test_weights_are_computed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = np.random.default_rng(0).random((7, 12, 10)) < 0.5
    whole = owned_shares(masks, squash(10, 12, 4))
    monkeypatch.setattr(module, "_CHUNK_BYTES", 1000)
    np.testing.assert_allclose(owned_shares(masks, squash(10, 12, 4)), whole, atol=1e-7)


def test_pooling_has_answers_for_nothing() -> None:
    none = np.zeros((0, 4, 4), np.float32)
    some = np.ones((2, 4, 4), np.float32)
    assert pool_scores(none, np.zeros(0), some).shape == (0, 2)
    assert pool_scores(some, np.ones(2), none).shape == (2, 0)
    assert pool_scores(some, np.array([0.0, 1.0]), some).tolist() == [[0, 0], [16, 16]]
    assert owned_shares(np.zeros((0, 5, 6), bool), squash(6, 5, 4)).shape == (0, 4, 4)


def test_pooling_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="same patch grid"):
        pool_scores(np.zeros((1, 4, 4)), np.ones(1), np.zeros((1, 5, 5)))
    with pytest.raises(InputError, match=r"areas must be \(segments=1,\)"):
        pool_scores(np.zeros((1, 4, 4)), np.ones(2), np.zeros((1, 4, 4)))
    with pytest.raises(InputError, match="height, width"):
        owned_shares(np.zeros((1, 4, 5), bool), squash(4, 5, 2))


@settings(deadline=None, max_examples=100)
@given(seed=seeds, height=st.integers(1, 90), width=st.integers(1, 90))
def test_cropping_a_mask_loses_nothing(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    mask = _random_boxes(rng, 1, height, width)[0] & (rng.random((height, width)) < rng.random())
    box, cropped = crop_mask(mask)
    back = masks_from_boxes([box], [cropped], height=height, width=width)
    np.testing.assert_array_equal(back[0], mask)
    if mask.any():
        assert cropped[0].any()
        assert cropped[-1].any()
        assert cropped[:, 0].any()
        assert cropped[:, -1].any()


def test_boxes_without_masks_are_filled() -> None:
    masks = masks_from_boxes(
        [(0.25, 0.5, 0.5, 0.25), (0.9, 0.9, 0.5, 0.5), (0.3, 0.3, 1e-9, 1e-9), (0.1, 0.1, 0, 0)],
        height=8,
        width=12,
    )
    expected = np.zeros((4, 8, 12), dtype=bool)
    expected[0, 4:6, 3:9] = True
    expected[1, 7:, 11:] = True
    expected[2, 2, 3] = True
    np.testing.assert_array_equal(masks, expected)


def test_masks_of_another_size_are_scaled_to_their_box() -> None:
    checker = np.array([[1, 0], [0, 1]], dtype=np.uint8)
    mask = masks_from_boxes([(-0.5, 0.0, 1.0, 1.0)], [checker], height=4, width=8)[0]
    expected = np.zeros((4, 8), dtype=bool)
    expected[2:, :4] = True  # the right half of the mask; its left half lies outside the image
    np.testing.assert_array_equal(mask, expected)


def test_masks_from_boxes_refuses_what_is_no_box() -> None:
    with pytest.raises(InputError, match="one mask"):
        masks_from_boxes([(0, 0, 1, 1)], [], height=2, width=2)
    with pytest.raises(InputError, match="finite"):
        masks_from_boxes([(0, 0, np.nan, 1)], height=2, width=2)
    assert masks_from_boxes([], height=2, width=3).shape == (0, 2, 3)


def _placed(rng: np.random.Generator, count: int, height: int, width: int) -> PlacedMasks:
    """Boxes of any place and size, also outside the image, with masks of any size or without."""
    boxes, crops = [], []
    for _ in range(count):
        left, top = rng.uniform(-0.3, 1, 2)
        boxes.append((left, top, *rng.uniform(0, 1.2, 2)))
        shape = rng.integers(0, 12, 2)
        crops.append(None if rng.random() < 0.4 else rng.random(shape) < 0.5)
    return place_masks(boxes, crops, height=height, width=width)


def _by_pixels(box: tuple[float, ...], crop: np.ndarray | None, height: int, width: int) -> Any:
    """The rule, pixel by pixel: whose cell of the box the centre of the pixel lies in."""
    mask = np.zeros((height, width), bool)
    left, top = round(box[0] * width), round(box[1] * height)
    right, bottom = round((box[0] + box[2]) * width), round((box[1] + box[3]) * height)
    for y in range(max(0, top), min(height, bottom)):
        for x in range(max(0, left), min(width, right)):
            if crop is None:
                mask[y, x] = True
            elif crop.size:
                row = int((y + 0.5 - top) * crop.shape[0] / (bottom - top))
                column = int((x + 0.5 - left) * crop.shape[1] / (right - left))
                mask[y, x] = crop[min(row, len(crop) - 1), min(column, crop.shape[1] - 1)]
    return mask


@settings(deadline=None, max_examples=60)
@given(seed=seeds, height=st.integers(2, 60), width=st.integers(2, 60))
def test_cells_are_the_pixels_of_their_masks(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    box = (*rng.uniform(-0.3, 0.8, 2), *rng.uniform(1 / 2, 1.2, 2))
    crop = None if seed % 3 == 0 else rng.random(rng.integers(0, 12, 2)) < 0.5
    placed = place_masks([box], [crop], height=height, width=width)
    np.testing.assert_array_equal(placed[0], _by_pixels(box, crop, height, width))


@settings(deadline=None, max_examples=60)
@given(seed=seeds, height=st.integers(1, 90), width=st.integers(1, 90), grid=st.integers(1, 9))
def test_cells_are_summed_as_their_pixels_are(
    seed: int, height: int, width: int, grid: int
) -> None:
    placed = _placed(np.random.default_rng(seed), 5, height, width)
    dense = placed.dense()
    np.testing.assert_array_equal(placed.pixels, dense.reshape(5, -1).sum(axis=1))
    np.testing.assert_allclose(placed.areas, dense.reshape(5, -1).mean(axis=1), rtol=1e-12)
    for transform in (
        squash(width, height, grid),
        center_crop(width, height, grid, grid, size=grid * 4),
    ):
        weights = owned_shares(placed, transform)
        assert weights.dtype == np.float32
        # Both sum float32 numbers, in another order.
        np.testing.assert_allclose(weights, owned_shares(dense, transform), atol=1e-6)


def test_hundreds_of_boxes_on_a_large_photograph_take_no_array_each() -> None:
    """250 boxes of 24 megapixels took 50 s and 6 GB as arrays of the image's size."""
    height, width = 4000, 6000
    rng = np.random.default_rng(0)
    boxes = [(*rng.uniform(0, 0.7, 2), *rng.uniform(0.01, 0.3, 2)) for _ in range(250)]
    tracemalloc.start()
    placed = place_masks(boxes, height=height, width=width)
    weights = owned_shares(placed, squash(width, height, 24))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * height * width
    np.testing.assert_allclose(weights.sum(axis=(1, 2)), placed.areas, rtol=1e-5)


def test_placed_masks_of_another_image_are_refused() -> None:
    placed = place_masks([(0, 0, 1, 1)], height=4, width=5)
    with pytest.raises(InputError, match="image of height and width"):
        owned_shares(placed, squash(4, 5, 2))


def test_what_is_seen_of_cells_is_what_is_seen_of_their_pixels() -> None:
    rng = np.random.default_rng(5)
    boxes = rng.uniform(-0.1, 0.9, (40, 2)).tolist()
    boxes = [(left, top, *rng.uniform(0.02, 0.5, 2)) for left, top in boxes]
    crops = [None if k % 2 else rng.random((5, 7)) > 0.4 for k in range(40)]
    placed = place_masks(boxes, crops, height=40, width=90)
    transform = center_crop(90, 40, 4)
    seen = seen_segments(placed, transform)
    assert seen.tolist() == seen_segments(placed.dense(), transform).tolist()
    assert 0 < seen.sum() < 40
