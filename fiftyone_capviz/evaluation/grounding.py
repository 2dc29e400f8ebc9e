"""Does a word's map point at the object that the word names?

Point game (PGA), energy (PGE) and ranking of regions; arXiv 2408.14153 section 4, and the
grounding protocol of ALBEF (arXiv 2107.07651).

Formulas: docs/methods.md, sections 7.2 to 7.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.regions import LENIENT_SHARE, GridRegions
from fiftyone_capviz.records import BoolArray, FloatArray

HIGH_ENERGY = 0.8
"""The paper's bound for a good explanation: share of objects with more energy than this."""
TIE = 1e-9
"""Values that differ by less than this part of the largest are equal: rounding is no preference."""


@dataclass(frozen=True, eq=False)
class Grounding:
    """What every variant of a method reached on every pair of an object and its word.

    Attributes:
        hit: 1 where the patch with the largest value has its centre in the object, else 0; where
            several share that value, the share of them; "variants pairs".
        lenient: the same where the object owns a fifth of the patch's pixels or more.
        energy: share of the positive attribution in the object, 0..1; 0 where none is positive.
        ranked: 1 where the object scores highest among the image's regions; nan where it is the
            only one. A region that is labelled twice is one region.
        own: attribution summed over the object, signed.
        cross_negative: other regions of the image with a negative sum.
        cross_count: other regions of the image with the label of another object.
    """

    hit: FloatArray
    lenient: FloatArray
    energy: FloatArray
    ranked: FloatArray
    own: FloatArray
    cross_negative: FloatArray
    cross_count: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[Grounding]) -> Grounding:
        """Several images' pairs, one after the other."""
        names = [each.name for each in fields(cls)]
        return cls(*(np.concatenate([getattr(p, name) for p in parts], axis=1) for name in names))

    def taken(self, rows: NDArray[np.int_]) -> Grounding:
        """For each pair the variant that is asked for: "rows pairs" from such indices."""
        values = (getattr(self, each.name) for each in fields(self))
        return Grounding(*(np.take_along_axis(each, rows, axis=0) for each in values))

    def stacked(self, *others: Grounding) -> Grounding:
        """With more variants of the same pairs below."""
        names = [each.name for each in fields(self)]
        return Grounding(
            *(np.concatenate([getattr(p, name) for p in (self, *others)]) for name in names)
        )


def ground(
    maps: FloatArray,
    pairs: Sequence[tuple[int, Sequence[int]]],
    regions: GridRegions,
    *,
    others: Sequence[Sequence[int]],
) -> Grounding:
    """Compare the maps of one image's words with its regions.

    Args:
        maps: signed, "variants words rows columns".
        pairs: region and the words that name it; the maps of several words are summed.
        regions: of the image, on the grid of the maps.
        others: for each pair the regions that the word does not name.

    Returns:
        Float64 "variants pairs".

    Raises:
        InputError: maps and regions on different grids.
    """
    if maps.ndim != 4 or maps.shape[2:] != regions.shares.shape[1:]:
        raise InputError(
            "maps (variants, words, rows, columns) and regions (regions, rows, columns) must be on "
            f"one patch grid; got {maps.shape} and {regions.shares.shape}."
        )
    index = [region for region, _ in pairs]
    numbers = regions.numbers
    others = [
        [i for i in each if numbers[i] != numbers[region]]
        for region, each in zip(index, others, strict=True)
    ]
    named = np.stack([maps[:, list(words)].sum(axis=1) for _, words in pairs], axis=1)
    named = named.astype(np.float64).reshape(len(maps), len(pairs), -1)
    shares = regions.shares.reshape(len(regions.shares), -1)
    sums = named @ shares.T
    negative = np.stack(
        [(sums[:, i, list(each)] < 0).sum(axis=1) for i, each in enumerate(others)], axis=1
    )
    count = np.broadcast_to([len(each) for each in others], negative.shape)
    return Grounding(
        hit=point_game(named, regions.centres.reshape(shares.shape)[index]),
        lenient=point_game(named, shares[index] >= LENIENT_SHARE),
        energy=energy_inside(named, shares[index]),
        ranked=ranked_first(named, index, regions),
        own=sums[:, np.arange(len(index)), index],
        cross_negative=negative.astype(np.float64),
        cross_count=count.astype(np.float64),
    )


def point_game(maps: FloatArray, patches: BoolArray) -> NDArray[np.float64]:
    """Whether the patch with the largest value is one of the object's (PGA).

    Args:
        maps: "variants pairs patches".
        patches: which of them are the object's, bool "pairs patches".

    Returns:
        0..1, "variants pairs". Where several patches share the largest value none is first by luck
        of its place: the hit is the share of them that are the object's, which is what drawing one
        by lot comes to. A map that is the same everywhere (all zero, or not known) points nowhere:
        0.
    """
    known = np.where(np.isfinite(maps), maps, -np.inf)
    top = known.max(axis=-1, keepdims=True)
    largest = known >= top - TIE * np.abs(top)
    share = (largest & patches).sum(axis=-1) / largest.sum(axis=-1)
    hits: NDArray[np.float64] = np.where(largest.all(axis=-1), 0.0, share)
    return hits


def energy_inside(maps: FloatArray, shares: FloatArray) -> NDArray[np.float64]:
    """Share of the positive attribution that lies in the object (PGE).

    Each patch's attribution counts as spread evenly over its pixels.

    Args:
        maps: "variants pairs patches".
        shares: "pairs patches".

    Returns:
        0..1, "variants pairs"; 0 where nothing is positive.
    """
    positive = np.maximum(maps, 0)
    total = positive.sum(axis=-1)
    inside = (positive * shares).sum(axis=-1)
    energy: NDArray[np.float64] = np.divide(
        inside, total, out=np.zeros_like(total), where=total > 0
    )
    return energy


def ranked_first(
    maps: FloatArray, index: Sequence[int], regions: GridRegions
) -> NDArray[np.float64]:
    """Whether sum over sqrt(area) is highest for the object itself, among the image's regions."""
    count, numbers = len(regions.areas), regions.numbers
    root = np.sqrt(np.where(regions.areas > 0, regions.areas, np.inf))
    scores = maps @ (regions.weights.reshape(count, -1) / root[:, None]).T
    own = scores[:, np.arange(len(index)), index]
    rivals = numbers[None] != numbers[index][:, None]
    behind = (scores < own[..., None]) | ~rivals
    first: NDArray[np.float64] = np.where(rivals.any(axis=1), behind.all(axis=-1), np.nan)
    return first
