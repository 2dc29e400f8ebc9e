"""What each word of a caption adds to the score, and which words take from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fiftyone_capviz.errors import ModelError

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pair_explanation import PairExplanation


@dataclass(frozen=True)
class PairTotals:
    """One pair in numbers.

    Attributes:
        score: cosine of image and caption.
        words: the caption's content words.
        totals: of each word, the sum of its attributions over all patches and the image's CLS:
            what it adds to the score.
        mismatches: words whose total lies below zero by more than the completeness error, which
            is how far all totals together may be off; the worst first.
        error: the completeness error over the sum of all magnitudes; None for methods that
            promise no sum.
        notes: what the user must know, such as a caption that was cut.
    """

    score: float
    words: tuple[str, ...]
    totals: tuple[float, ...]
    mismatches: tuple[str, ...]
    error: float | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, explanation: PairExplanation) -> PairTotals:
        """Of an explained pair.

        Raises:
            ModelError: the attribution overflowed.
        """
        sums = explanation.word_maps.astype(float).sum(axis=(1, 2)) + explanation.word_cls
        if not (np.isfinite(sums).all() and math.isfinite(explanation.score)):
            raise ModelError(
                "An attribution must be finite; this one overflowed. Load the encoder in float32."
            )
        slack = explanation.completeness_error
        words = explanation.words.words
        below = np.flatnonzero(sums < -(0.0 if math.isnan(slack) else slack))
        order = below[np.argsort(sums[below], kind="stable")]
        error = explanation.relative_error
        return cls(
            score=explanation.score,
            words=words,
            totals=tuple(sums.tolist()),
            mismatches=tuple(words[i] for i in order),
            error=None if math.isnan(error) else error,
            notes=explanation.warnings,
        )
