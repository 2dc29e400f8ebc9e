"""What is known to be so, against what an analysis says: uncovered regions, planted pairs.

Formulas: docs/methods.md, sections 7.10, 7.11.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.graph.association import AssociationTable
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.segments import pool_scores


def uncovered_regions(
    maps: FloatArray, regions: GridRegions, *, top_k: int = 3
) -> NDArray[np.bool_]:
    """Which regions no word covers, by each variant's maps; of those not seen it says nothing.

    Args:
        maps: of all content words, "variants words p p".
        regions: of the image.
        top_k: regions that one word covers at most.

    Returns:
        bool "variants regions".
    """
    scores = [pool_scores(regions.weights, regions.areas, each) for each in maps]
    found = [measure_coverage(each, top_k=top_k, seen=regions.seen).counts == 0 for each in scores]
    return np.stack(found).reshape(len(maps), len(regions.areas))


@dataclass(frozen=True)
class Detection:
    """How well "uncovered" finds the objects that no word names.

    Attributes:
        true_positives: unnamed and uncovered; false_positives: named and uncovered;
            false_negatives: unnamed and covered; true_negatives: named and covered.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @classmethod
    def of(cls, uncovered: BoolArray, unnamed: BoolArray) -> Detection:
        """From the claim and the truth, "regions" each."""
        return cls(
            int((uncovered & unnamed).sum()),
            int((uncovered & ~unnamed).sum()),
            int((~uncovered & unnamed).sum()),
            int((~uncovered & ~unnamed).sum()),
        )

    @property
    def precision(self) -> float:
        """Share of the uncovered regions that no word names; nan where none is uncovered."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the unnamed regions that are uncovered; nan where all are named."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def chance(self) -> float:
        """The precision of a blind guess: share of the regions that no word names."""
        unnamed = self.true_positives + self.false_negatives
        return _share(unnamed, unnamed + self.false_positives + self.true_negatives)


@dataclass(frozen=True)
class PlantedRank:
    """Where a planted pair stands among all pairs of words.

    Attributes:
        words: the pair.
        rank: 1 is first; None where the captions do not hold both words often enough.
        pairs: how many were ranked.
        log_odds: of the pair.
    """

    words: tuple[str, str]
    rank: int | None
    pairs: int
    log_odds: float | None


def rank_planted(
    table: AssociationTable, planted: Iterable[Sequence[str]], *, apart: bool = False
) -> list[PlantedRank]:
    """Rank pairs by their log-odds among all pairs of the table.

    Args:
        table: associations of the captions' words.
        planted: pairs of normalised words.
        apart: rank by falling log-odds, the pairs that avoid each other first.
    """
    ordered = table.ordered("log_odds", descending=not apart).pairs()
    places = {frozenset((p.word_a, p.word_b)): (i, p) for i, p in enumerate(ordered, start=1)}
    ranks = []
    for first, second in planted:
        found = places.get(frozenset((first, second)))
        rank, odds = (None, None) if found is None else (found[0], found[1].log_odds)
        ranks.append(PlantedRank((first, second), rank, len(ordered), odds))
    return ranks


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
