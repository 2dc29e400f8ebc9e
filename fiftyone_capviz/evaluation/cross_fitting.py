"""The best layer of a method, without being flattered by the choice.

The highest of twelve figures measured on the same images is too high, also where all layers are
alike. So the images are split in halves by lot; each half is measured by the layer that is best on
the other, and both are pooled (two-fold cross-fitting).

Formulas: docs/methods.md, section 7.17.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.records import BoolArray, FloatArray


@dataclass(frozen=True)
class FamilyChoice:
    """The variants that one source and method is measured by.

    Attributes:
        first: on the first half of the images; chosen on the second.
        second: on the second half; chosen on the first.
        candidates: how many there were to choose from.
    """

    first: Variant
    second: Variant
    candidates: int = 1

    @property
    def variant(self) -> Variant:
        """What both stand for: their source and method, no layer."""
        return Variant(self.first.source, self.first.method)

    def on(self, in_first: bool) -> Variant:
        """The variant for an image of the first half, or of the second."""
        return self.first if in_first else self.second


def first_half(images: ArrayLike, *, seed: int) -> BoolArray:
    """Which items' images are in the first half, drawn by the seed: bool "items"."""
    distinct, place = np.unique(np.asarray(images), return_inverse=True)
    order = np.random.default_rng([seed, 4]).permutation(len(distinct))
    found: BoolArray = (order < (len(distinct) + 1) // 2)[place]
    return found


def choose_variants(
    variants: Sequence[Variant],
    hits: FloatArray,
    in_first: BoolArray,
    *,
    defaults: Collection[Variant] = (),
) -> list[FamilyChoice]:
    """The best variant of each source and method on either half, by point-game accuracy.

    Args:
        variants: single heads are no candidates, only means of all heads.
        hits: "variants pairs"; nan where a pair does not count.
        in_first: of the pairs, see `first_half`.
        defaults: variants that win a tie, and where a half has no pair to choose by.
    """
    families: dict[str, list[int]] = {}
    for i, variant in enumerate(variants):
        if variant.head is None:
            families.setdefault(variant.family, []).append(i)
    choices = []
    for places in families.values():
        ordered = sorted(places, key=lambda i: variants[i] not in defaults)
        accuracy = [[_mean(hits[i, half]) for i in ordered] for half in (~in_first, in_first)]
        first, second = (variants[ordered[int(np.argmax(each))]] for each in accuracy)
        choices.append(FamilyChoice(first, second, len(ordered)))
    return choices


def cross_fit(
    choices: Sequence[FamilyChoice],
    variants: Sequence[Variant],
    grounding: Grounding,
    in_first: BoolArray,
) -> Grounding:
    """Each choice's values, on either half those of its variant: "choices pairs".

    Args:
        choices: of `choose_variants`.
        variants: the rows of the grounding.
        grounding: "variants pairs".
        in_first: of the pairs.
    """
    place = {variant: i for i, variant in enumerate(variants)}
    rows = np.array(
        [np.where(in_first, place[each.first], place[each.second]) for each in choices], dtype=int
    ).reshape(len(choices), len(in_first))
    return grounding.taken(rows)


def _mean(hits: NDArray[np.floating]) -> float:
    known = hits[np.isfinite(hits)]
    return float(known.mean()) if len(known) else 0.0
