"""Intervals of shares that are counted once per image, and of paired differences of two.

Closed forms, which hold what they promise near 0 and 1, where draws are all alike: Wilson (1927)
for a share, Newcombe (1998, Statistics in Medicine 17, 2635, method 10) for a paired difference.

Formulas: docs/methods.md, section 7.18.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.statistics import NOTHING, Interval


def share_interval(hits: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """The share of images with a hit, with Wilson's interval.

    Args:
        hits: bool "images", one entry per independent image.
        confidence: of the interval, 0..1.
    """
    given = np.asarray(hits, dtype=bool)
    if not len(given):
        return NOTHING
    low, high = _wilson(float(given.mean()), len(given), confidence)
    return Interval(float(given.mean()), low, high, len(given))


def paired_difference(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Share of the first minus share of the second, over the same images.

    Args:
        first, second: bool "images", in the same order.
        confidence: of the interval, 0..1.

    Raises:
        InputError: counts that differ.
    """
    ours, theirs = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if ours.shape != theirs.shape:
        raise InputError(
            f"A paired difference needs the same images; got {len(ours)} and {len(theirs)}."
        )
    n = len(ours)
    if not n:
        return NOTHING
    p, q = float(ours.mean()), float(theirs.mean())
    (low_p, high_p), (low_q, high_q) = (_wilson(each, n, confidence) for each in (p, q))
    phi = _correlation(ours, theirs)
    value = p - q
    below = np.hypot(p - low_p, high_q - q) ** 2 - 2 * phi * (p - low_p) * (high_q - q)
    above = np.hypot(high_p - p, q - low_q) ** 2 - 2 * phi * (high_p - p) * (q - low_q)
    low, high = value - np.sqrt(max(below, 0.0)), value + np.sqrt(max(above, 0.0))
    return Interval(value, float(low), float(high), n)


def _wilson(share: float, n: int, confidence: float) -> tuple[float, float]:
    z = float(ndtri(1 - (1 - confidence) / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _correlation(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Newcombe's phi: corrected for continuity where the pairs agree; 0 where one never varies."""
    both, neither = int((ours & theirs).sum()), int((~ours & ~theirs).sum())
    only, other = int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    product = (both + only) * (other + neither) * (both + other) * (only + neither)
    if not product:
        return 0.0
    agreement = float(both * neither - only * other)
    if agreement > 0:
        agreement = max(agreement - len(ours) / 2, 0.0)
    return float(agreement / np.sqrt(product))
