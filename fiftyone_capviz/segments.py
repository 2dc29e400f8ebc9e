"""Segments of one image: which to keep, which are seen, their patches, words pooled over them.

Formulas: docs/methods.md, sections 1.3, 1.5, 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform, ResizeMode
from fiftyone_capviz.placed_masks import PlacedMasks
from fiftyone_capviz.records import BoolArray, FloatArray, Segments

_CHUNK_BYTES = 64 << 20
"""Scratch memory of one step; any number of masks of any size is worked off in such pieces."""

SEEN_SHARE = 0.5
"""Of a segment's pixels that must lie inside what a model sees for the segment to be seen."""


def filter_segments(
    segments: Segments, *, min_area: float = 0.01, max_overlap: float = 0.85
) -> tuple[Segments, NDArray[np.intp]]:
    """Drop small segments, and of two that nearly coincide the worse one (seed paper, 5.1).

    The better of two is the one with the higher predicted IoU (nan counts lowest), then the
    larger, then the earlier. A segment that was dropped drops no other. The IoU is exact, of all
    pixels.

    Args:
        segments: of one image.
        min_area: smallest share of the image, 0..1, that a segment must own; an empty mask is
            dropped in any case.
        max_overlap: largest IoU, 0..1, of two masks that both stay.

    Returns:
        The kept segments in their old order, and their indices in the input.

    Raises:
        InputError: a threshold outside 0..1.
    """
    for name, value in (("min_area", min_area), ("max_overlap", max_overlap)):
        if not 0 <= value <= 1:
            raise InputError(f"{name} must be a share from 0 to 1; got {value}.")
    pixels = math.prod(segments.masks.shape[1:])
    counts = np.array([np.count_nonzero(mask) for mask in segments.masks], dtype=np.int64)
    large = np.flatnonzero((counts >= min_area * pixels) & (counts > 0))
    quality = np.nan_to_num(np.asarray(segments.predicted_iou, dtype=float)[large], nan=-np.inf)
    best_first = large[np.lexsort((large, -counts[large], -quality))]
    survives = _survivors(segments.masks, best_first, counts, max_overlap)
    kept = np.sort(best_first[survives])
    return segments.take(kept), kept


def _survivors(
    masks: BoolArray,
    best_first: NDArray[np.intp],
    counts: NDArray[np.int64],
    max_overlap: float,
) -> BoolArray:
    """Greedy suppression by mask IoU: bool, one per entry of `best_first`."""
    packed = _pack(masks, best_first)
    areas = counts[best_first]
    alive = np.ones(len(best_first), dtype=bool)
    step = max(1, _CHUNK_BYTES // max(1, packed.shape[1] * packed.itemsize))
    for rank in range(len(best_first) - 1):
        if not alive[rank]:
            continue
        later = rank + 1 + np.flatnonzero(alive[rank + 1 :])
        # The IoU is at most the ratio of the areas, so most pairs need no look at their pixels.
        ratio = np.minimum(areas[rank], areas[later]) / np.maximum(areas[rank], areas[later])
        later = later[ratio > max_overlap]
        for start in range(0, len(later), step):
            some = later[start : start + step]
            common = np.bitwise_count(packed[some] & packed[rank]).sum(axis=1, dtype=np.int64)
            alive[some] = common / (areas[rank] + areas[some] - common) <= max_overlap
    return alive


def _pack(masks: BoolArray, index: NDArray[np.intp]) -> NDArray[np.uint64]:
    """64 pixels to a word: "index words"."""
    words = -(-math.prod(masks.shape[1:]) // 64)
    packed = np.zeros((len(index), words), dtype=np.uint64)
    for row, position in zip(packed.view(np.uint8), index, strict=True):
        bits = np.packbits(masks[position])
        row[: len(bits)] = bits
    return packed


def owned_shares(
    masks: BoolArray | PlacedMasks,
    transform: PixelTransform,
    *,
    mode: ResizeMode = "bilinear",
    dtype: DTypeLike = np.float32,
) -> FloatArray:
    """Share of the image's pixels that each segment owns per patch, through the resize.

    With R_h and R_w of `PixelTransform.resize_matrices`, W_s = R_h^T mask_s R_w / pixels: then
    the sum of W_s * C is the sum of C, resized to the image, over the segment's pixels, divided
    by the image's pixels; for any map C, without resizing it (adjoint of the resize).

    Args:
        masks: bool "segments height width", in pixels of the upright image, or `PlacedMasks` of
            it; may overlap.
        transform: of this image to the patch grid.
        mode: the interpolation.
        dtype: of the arithmetic and the result; float32 is right to 1e-6.

    Returns:
        "segments rows columns", sums to the share of the image's pixels that are in the segment
        and in the transform's crop.

    Raises:
        InputError: masks of another size than the image.
    """
    size = (transform.height, transform.width)
    if isinstance(masks, PlacedMasks):
        if (masks.height, masks.width) != size:
            raise InputError(
                f"masks must be of an image of height and width {size}; got "
                f"{(masks.height, masks.width)}."
            )
        return _shares_of_cells(masks, transform, mode).astype(dtype)
    if masks.ndim != 3 or masks.shape[1:] != size:
        raise InputError(
            f"masks must be (segments, height, width) with height and width {size}; got "
            f"{masks.shape}."
        )
    left, top, right, bottom = transform.crop
    rows = slice(max(0, math.floor(top)), max(0, math.ceil(bottom)))
    columns = slice(max(0, math.floor(left)), max(0, math.ceil(right)))
    vertical, horizontal = transform.resize_matrices(mode)
    pixels = transform.width * transform.height
    tall = (vertical[rows].T / pixels).astype(dtype)
    wide = horizontal[columns].astype(dtype)
    weights = np.empty((len(masks), *transform.grid), dtype=dtype)
    seen = masks[:, rows, columns]
    row_bytes = seen.shape[2] * np.dtype(dtype).itemsize
    for part in _chunks(len(masks), row_bytes * seen.shape[1]):
        dense = seen[part].astype(dtype)
        weights[part] = tall @ (dense @ wide)
    return weights


def _shares_of_cells(masks: PlacedMasks, transform: PixelTransform, mode: ResizeMode) -> FloatArray:
    """The same sums over cells: the resize of a cell is that of its edges' running totals."""
    vertical, horizontal = transform.resize_matrices(mode)
    until_row = np.pad(np.cumsum(vertical, axis=0), ((1, 0), (0, 0)))
    until_column = np.pad(np.cumsum(horizontal, axis=0), ((1, 0), (0, 0)))
    weights = np.empty((len(masks), *transform.grid))
    for k, (cells, rows, columns) in enumerate(masks.parts()):
        tall = np.diff(until_row[rows], axis=0).astype(np.float32 if cells.size > 1 else float)
        wide = np.diff(until_column[columns], axis=0).astype(tall.dtype)
        weights[k] = tall.T @ (cells.astype(tall.dtype) @ wide)
    return weights / (transform.width * transform.height)


def seen_segments(masks: BoolArray | PlacedMasks, transform: PixelTransform) -> BoolArray:
    """Which segments a model sees: at least `SEEN_SHARE` of their pixels are inside its crop.

    Args:
        masks: bool "segments height width", in pixels of the upright image, or `PlacedMasks`.
        transform: of this image; one that shows the whole image sees everything.

    Returns:
        bool "segments". A segment without a pixel counts as seen: there is nothing to miss.
    """
    if transform.whole:
        return np.ones(len(masks), dtype=bool)
    left, top, right, bottom = transform.crop
    down, across = (
        _inside(length, *span)
        for length, span in (
            (transform.height, (top, bottom)),
            (transform.width, (left, right)),
        )
    )
    pixels = _count_pixels(masks, slice(0, transform.height), slice(0, transform.width))
    seen: BoolArray = _count_pixels(masks, down, across) >= SEEN_SHARE * pixels
    return seen


def _count_pixels(masks: BoolArray | PlacedMasks, down: slice, across: slice) -> NDArray[np.int64]:
    """Of each segment, its pixels in these rows and columns."""
    if isinstance(masks, PlacedMasks):
        counts = [
            np.diff(np.clip(rows, down.start, down.stop))
            @ cells.astype(np.int64)
            @ np.diff(np.clip(columns, across.start, across.stop))
            for cells, rows, columns in masks.parts()
        ]
    else:
        counts = [np.count_nonzero(mask[down, across]) for mask in masks]
    return np.array(counts, dtype=np.int64)


def _inside(length: int, start: float, stop: float) -> slice:
    """The pixels of one axis whose centres lie in a span, as the resize takes them."""
    centers = np.arange(length) + 0.5
    first, last = np.searchsorted(centers, (start, stop))
    return slice(int(first), int(last))


def silent_words(maps: FloatArray) -> BoolArray:
    """Words whose map is zero everywhere: the method says nothing of them, "words"."""
    silent: BoolArray = (np.asarray(maps) == 0).all(axis=(1, 2))
    return silent


def without_silent(maps: FloatArray) -> FloatArray:
    """Maps with NaN for words that the method says nothing of: zero is no attribution of theirs.

    Args:
        maps: "words rows columns".
    """
    silent = silent_words(maps)
    if not silent.any():
        return maps
    known: FloatArray = np.where(silent[:, None, None], np.asarray(np.nan, maps.dtype), maps)
    return known


def score_table(
    weights: FloatArray, areas: FloatArray, maps: FloatArray, seen: BoolArray
) -> FloatArray:
    """`pool_scores`, with NaN rows for segments that the model did not see.

    Args:
        weights, areas, maps: as there; a word whose map is NaN has a column of NaN.
        seen: bool "segments".

    Returns:
        Float32 "segments words".
    """
    scores = pool_scores(weights, areas, maps)
    scores[~seen] = np.nan
    return scores


def _chunks(count: int, item_bytes: int) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // max(1, item_bytes))
    return (slice(start, start + step) for start in range(0, count, step))


def mask_areas(masks: BoolArray) -> FloatArray:
    """Share of the image that each mask of "segments height width" covers: "segments"."""
    if not len(masks):
        return np.zeros(0)
    areas: FloatArray = masks.reshape(len(masks), -1).mean(axis=1)
    return areas


def pool_scores(weights: FloatArray, areas: FloatArray, maps: FloatArray) -> FloatArray:
    """How much each word attends to each segment: <W_s, C_w> / sqrt(area_s).

    This is the seed paper's score (D.2, step 6; the grounding score of ALBEF) up to one constant
    per image size, so that images of different sizes compare.

    Args:
        weights: `owned_shares`, "segments rows columns".
        areas: share of the image that each segment owns, 0..1, "segments".
        maps: signed attribution of each word, "words rows columns".

    Returns:
        Float32 "segments words"; 0 for a segment without area.

    Raises:
        InputError: shapes that do not fit.
    """
    if weights.ndim != 3 or maps.ndim != 3 or weights.shape[1:] != maps.shape[1:]:
        raise InputError(
            "weights (segments, rows, columns) and maps (words, rows, columns) must be on the same "
            "patch grid; got "
            f"{weights.shape} and {maps.shape}."
        )
    areas = np.asarray(areas, dtype=float)
    if areas.shape != weights.shape[:1]:
        raise InputError(f"areas must be (segments={len(weights)},); got {areas.shape}.")
    exact = np.float64 if np.float64 in (weights.dtype, maps.dtype) else np.float32
    sums = np.tensordot(weights.astype(exact), maps.astype(exact), axes=([1, 2], [1, 2]))
    scale = np.divide(1, np.sqrt(areas), out=np.zeros_like(areas), where=areas > 0)
    scores: FloatArray = (sums * scale[:, None]).astype(exact)
    return scores
