"""What explaining the pairs of a view found, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

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
        plain["failures"] = [list(one) for one in self.failures]
        return plain
