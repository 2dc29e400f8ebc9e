"""Which segments a caption speaks of (seed paper, section 5.2; entropy after its expert E5).

Formulas: docs/methods.md, sections 3.2, 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import BoolArray, Coverage, FloatArray


def measure_coverage(
    scores: FloatArray, *, top_k: int = 3, seen: BoolArray | None = None
) -> Coverage:
    """Let each word cover the segments it attends to most, and count.

    A word covers its k best segments among those with a positive score; k = min(top_k,
    ceil(segments / 3)), so that a few segments are not all covered by every word. Of equal
    scores the earlier segment comes first. A score that is not finite counts as none. Segments
    that the model did not see neither compete nor count.

    Args:
        scores: "segments words", of one image (`fiftyone_capviz.segments.score_table`); NaN columns
            for words without a map, NaN rows for segments that were not seen.
        top_k: most segments that one word covers, at least 1.
        seen: bool "segments"; None means all.

    Raises:
        InputError: scores of another shape, or top_k below 1.
    """
    scores = np.asarray(scores)
    if scores.ndim != 2:
        raise InputError(f"scores must be (segments, words); got the shape {scores.shape}.")
    if top_k < 1:
        raise InputError(f"top_k must be at least 1; got {top_k}.")
    seen = np.ones(len(scores), dtype=bool) if seen is None else np.asarray(seen, dtype=bool)
    finite = np.isfinite(scores) & seen[:, None]
    positive = np.where(finite & (scores > 0), scores, 0).astype(float)
    k = min(top_k, math.ceil(int(seen.sum()) / 3))
    best = np.argsort(-positive, axis=0, kind="stable")[:k]
    covers = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(covers, best, True, axis=0)
    covers &= positive > 0
    covered_by = _covered_by(covers, positive)
    counts = covers.sum(axis=1)
    with_scores = int(finite.any(axis=0).sum())
    known = with_scores > 0 or scores.shape[1] == 0
    share = float((counts > 0)[seen].mean()) if seen.any() else math.nan
    top_word = np.array([row[0] if row else -1 for row in covered_by], dtype=np.intp)
    entropy = _entropy(positive, with_scores)
    return Coverage(counts, covered_by, top_word, entropy, share, seen, known)


def seen_rows(scores: FloatArray) -> BoolArray:
    """Which segments the model saw, by stored scores: those with a finite one.

    Where no score at all is finite, it was the words that were not read: then all count as seen.
    """
    finite: BoolArray = np.asarray(np.isfinite(scores).any(axis=1))
    return finite if finite.any() else np.ones(len(scores), dtype=bool)


def kept_words(words: Sequence[str], stop: Container[str]) -> list[int]:
    """Positions of the words that are no stop words."""
    return [place for place, word in enumerate(words) if word not in stop]


def in_all_words(coverage: Coverage, kept: Sequence[int]) -> Coverage:
    """Coverage that was measured on some columns, told by the positions of all of them.

    Args:
        coverage: of ``scores[:, kept]``.
        kept: positions of the columns, rising.
    """
    return replace(
        coverage,
        covered_by=tuple(tuple(kept[i] for i in row) for row in coverage.covered_by),
        top_word=np.array([kept[i] if i >= 0 else -1 for i in coverage.top_word], dtype=np.intp),
    )


def _covered_by(covers: BoolArray, scores: FloatArray) -> tuple[tuple[int, ...], ...]:
    """The covering words of each segment, best score first."""
    segment, word = np.nonzero(covers)
    order = np.lexsort((word, -scores[segment, word], segment))
    ends = np.cumsum(covers.sum(axis=1))
    ordered: list[int] = word[order].tolist()
    starts = [0, *ends[:-1].tolist()] if len(ends) else []
    return tuple(
        tuple(ordered[start:end]) for start, end in zip(starts, ends.tolist(), strict=True)
    )


def _entropy(positive: FloatArray, words: int) -> NDArray[np.float64]:
    """Of the positive scores over log(words): 0 = one word, 1 = all alike, nan = no word."""
    largest = positive.max(axis=1, keepdims=True, initial=0)
    # Divided by the largest first, so that neither tiny nor huge scores leave the floats' range.
    shares = np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0)
    totals = shares.sum(axis=1, keepdims=True)
    shares = np.divide(shares, totals, out=np.zeros_like(shares), where=totals > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(axis=1) / (math.log(words) if words > 1 else 1)
    result: NDArray[np.float64] = np.where(totals[:, 0] > 0, np.clip(entropy, 0, 1), math.nan)
    return result
