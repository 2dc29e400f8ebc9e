"""What came of steering, accepting, discarding and undoing.

Formulas: docs/methods.md, section 5.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from fiftyone_capviz.curation.dataset.progress import Failure, listed_failures

_NAMED = 3


@dataclass(frozen=True)
class SteerReport:
    """What :func:`~.steer.steer_captions` did.

    Attributes:
        samples: candidates stored.
        changed: candidates that differ from the present caption.
        word: the wanted word.
        hits: candidates that say it; None without a word.
        before: present captions of these samples that said it already.
        misses: ids of the samples whose candidate does not say it.
        unweighted: samples without a chosen segment: the prompt alone steered them.
        subjects: what ``{subject}`` was filled with, and in how many samples; most frequent first.
        without_subject: samples whose caption names no subject: they went on from the captioner's
            own prompt.
        at_limit: candidates of this run that max_new_tokens ended, maybe in mid-sentence.
        skipped: candidates among them that were there already, by the same recipe.
        failures: samples that could not be captioned.
        stopped: whether it ended early, on request.
        seconds: wall-clock time.
    """

    samples: int
    changed: int
    word: str | None
    hits: int | None
    before: int | None
    misses: list[str] = field(default_factory=list)
    unweighted: int = 0
    subjects: list[tuple[str, int]] = field(default_factory=list)
    without_subject: int = 0
    at_limit: int = 0
    skipped: int = 0
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False
    seconds: float = 0.0

    @property
    def success_rate(self) -> float | None:
        """Share of the candidates that say the wanted word, 0..1."""
        if self.hits is None or not self.samples:
            return None
        return self.hits / self.samples

    def summary(self) -> str:
        """One or two sentences for people."""
        captions = "caption" if self.samples == 1 else "captions"
        text = f"{self.samples} {captions} steered, {self.changed} changed"
        if self.hits is not None:
            text = (
                f"{self.hits} of {self.samples} now say {self.word!r} ({self.before} did before), "
                f"{self.changed} captions changed"
            )
        if self.unweighted:
            text += f"; {self.unweighted} had no such segment"
        if self.subjects:
            text += f"; subjects: {named_subjects(self.subjects)}"
        if self.without_subject:
            text += (
                f"; {self.without_subject} without a subject in the caption: the captioner's own "
                "prompt"
            )
        if self.at_limit:
            text += (
                f"; {self.at_limit} ran to the limit of new tokens and may break off (raise "
                "max_new_tokens)"
            )
        if self.skipped:
            text += f"; {self.skipped} were there already"
        if self.failures:
            text += f"; {len(self.failures)} failed"
        return text + (", stopped early." if self.stopped else ".")

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self) | {"failures": listed_failures(self.failures)}


def named_subjects(subjects: Sequence[tuple[str, int]]) -> str:
    """What prompts were filled with, the first ones by name: "man 60, woman 52, others 4"."""
    named = [f"{word} {count}" for word, count in subjects[:_NAMED]]
    others = sum(count for _, count in subjects[_NAMED:])
    return ", ".join([*named, *([f"others {others}"] if others else [])])


@dataclass(frozen=True)
class AcceptReport:
    """What accepting, discarding or undoing did.

    Attributes:
        samples: captions rewritten.
        coverage_before, coverage_after: mean coverage of these samples, 0..1; None without.
        failures: samples left as they were.
        stopped: whether it ended early, on request.
        seconds: wall-clock time.
        theirs: of the replaced captions, those that we did not write.
        waiting: samples whose earlier captions wait for another undo.
    """

    samples: int
    coverage_before: float | None = None
    coverage_after: float | None = None
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False
    seconds: float = 0.0
    theirs: int = 0
    waiting: int = 0

    def summary(self) -> str:
        """One or two sentences for people."""
        text = f"{self.samples} caption{'' if self.samples == 1 else 's'} rewritten"
        if self.coverage_before is not None and self.coverage_after is not None:
            text += f"; coverage went from {self.coverage_before:.2f} to {self.coverage_after:.2f}"
        if self.theirs:
            text += f"; {self.theirs} of them were not ours, and are kept for undo"
        if self.waiting:
            text += f"; {self.waiting} can be undone further"
        if self.failures:
            text += f"; {len(self.failures)} failed and stay as they were"
        return text + (", stopped early." if self.stopped else ".")

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self) | {"failures": listed_failures(self.failures)}
