"""Why an explanation missed its object: the five groups of arXiv 2408.14153, where computable.

The paper sorted its failures (energy below 0.2) by eye. These are rules, one per group, from the
maps and the labels alone; they suggest, a person decides. An object can be in several groups.

Formulas: docs/methods.md, section 7.9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from fiftyone_capviz.records import FloatArray

FAILED_ENERGY = 0.2
"""An object with less of the positive attribution than this is a failure."""
MOST = 0.5
"""What counts as most of the attribution, or of a box."""
TAILS = (0.02, 0.98)
"""Quantiles of a class beyond which an object's size or shape is unusual."""
FEWEST = 20
"""Objects of a class that are needed to say what is usual."""

GROUPS: dict[str, str] = {
    "correlated_scene": "most of the attribution lies on no labelled object",
    "exceeds_box": "most of the attribution lies in the object or the patches around it",
    "occluded": "other objects cover half of the object's box, or it is labelled as occluded",
    "misidentified": "another object has more of the attribution than this one, and half of it",
    "unusual": "size or shape is rare for the label",
}


@dataclass(frozen=True)
class ObjectShape:
    """Size and shape of an object.

    Attributes:
        area: share of the image.
        aspect: width of its box over the height, in pixels.
        covered: share of its box that other objects own, in front of its mask; of an object
            without a mask, whose box is all there is, share that lies below other objects, be
            they before or behind it. 1 where its label says that it is occluded.
    """

    area: float
    aspect: float
    covered: float


def failure_groups(
    weights: FloatArray,
    shares: FloatArray,
    region: int,
    *,
    covered: float,
    unusual: bool,
    same_label: tuple[int, ...] = (),
) -> list[str]:
    """The groups that a failed object belongs to.

    Args:
        weights: attribution of the object's word, "p p".
        shares: of each patch's pixels that each region owns, "regions p p".
        region: which of them the word names.
        covered: share of its box that others own, 0..1.
        unusual: whether its size or shape is.
        same_label: other regions that the word names too.

    Returns:
        Some keys of `GROUPS`, none where the energy is high enough.
    """
    positive = np.maximum(np.asarray(weights, dtype=float), 0)
    total = positive.sum()
    energy = np.zeros(len(shares))
    if total > 0:
        energy = (shares * positive).sum(axis=(1, 2)) / total
    if energy[region] >= FAILED_ENERGY:
        return []
    found = []
    labelled = shares.max(axis=0).clip(0, 1)
    if total > 0 and (positive * (1 - labelled)).sum() / total >= MOST:
        found.append("correlated_scene")
    around = maximum_filter(shares[region], size=3, mode="constant")
    if total > 0 and (positive * (around > 0)).sum() / total >= MOST:
        found.append("exceeds_box")
    if covered >= MOST:
        found.append("occluded")
    others = [i for i in range(len(shares)) if i != region and i not in same_label]
    if others and energy[others].max() >= max(MOST, energy[region]):
        found.append("misidentified")
    if unusual:
        found.append("unusual")
    return found


def unusual_shapes(labels: list[str], shapes: list[ObjectShape]) -> NDArray[np.bool_]:
    """Which objects are outside the usual size or shape of their label: bool "objects"."""
    found = np.zeros(len(labels), dtype=bool)
    names = np.array(labels, dtype=object)
    for label in set(labels):
        index = np.flatnonzero(names == label)
        if len(index) < FEWEST:
            continue
        for measure in ("area", "aspect"):
            values = np.array([getattr(shapes[i], measure) for i in index])
            low, high = np.quantile(values, TAILS)
            found[index] |= (values < low) | (values > high)
    return found
