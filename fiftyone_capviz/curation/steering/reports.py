"""What came of steering, accepting, discarding and undoing.

Formulas: docs/methods.md, section 5.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from fiftyone_capviz.curation.dataset.progress import Failure, listed_failures
from fiftyone_capviz.evaluation.statistics import NOTHING, Interval
from fiftyone_capviz.evaluation.steering_success import SteeringSuccess

_NAMED = 3


@dataclass(frozen=True)
class SteerReport:
    """What :func:`~.steer.steer_captions` did.

    Attributes:
        samples: candidates stored.
        changed: candidates that differ from the present caption.
        word: the wanted word.
        hits: candidates that say it, beside what their prompt says; None without a word.
        before: present captions of these samples that said it already.
        misses: ids of the samples whose candidate does not say it.
        success: the success rate, by images; None without a word.
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
    success: SteeringSuccess | None = None
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
        """Of the images that did not name the thing before the share that does now, 0..1.

        The prompt's own words do not count, and duplicate images count once; None without a wanted
        word, and where every image named it before.
        """
        rate = self.success.rate if self.success is not None else NOTHING
        return rate.value if rate.n else None

    def summary(self) -> str:
        """One or two sentences for people."""
        captions = "caption" if self.samples == 1 else "captions"
        text = f"{self.samples} {captions} steered, {self.changed} changed"
        if self.success is not None:
            text = f"{success_text(self.success, self.word)}; {self.changed} captions changed"
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
        success = None if self.success is None else self.success.to_dict()
        return asdict(self) | {
            "failures": listed_failures(self.failures),
            "success": success,
            "success_rate": self.success_rate,
        }


def success_text(found: SteeringSuccess, word: str | None) -> str:
    """Both rates in words."""
    named = f"{found.before} did before"
    if found.duplicates:
        named += f"; duplicate images, which do not count: {found.duplicates}"
    overall = round(found.overall.value * found.images) if found.images else 0
    return (
        f"{found.gained} of {found.rate.n} images that did not say {word!r} now do"
        f"{_percent(found.rate)}; {overall} of all {found.images} asked say it"
        f"{_percent(found.overall)} ({named})"
    )


def _percent(found: Interval) -> str:
    """ ", 90.2 % [85.3, 93.6]", without the interval where there is none."""
    if not found.n:
        return ""
    ends = f" [{100 * found.low:.1f}, {100 * found.high:.1f}]" if np.isfinite(found.low) else ""
    return f", {100 * found.value:.1f} %{ends}"


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
        edited: samples that undo left alone, because they were edited by hand since.
    """

    samples: int
    coverage_before: float | None = None
    coverage_after: float | None = None
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False
    seconds: float = 0.0
    theirs: int = 0
    waiting: int = 0
    edited: int = 0

    def summary(self) -> str:
        """One or two sentences for people."""
        text = f"{self.samples} caption{'' if self.samples == 1 else 's'} rewritten"
        if self.coverage_before is not None and self.coverage_after is not None:
            text += f"; coverage went from {self.coverage_before:.2f} to {self.coverage_after:.2f}"
        if self.theirs:
            text += f"; {self.theirs} of them were not ours, and are kept for undo"
        if self.waiting:
            text += f"; {self.waiting} can be undone further"
        if self.edited:
            text += f"; {self.edited} edited by hand since, left as they are"
        if self.failures:
            text += f"; {len(self.failures)} failed and stay as they were"
        return text + (", stopped early." if self.stopped else ".")

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self) | {"failures": listed_failures(self.failures)}
