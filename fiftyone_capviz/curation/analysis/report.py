"""What a run tells while it runs and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fiftyone_capviz.curation.dataset.progress import Failure, listed_failures

SHOWN_FAILURES = 5


@dataclass(frozen=True)
class Report:
    """What a run did.

    Attributes:
        counts: samples (in the view), done (stored by this run), failed, skipped, captions,
            matches, segmented, segments, attributed; where there are such, captions_at_limit
            (ended by max_new_tokens), matches_cut (of captions longer than the matcher reads),
            captions_unread and words_unread (beyond the limit of what attributes), words_silent
            (with a map of zeros), segments_not_seen.
        seconds: per stage, of the thread that computes; "decode" and "write" are what it waited
            for the two background threads; "total" is the whole call.
        failures: the samples that could not be used.
        stopped: whether it ended early, on request; what is stored stays.
        skipped: samples for which everything asked was there already.
        notes: things worth knowing that are no failures.
        caption_field, segments_field: what was analysed; None where the run did not say.
    """

    counts: dict[str, int]
    seconds: dict[str, float]
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False
    skipped: int = 0
    notes: list[str] = field(default_factory=list)
    caption_field: str | None = None
    segments_field: str | None = None

    def summary(self) -> str:
        """A few lines for people."""
        total = self.seconds.get("total", 0.0)
        lines = [
            f"{self.counts.get('done', 0)} of {self.counts.get('samples', 0)} samples analysed in "
            f"{total:.1f} s, {self.skipped} already done, {len(self.failures)} failed."
        ]
        if self.stopped:
            lines.append("Stopped on request. Run the same again to go on where it stopped.")
        stages = {k: v for k, v in self.seconds.items() if k != "total" and v >= 0.005}
        if stages:
            lines.append("Seconds: " + ", ".join(f"{k} {v:.2f}" for k, v in stages.items()))
        for failure in self.failures[:SHOWN_FAILURES]:
            lines.append(f"  {failure.filepath}: {failure.message}")
        if len(self.failures) > SHOWN_FAILURES:
            lines.append(f"  and {len(self.failures) - SHOWN_FAILURES} more (see capviz_error)")
        return "\n".join([*lines, *self.notes])

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return {
            "counts": dict(self.counts),
            "seconds": dict(self.seconds),
            "failures": listed_failures(self.failures),
            "stopped": self.stopped,
            "skipped": self.skipped,
            "notes": list(self.notes),
            "caption_field": self.caption_field,
            "segments_field": self.segments_field,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Report:
        """The report that :meth:`to_dict` wrote."""
        stored: dict[str, Any] = dict(values)
        return cls(
            counts=dict(stored.get("counts", {})),
            seconds=dict(stored.get("seconds", {})),
            failures=[Failure(*failure) for failure in stored.get("failures", [])],
            stopped=bool(stored.get("stopped", False)),
            skipped=int(stored.get("skipped", 0)),
            notes=list(stored.get("notes", [])),
            caption_field=stored.get("caption_field"),
            segments_field=stored.get("segments_field"),
        )
