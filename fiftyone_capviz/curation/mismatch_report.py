"""What explaining the pairs of a view found, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from fiftyone_capviz.curation.report import Failure

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
        mismatched: samples with a word that speaks against the image, of all that are explained.
        words: how often each word does.
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
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False
    seconds: float = 0.0

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
        if self.stopped:
            lines.append("Stopped on request. Run the same again to go on where it stopped.")
        lines += [f"  {one.filepath}: {one.message}" for one in self.failures[:LISTED]]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return {
            "caption_field": self.caption_field,
            "samples": self.samples,
            "explained": self.explained,
            "skipped": self.skipped,
            "captionless": self.captionless,
            "mismatched": self.mismatched,
            "words": dict(self.words.most_common()),
            "failures": [list(one) for one in self.failures],
            "stopped": self.stopped,
            "seconds": self.seconds,
        }
