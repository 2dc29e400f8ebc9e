"""The parts of an evaluation, each a loop of its own: one that breaks costs only itself."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo
from bson import ObjectId

from fiftyone_capviz.curation.dataset.job import Job
from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.dataset.progress import Failure
from fiftyone_capviz.curation.evaluation.labelled import LabelledText
from fiftyone_capviz.curation.evaluation.work import EvaluationWork, Measured, NumberedSample
from fiftyone_capviz.curation.inference.batch_loop import run_batches
from fiftyone_capviz.errors import HopelessError, InputError

FIRST_PART = "grounding"
"""All else needs it: where it is hopeless, so is the run; another part costs only itself."""


@dataclass
class PartLoop:
    """Runs the parts one after the other, and remembers what broke.

    Attributes:
        seconds: per part.
        failures: per part, why an image could not be used.
        given_up: parts whose first images all failed.
        stopped: whether the user asked for an end.
    """

    dataset: fo.Dataset
    job: Job
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, dict[ObjectId, Failure]] = field(default_factory=lambda: defaultdict(dict))
    given_up: set[str] = field(default_factory=set)
    stopped: bool = False

    def over(
        self, work: EvaluationWork, samples: Sequence[LabelledText], take: Callable[[Any], None]
    ) -> None:
        """Work on all samples, until it is stopped or hopeless.

        Args:
            work: the part.
            samples: in their order.
            take: counts what was found, in the order of the samples.

        Raises:
            InputError: the first images cannot be used, and the part is the first.
        """
        start = time.perf_counter()

        def stored(result: Measured) -> None:
            if result.sample is None:
                take(result.found)
            else:
                self._failed(work.stage, result.sample, result.error or "")

        try:
            loop = run_batches(
                work,
                [NumberedSample(i, sample) for i, sample in enumerate(samples)],
                self.job,
                dataset=self.dataset,
                stored=stored,
                rejected=lambda result, reason: None,
            )
            self.stopped |= loop.stopped
        except HopelessError as error:
            if work.stage == FIRST_PART:
                raise InputError(str(error)) from error
            if isinstance(error.result, Measured):
                stored(error.result)
            self.given_up.add(work.stage)
            get_logger().error("evaluation: %s is given up. %s", work.stage, error)
        self.seconds[work.stage] = time.perf_counter() - start

    def notes(self) -> list[str]:
        """How many images each part could not use, and the first reason."""
        notes = []
        for part, reasons in self.failures.items():
            if not reasons:
                continue
            about = "" if part == FIRST_PART else f"{part.capitalize()}: "
            end = ", and none could, so it was given up" if part in self.given_up else ""
            first = reason_text(next(iter(reasons.values())))
            notes.append(
                f"{about}{len(reasons)} samples could not be used{end}; the first: {first}"
            )
        return notes

    def all_failures(self) -> list[Failure]:
        """Each image that a part could not use, once, with the first reason."""
        found: dict[ObjectId, Failure] = {}
        for reasons in self.failures.values():
            found = reasons | found
        return list(found.values())

    def _failed(self, part: str, sample: LabelledText, reason: str) -> None:
        if sample.id not in self.failures[part]:  # else it is the next text of the same image
            failure = Failure(str(sample.id), sample.filepath, reason)
            get_logger().warning("evaluation: %s", reason_text(failure))
            self.failures[part][sample.id] = failure


def reason_text(failure: Failure) -> str:
    """A failure as notes and the log tell it."""
    return f"{failure.filepath}: {failure.message}"
