"""Slices of an explanation: words to a heatmap, a region to coloured words, segments by words.

An attribution of a word on a patch is spread over the patch's pixels. A region is given by its
patch weights: the share of the image's pixels per patch that it owns, through the resize
(`segments.owned_shares`); `region_weights` makes them from a box or mask.

Formulas: docs/methods.md, sections 1.4, 3.1, 4.11.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fiftyone_capviz.attribution.pairs.explanation import PairExplanation
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.placed_masks import RelativeBox, masks_from_boxes
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.segments import owned_shares, score_table, without_silent


def heatmap_of_words(explanation: PairExplanation, indices: Sequence[int]) -> FloatArray:
    """Sum of the maps of chosen words; those that were not read add nothing.

    Args:
        explanation: of one pair.
        indices: into `explanation.tokens`, each word as it stands in the caption.

    Returns:
        Float32 "rows columns", signed.

    Raises:
        InputError: no word, one that the caption does not have, or none that was read.
    """
    count = len(explanation.tokens)
    if not len(indices) or any(not 0 <= i < count for i in indices):
        raise InputError(
            f"Choose words by their place, from 0 to {count - 1}; got {list(indices)}."
        )
    read = [i for i in sorted(set(indices)) if explanation.tokens_read[i]]
    if not read:
        named = ", ".join(repr(explanation.tokens[i].text) for i in sorted(set(indices)))
        raise InputError(
            f"A heatmap needs a word that the encoder has read; {named:.80} lies beyond its token "
            "limit. Shorten the caption, or choose another word."
        )
    heatmap: FloatArray = explanation.token_maps[read].sum(axis=0)
    return heatmap


def indices_of_words(explanation: PairExplanation, words: Sequence[str]) -> list[int]:
    """Places of words in the caption: all occurrences, whatever their case.

    Args:
        explanation: of one pair.
        words: as they stand in the caption, or normalised (singular) content words.

    Raises:
        InputError: a word that is not in the caption.
    """
    found: list[int] = []
    by_text: dict[str, list[int]] = {}
    for index, token in enumerate(explanation.tokens):
        by_text.setdefault(token.text.lower(), []).append(index)
    places = {(token.start, token.end): i for i, token in enumerate(explanation.tokens)}
    for word, spans in zip(explanation.words.words, explanation.words.spans, strict=True):
        by_text.setdefault(word, []).extend(places[span] for span in spans)
    for word in words:
        if word.lower() not in by_text:
            raise InputError(
                f"The word {word!r} is not in the caption {explanation.caption!r:.80}. Choose one "
                "of its words."
            )
        found += by_text[word.lower()]
    return sorted(set(found))


def word_scores_of_region(explanation: PairExplanation, owned: FloatArray) -> FloatArray:
    """How much each word has to do with a region.

    Args:
        explanation: of one pair.
        owned: share of the image per patch that the region owns, "rows columns", see
            `region_weights`.

    Returns:
        Float64 "tokens": the attribution that falls into the region, in units of the score; of
        the whole image it is the word's whole attribution. NaN for words that were not read.

    Raises:
        InputError: a region on another grid.
    """
    grid = explanation.transform.grid
    if np.shape(owned) != grid:
        raise InputError(f"owned must be on the patch grid {tuple(grid)}; got {np.shape(owned)}.")
    per_patch = patch_shares(owned, explanation.transform)
    scores: FloatArray = np.tensordot(
        explanation.token_maps.astype(np.float64), per_patch, axes=([1, 2], [0, 1])
    )
    return scores


def segment_word_matrix(
    explanation: PairExplanation,
    owned: FloatArray,
    areas: FloatArray | None = None,
    seen: BoolArray | None = None,
) -> FloatArray:
    """Scores of segments by content words, as coverage takes them: sum over pixels / sqrt(area).

    Args:
        explanation: of one pair.
        owned: "segments rows columns".
        areas: share of the image of each segment; None takes the weights' sums, which lack what
            lies outside a centre crop.
        seen: bool "segments", see `segments.seen_segments`; None means all.

    Returns:
        Float32 "segments words", columns as in `explanation.words`. NaN in the columns of words
        that were not read or have a map of zeros, and in the rows of segments that are not seen.
    """
    weights = np.asarray(owned)
    if areas is None:
        areas = weights.sum(axis=(1, 2)) if weights.ndim == 3 else np.zeros(0)
    known = np.ones(len(weights), dtype=bool) if seen is None else seen
    return score_table(weights, areas, without_silent(explanation.word_maps), known)


def region_weights(
    transform: PixelTransform, *, box: RelativeBox | None = None, mask: BoolArray | None = None
) -> FloatArray:
    """Patch weights of one box or mask.

    Args:
        transform: of the image, `explanation.transform`.
        box: left, top, width, height as shares of the image.
        mask: bool "height width" of the upright image.

    Returns:
        Float32 "rows columns".

    Raises:
        InputError: neither or both; a region outside the image, outside the part that the model
            sees, or smaller than a patch.
    """
    if box is not None and mask is None:
        _require_inside(box)
        mask = masks_from_boxes([box], height=transform.height, width=transform.width)[0]
    elif mask is None or box is not None:
        raise InputError("Give a box or a mask: one of the two.")
    weights: FloatArray = owned_shares(np.asarray(mask, dtype=bool)[None], transform)[0]
    problem = region_problem(transform, pixels=int(np.count_nonzero(mask)), weights=weights)
    if problem is not None:
        raise InputError(problem)
    return weights


def region_problem(transform: PixelTransform, *, pixels: int, weights: FloatArray) -> str | None:
    """Why a region says nothing, in plain sentences; None where nothing is wrong.

    Args:
        transform: of the image.
        pixels: how many the region has.
        weights: its patch weights, "rows columns".
    """
    left, top, right, bottom = transform.crop
    width, height = (right - left) / transform.columns, (bottom - top) / transform.rows
    # A box of exactly one patch may lose a pixel's edge on each side in rounding.
    least = max(1.0, (width - 1) * (height - 1))
    if pixels < least:
        return (
            f"A region must be at least as large as a patch ({width * height:.0f} pixels); this "
            f"one has {pixels}. Choose a larger one."
        )
    seen = float(weights.sum()) * transform.width * transform.height
    if seen < 0.999 * least:
        return (
            "The model sees only the centre of this image, and less than a patch of the region is "
            "in it. Choose a region nearer to the centre."
        )
    return None


def patch_shares(weights: FloatArray, transform: PixelTransform) -> FloatArray:
    """How much of each patch regions own: those of regions that tile the image sum to 1.

    Args:
        weights: patch weights of one region or several, "... rows columns".
        transform: of the image.

    Returns:
        Float64 of the same shape, 0..1; 0 where a patch shows no pixel, in images smaller than
        the grid.
    """
    vertical, horizontal = transform.resize_matrices("bilinear")
    pixels = transform.width * transform.height
    whole = np.outer(vertical.sum(axis=0) / pixels, horizontal.sum(axis=0))
    shares = np.zeros(np.shape(weights))
    np.divide(weights, whole, out=shares, where=whole > 0)
    return shares


def _require_inside(box: RelativeBox) -> None:
    left, top, width, height = (float(v) for v in box)
    slack = 1e-6
    outside = left < -slack or top < -slack or left + width > 1 + slack or top + height > 1 + slack
    if outside or not (width > 0 and height > 0) or not np.isfinite(box).all():
        raise InputError(
            "A box must be left, top, width, height inside the image, as shares from 0 to 1; got "
            f"{tuple(round(float(v), 4) for v in box)}."
        )
