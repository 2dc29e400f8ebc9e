"""What each word of a caption adds to the score, which words take from it, and a run's report.

Formulas: docs/methods.md, section 4.12.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fiftyone_capviz.curation.dataset.progress import Failure, listed_failures
from fiftyone_capviz.errors import ModelError

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pairs.explanation import PairExplanation


@dataclass(frozen=True)
class PairTotals:
    """One pair in numbers.

    Attributes:
        score: cosine of image and caption.
        words: the caption's content words.
        totals: of each word, the sum of its attributions over all patches and the image's CLS:
            what it adds to the score; nan for a word beyond the encoder's token limit.
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
        words = explanation.words.words
        read = np.array([word not in explanation.unread for word in words], dtype=bool)
        sums = explanation.word_maps.astype(float).sum(axis=(1, 2)) + explanation.word_cls
        if not (np.isfinite(sums[read]).all() and math.isfinite(explanation.score)):
            raise ModelError(
                "An attribution must be finite; this one overflowed. Load the encoder in float32."
            )
        slack = explanation.completeness_error
        below = np.flatnonzero(sums < -(0.0 if math.isnan(slack) else slack))
        order = below[np.argsort(sums[below], kind="stable")]
        error = explanation.relative_error
        return cls(
            score=explanation.score,
            words=words,
            totals=tuple(np.where(read, sums, math.nan).tolist()),
            mismatches=tuple(words[i] for i in order),
            error=None if math.isnan(error) else error,
            notes=explanation.warnings,
        )


LISTED = 5
"""How many words and failures a summary names."""


@dataclass
class MismatchReport:
    """What explaining the pairs of a view found.

    Attributes:
        caption_field: whose captions.
        samples: with a caption, in the view.
        explained: by this run.
        skipped: explained by the same settings before.
        captionless: without a caption.
        mismatched: samples with a word that takes from the score, of those that these settings
            explained.
        words: how often each word does.
        cut: captions of these samples that were longer than the encoder reads.
        stale: of the explained, how many replaced an explanation of an older caption.
        emptied: samples whose caption went away, and with it their explanation.
        others: settings in words -> samples of the whole dataset that hold results of these other
            settings; the saved view leaves them out.
        failures: samples that could not be used.
        stopped: ended early, on request; what is stored stays.
        seconds: of the whole call.
    """

    caption_field: str
    samples: int = 0
    explained: int = 0
    skipped: int = 0
    captionless: int = 0
    mismatched: int = 0
    words: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    stale: int = 0
    emptied: int = 0
    others: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False
    seconds: float = 0.0

    def count(self, mismatches: Sequence[str], notes: Sequence[str]) -> None:
        """Add one explained pair.

        Args:
            mismatches: its words that take from the score.
            notes: of it; the only one that an explanation has is that its caption was cut.
        """
        self.mismatched += bool(mismatches)
        self.words.update(mismatches)
        self.cut += bool(notes)

    def summary(self) -> str:
        """A few lines for people."""
        done = self.explained + self.skipped
        lines = [
            f"{self.mismatched} of {done} captions hold a word that speaks against their image."
        ]
        if self.words:
            often = ", ".join(f"{word} ({n})" for word, n in self.words.most_common(LISTED))
            lines.append(f"Most often: {often}.")
        lines.append(
            f"{self.explained} explained in {self.seconds:.1f} s, {self.skipped} already done, "
            f"{len(self.failures)} failed, {self.captionless} without a caption."
        )
        if self.cut:
            lines.append(f"{self.cut} captions were cut at the model's limit; shorten them.")
        if self.stale:
            lines.append(f"{self.stale} were explained anew because their caption had changed.")
        if self.emptied:
            lines.append(f"{self.emptied} explanations went with the caption that they were of.")
        lines += [
            f"{count} other samples keep results of {told}; the saved view leaves them out."
            for told, count in self.others.items()
        ]
        if self.stopped:
            lines.append("Stopped on request. Run the same again to go on where it stopped.")
        lines += [f"  {one.filepath}: {one.message}" for one in self.failures[:LISTED]]
        if len(self.failures) > LISTED:
            lines.append(f"  and {len(self.failures) - LISTED} more (see capviz_error)")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        plain = asdict(self)
        plain["words"] = dict(self.words.most_common())
        plain["failures"] = listed_failures(self.failures)
        return plain
