"""What one attribution method says about one segment of an image, ready to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.records import FloatArray


@dataclass(frozen=True)
class WordReading:
    """A caption's words on one segment.

    Attributes:
        scores: float "words", each word's score on this segment.
        best: float "words", each word's highest score on any segment of the image.
        covered_by: the words that cover this segment, best score first: indices.
        entropy: 0..1 of the positive scores; None where no word has one.
        maps: float "words p p", signed, on the patch grid; of the whole image.
    """

    scores: FloatArray
    best: FloatArray
    covered_by: tuple[int, ...]
    entropy: float | None
    maps: FloatArray

    @property
    def coverage(self) -> int:
        """How many words cover this segment."""
        return len(self.covered_by)


def read_words(
    scores: FloatArray, maps: FloatArray, rows: Sequence[int], *, top_k: int = 3
) -> list[WordReading]:
    """The readings of some segments of one image.

    Args:
        scores: "segments words", all segments of the image: they compete for the words.
        maps: "words p p".
        rows: which segments.
        top_k: a word covers at most this many segments.
    """
    table = np.nan_to_num(np.asarray(scores, np.float32), posinf=0, neginf=0)
    shown = np.nan_to_num(np.asarray(maps, np.float32), posinf=0, neginf=0)
    covered = measure_coverage(table, top_k=top_k)
    best = table.max(axis=0) if len(table) else np.zeros(table.shape[1], np.float32)
    readings = []
    for row in rows:
        entropy = float(covered.entropy[row])
        readings.append(
            WordReading(
                scores=table[row],
                best=best,
                covered_by=covered.covered_by[row],
                entropy=entropy if np.isfinite(entropy) else None,
                maps=shown,
            )
        )
    return readings
