"""What an evaluation does to a batch of labelled samples, part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from fiftyone_capviz.curation.evaluation.grounding import GroundingMeasurement
from fiftyone_capviz.curation.evaluation.labelled import LabelledText, OpenedSample, open_samples
from fiftyone_capviz.curation.evaluation.probes import Chosen, FaithfulnessRun, SteeringRun, SwapRun
from fiftyone_capviz.curation.evaluation.sanity import SanityRun
from fiftyone_capviz.curation.evaluation.sources import load_sources
from fiftyone_capviz.curation.inference.batch_loop import HOPELESS, Work, Worker
from fiftyone_capviz.errors import HopelessError
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.settings.evaluation import EvaluationOptions

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache


@dataclass(frozen=True)
class NumberedSample:
    """A labelled sample and its place in its part, from which its draws come."""

    number: int
    sample: LabelledText


@dataclass(frozen=True, eq=False)
class EvaluationItem:
    """A sample that is ready to be measured, or why it is not."""

    unit: NumberedSample
    opened: OpenedSample | None = None
    error: str | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """What a batch, or a sample that cannot be used, has shown.

    Attributes:
        found: as the part of the evaluation takes it.
        sample: that could not be used.
        error: why.
    """

    found: Any = None
    sample: LabelledText | None = None
    error: str | None = None


Measure = Callable[[Sequence[tuple[OpenedSample, int]]], list[Any]]
"""Opened samples and their numbers -> what they show: one entry, or one for each of them."""


@dataclass(frozen=True)
class EvaluationWork(Work[NumberedSample, EvaluationItem, Measured]):
    """One part of an evaluation.

    Attributes:
        dataset: its name.
        options: models and what is measured.
        batch_size: texts at a time.
    """

    dataset: str
    options: EvaluationOptions
    batch_size: int = 1
    noun = "images"

    def measure(self, cache: ModelCache | None) -> Measure:
        """Load the models, and make what measures."""
        raise NotImplementedError

    def open(self, cache: ModelCache | None) -> EvaluationWorker:
        """Load the models."""
        return EvaluationWorker(self, fo.load_dataset(self.dataset), self.measure(cache))


@dataclass(frozen=True)
class GroundingWork(EvaluationWork):
    """Attributes captions by every variant, and compares with the regions.

    Attributes:
        shown: the variant whose scores go to the fields.
    """

    shown: Variant | None = None
    stage = "grounding"

    def measure(self, cache: ModelCache | None) -> Measure:
        sources, _ = load_sources(self.options, cache)
        assert self.shown is not None
        measured = GroundingMeasurement(sources, self.shown, self.options)
        return lambda batch: [measured([opened for opened, _ in batch])]


@dataclass(frozen=True)
class FaithfulnessWork(EvaluationWork):
    """Insertion and deletion.

    Attributes:
        chosen: what is probed on each sample.
    """

    chosen: Chosen | None = None
    stage = "faithfulness"

    def measure(self, cache: ModelCache | None) -> Measure:
        sources, _ = load_sources(self.options, cache)
        assert self.chosen is not None
        run = FaithfulnessRun(sources, self.chosen, seed=self.options.seed)
        return lambda batch: [run.measure(*each) for each in batch]


@dataclass(frozen=True)
class SanityWork(EvaluationWork):
    """Objects that are there, and hidden.

    Attributes:
        chosen: what is probed on each sample.
    """

    chosen: Chosen | None = None
    stage = "sanity"

    def measure(self, cache: ModelCache | None) -> Measure:
        sources, _ = load_sources(self.options, cache)
        assert self.chosen is not None
        run = SanityRun(sources, self.chosen)
        return lambda batch: [run.measure(*each) for each in batch]


@dataclass(frozen=True)
class SwapWork(EvaluationWork):
    """Captions with one word swapped.

    Attributes:
        chosen: what is probed on each sample.
        labels: of the dataset, from which other objects come.
    """

    chosen: Chosen | None = None
    labels: tuple[str, ...] = ()
    stage = "discrimination"

    def measure(self, cache: ModelCache | None) -> Measure:
        sources, _ = load_sources(self.options, cache)
        assert self.chosen is not None
        run = SwapRun(sources, self.chosen, labels=self.labels, seed=self.options.seed)
        return lambda batch: [run.measure(*each) for each in batch]


@dataclass(frozen=True)
class SteeringProbeWork(EvaluationWork):
    """Captions steered towards what the plain one leaves out.

    Attributes:
        vocabulary: the names of all labels.
    """

    vocabulary: Vocabulary | None = None
    stage = "steering"

    def measure(self, cache: ModelCache | None) -> Measure:
        sources, captioner = load_sources(self.options, cache)
        assert captioner is not None
        assert self.vocabulary is not None
        matcher = next((source for source in sources if source.name == "itm"), None)
        run = SteeringRun(captioner, self.options, self.vocabulary, matcher=matcher)
        return lambda batch: [run.measure(opened) for opened, _ in batch]


class EvaluationWorker(Worker[NumberedSample, EvaluationItem, Measured]):
    """Opens labelled samples and measures them."""

    def __init__(self, work: EvaluationWork, dataset: fo.Dataset, measure: Measure) -> None:
        self.batch_size = work.batch_size
        self._dataset, self._options, self._measure = dataset, work.options, measure
        self._any_used = False
        self._unusable = 0

    def prepare(self, units: Sequence[NumberedSample]) -> list[EvaluationItem]:
        found = open_samples(self._dataset, [unit.sample for unit in units], self._options)
        return [
            EvaluationItem(unit, opened=each)
            if isinstance(each, OpenedSample)
            else EvaluationItem(unit, error=each[1])
            for unit, each in zip(units, found, strict=True)
        ]

    def compute(self, items: Sequence[EvaluationItem]) -> list[Measured]:
        batch = [(item.opened, item.unit.number) for item in items if item.opened is not None]
        found = [Measured(each) for each in self._measure(batch)]
        self._any_used = True
        return found

    def failed(self, item: EvaluationItem, message: str) -> Measured:
        self._unusable += 1
        result = Measured(sample=item.unit.sample, error=message)
        if not self._any_used and self._unusable >= HOPELESS:
            raise HopelessError(
                f"The first {self._unusable} samples cannot be used; the last one: "
                f"{item.unit.sample.filepath}: {message}",
                result,
            )
        return result

    def is_fatal(self, error: Exception) -> bool:
        return False  # what is wrong with one sample's labels is told as our own errors, too
