"""Work over the samples of an evaluation, batch by batch: one that breaks ends nothing."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import fiftyone as fo
from bson import ObjectId

from fiftyone_capviz.curation.engines import models_in_use
from fiftyone_capviz.curation.evaluation_opened import OpenedSample, open_samples
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_texts import LabelledSample
from fiftyone_capviz.curation.logs import get_logger
from fiftyone_capviz.curation.report import Progress, ProgressCallback
from fiftyone_capviz.curation.stop import stop_requested
from fiftyone_capviz.errors import CapvizError, InputError

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache

StopCallback = Callable[[], bool]
BatchWork = Callable[[Sequence[OpenedSample]], None]
HOPELESS = 3
"""So many images that cannot be used, and none that can: the part is given up."""
FIRST_PART = "grounding"
"""All else needs it: where it is hopeless, so is the run; another part costs only itself."""


@dataclass
class SampleLoop:
    """Opens samples, works on them, and remembers what broke.

    Attributes:
        seconds: per part.
        failures: per part, why an image could not be used.
        given_up: parts whose first images all failed.
        stopped: whether the user asked for an end.
    """

    dataset: fo.Dataset
    options: EvaluationOptions
    progress: ProgressCallback | None
    stop: StopCallback | None
    cache: ModelCache | None
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, dict[ObjectId, str]] = field(default_factory=lambda: defaultdict(dict))
    given_up: set[str] = field(default_factory=set)
    stopped: bool = False

    def over(
        self, part: str, samples: Sequence[LabelledSample], work: BatchWork, batch_size: int
    ) -> None:
        """Work on all samples, until it is stopped or hopeless.

        Args:
            part: of the evaluation, as progress and failures name it.
            samples: in their order.
            work: on a batch; it must count a batch whole or, where it raises, not at all.
            batch_size: texts at a time.

        Raises:
            InputError: the first images cannot be used, and the part is the first.
        """
        start, done, used = time.perf_counter(), 0, 0
        try:
            for first in range(0, len(samples), batch_size):
                if self._asked_to_stop():
                    self.stopped = True
                    break
                batch = samples[first : first + batch_size]
                opened = []
                for each in open_samples(self.dataset, batch, self.options):
                    if isinstance(each, OpenedSample):
                        opened.append(each)
                    else:
                        self._failed(part, *each)
                if opened:
                    with models_in_use(self.cache):
                        used += self._try(part, work, opened)
                if not used and len(self.failures[part]) >= HOPELESS:
                    self._give_up(part)
                    break
                done += len(batch)
                self.tell(part, done, len(samples), f"{done} of {len(samples)} images")
        except KeyboardInterrupt:
            if self.stopped:
                raise
            self.stopped = True
        self.seconds[part] = time.perf_counter() - start

    def notes(self) -> list[str]:
        """How many images each part could not use, and the first reason."""
        notes = []
        for part, reasons in self.failures.items():
            if not reasons:
                continue
            about = "" if part == FIRST_PART else f"{part.capitalize()}: "
            end = ", and none could, so it was given up" if part in self.given_up else ""
            first = next(iter(reasons.values()))
            notes.append(
                f"{about}{len(reasons)} samples could not be used{end}; the first: {first}"
            )
        return notes

    def tell(self, part: str, done: int, total: int, label: str) -> None:
        """Tell how far it is, where someone asked."""
        if self.progress is not None:
            self.progress(Progress(part, done, total, label))

    def _try(self, part: str, work: BatchWork, opened: Sequence[OpenedSample]) -> int:
        """Work on a batch, or where that breaks on each sample alone; how many were used."""
        try:
            work(opened)
        except Exception as error:
            if len(opened) > 1:
                return sum(self._try(part, work, [one]) for one in opened)
            get_logger().exception("An evaluation's sample failed")
            name = "" if isinstance(error, CapvizError) else f"{type(error).__name__}: "
            self._failed(part, opened[0].sample, f"{name}{error}")
            return 0
        return len(opened)

    def _failed(self, part: str, sample: LabelledSample, reason: str) -> None:
        if sample.id not in self.failures[part]:  # else it is the next text of the same image
            told = f"{sample.filepath}: {reason}"
            get_logger().warning("evaluation: %s", told)
            self.failures[part][sample.id] = told

    def _give_up(self, part: str) -> None:
        reasons = list(self.failures[part].values())
        told = f"The first {len(reasons)} samples cannot be used; the last one: {reasons[-1]}"
        if part == FIRST_PART:
            raise InputError(told)
        self.given_up.add(part)
        get_logger().error("evaluation: %s is given up. %s", part, told)

    def _asked_to_stop(self) -> bool:
        return bool(self.stop and self.stop()) or stop_requested(self.dataset)
