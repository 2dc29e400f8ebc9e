"""How good each attribution method is on a dataset with labelled regions.

report = evaluate_attribution(view, EvaluationOptions("ground_truth", caption_field="captions"))
print(evaluation_table(report))
load_evaluation(dataset, "captions")   # later, from the run that it stored
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import fiftyone as fo
import numpy as np
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.dataset.progress import Progress, ProgressCallback, StopCallback
from fiftyone_capviz.curation.dataset.runs import now
from fiftyone_capviz.curation.dataset.store import clear_stop, stop_requested
from fiftyone_capviz.curation.evaluation.families import (
    Families,
    comparison_rows,
    default_variants,
    unsigned_methods,
)
from fiftyone_capviz.curation.evaluation.grounding import GroundingRun
from fiftyone_capviz.curation.evaluation.labelled import LabelledSample, OpenedSample, open_samples
from fiftyone_capviz.curation.evaluation.plan import EvaluationPlan, plan_evaluation
from fiftyone_capviz.curation.evaluation.probes import Chosen, FaithfulnessRun, SteeringRun, SwapRun
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.evaluation.rows import (
    about,
    association_rows,
    completeness_row,
    coverage_rows,
    pair_columns,
)
from fiftyone_capviz.curation.evaluation.sources import MapSource, load_sources, shown_variant
from fiftyone_capviz.curation.evaluation.storage import (
    check_evaluation_fields,
    check_stored,
    store_results,
)
from fiftyone_capviz.curation.inference.engines import models_in_use
from fiftyone_capviz.errors import CapvizError, InputError
from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.evaluation.statistics import Bootstrap
from fiftyone_capviz.evaluation.summaries import summarize_grounding
from fiftyone_capviz.settings.evaluation import EvaluationOptions

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import Captioner


def evaluate_attribution(
    collection: SampleCollection,
    options: EvaluationOptions,
    *,
    progress: ProgressCallback | None = None,
    stop: StopCallback | None = None,
    cache: ModelCache | None = None,
) -> EvaluationReport:
    """Measure attribution methods against labelled regions; store the result as a run.

    Args:
        collection: dataset or view.
        options: what to measure, and with which models.
        progress: called with each event.
        stop: asked between batches; True ends with what was measured so far.
        cache: of models; default the process's own.

    Returns:
        The report; also stored as a run, of which a finished one is not replaced by a stopped one.

    Raises:
        InputError: fields, labels or options that cannot be used.
        ExistingResultsError: one of this name is stored, and ``existing`` is "error".
        ModelError: a model cannot be had.
    """
    chosen = options.validated()
    plan = plan_evaluation(collection, chosen)
    check_stored(plan.dataset, chosen)
    check_evaluation_fields(plan.dataset, chosen)
    clear_stop(plan.dataset)
    run = _Evaluation(plan, chosen, SampleLoop(plan.dataset, chosen, progress, stop, cache))
    report, grounding = run.execute()
    store_results(plan.dataset, chosen, report, run=run.grounding, grounding=grounding)
    return report


@dataclass
class _Evaluation:
    """One evaluation, and what it has found out so far."""

    plan: EvaluationPlan
    options: EvaluationOptions
    loop: SampleLoop
    grounding: GroundingRun = field(init=False)

    def execute(self) -> tuple[EvaluationReport, Grounding]:
        started, begun = time.perf_counter(), now()
        options = self.options
        self.loop.tell("models", 0, 1, "Loading the models")
        with models_in_use(self.loop.cache):
            sources, captioner = load_sources(options, self.loop.cache)
            shown = shown_variant(options, sources)
        self.loop.seconds["models"] = time.perf_counter() - started
        self.grounding = GroundingRun(sources, shown, options)
        needed = self._needed()
        self.loop.over(FIRST_PART, needed, self.grounding.add, sources[0].batch_size)
        broken = self.loop.failures[FIRST_PART]
        if not self.grounding.pairs:
            reason = next(iter(broken.values()), "it was stopped")
            raise InputError(f"No sample could be evaluated. The first reason: {reason}")
        values = self.grounding.grounding()
        bootstrap = self._bootstrap([str(pair.sample.id) for pair in self.grounding.pairs])
        labels, unsigned = [p.label for p in self.grounding.pairs], unsigned_methods(options)
        rows = summarize_grounding(
            self.grounding.variants, values, labels, bootstrap, unsigned=unsigned
        )
        defaults = default_variants(sources)
        families = Families.of(self.grounding, values, defaults, seed=options.seed)
        blind = summarize_grounding(*self.grounding.references(), labels, bootstrap)
        report = EvaluationReport(
            about=about(options, sources, self.plan, captioner=captioner, shown=shown, begun=begun),
            counts=self.plan.counts | dict(self.grounding.counts) | {"failed": len(broken)},
            grounding=[row.to_dict() for row in rows],
            families=families.rows(labels, bootstrap, unsigned=unsigned),
            references=[row.to_dict() for row in blind],
            comparisons=comparison_rows(
                families, self.grounding, values, bootstrap, defaults=defaults, options=options
            ),
            completeness=completeness_row(self.grounding.errors),
            coverage=coverage_rows(self.grounding),
            associations=association_rows(self.plan, options),
            failures=self.grounding.finish_groups(values),
            pairs=pair_columns(self.grounding, values, families, kept=[*defaults, shown]),
            notes=[*self.plan.notes, *self._notes()],
        )
        self._probe(report, sources, families.chosen)
        self._steer(report, captioner, sources)
        report.notes.extend(self.loop.notes())
        report.about.update(state="stopped" if self.loop.stopped else "done", finished=now())
        self.loop.seconds["total"] = time.perf_counter() - started
        report.seconds.update(self.loop.seconds)
        return report, values

    def _needed(self) -> list[LabelledSample]:
        """Samples with a pair; all of them where coverage is asked for."""
        if "coverage" in self.options.measures:
            return self.plan.samples
        return [sample for sample in self.plan.samples if sample.named.pairs]

    def _probe(
        self,
        report: EvaluationReport,
        sources: Sequence[MapSource],
        probed: Chosen,
    ) -> None:
        """Faithfulness and hard negatives, on samples drawn by the seed."""
        options = self.options
        drawn = {"samples": options.bootstrap_samples, "seed": options.seed}
        if "discrimination" in options.measures and not self.loop.stopped:
            swaps = SwapRun(sources, probed, labels=self.plan.labels, seed=options.seed)
            chosen = self._drawn(options.swap_samples)
            self.loop.over("discrimination", chosen, _each(swaps.add), 1)
            report.discrimination.extend(swaps.rows(**drawn))
            report.about["swap_examples"] = swaps.examples
        if "faithfulness" in options.measures and not self.loop.stopped:
            faithfulness = FaithfulnessRun(sources, probed, seed=options.seed)
            chosen = self._drawn(options.faithfulness_samples)
            self.loop.over("faithfulness", chosen, _each(faithfulness.add), 1)
            report.faithfulness.extend(faithfulness.rows(**drawn))

    def _steer(
        self,
        report: EvaluationReport,
        captioner: Captioner | None,
        sources: Sequence[MapSource],
    ) -> None:
        options = self.options
        if captioner is None or self.loop.stopped:
            return
        matcher = next((source for source in sources if source.name == "itm"), None)
        run = SteeringRun(captioner, options, self.plan.vocabulary, matcher=matcher)
        chosen = self._drawn(options.steering_samples)
        self.loop.over("steering", chosen, _each(run.add), 1)
        report.steering.extend(run.rows(samples=options.bootstrap_samples, seed=options.seed))
        if not (report.steering or self.loop.failures["steering"]):
            report.notes.append("Steering: the plain captions name every object that is large.")

    def _drawn(self, count: int) -> list[LabelledSample]:
        """Images with a pair, drawn by the seed, in the order of the view; one text of each.

        Those that could not be used before are not drawn.
        """
        broken = self.loop.failures[FIRST_PART]
        usable: dict[ObjectId, list[LabelledSample]] = {}
        for sample in self.plan.samples:
            if sample.named.pairs and sample.id not in broken:
                usable.setdefault(sample.id, []).append(sample)
        texts = list(usable.values())
        rng = np.random.default_rng([self.options.seed, 3])
        places = np.sort(rng.permutation(len(texts))[:count])
        return [texts[i][int(rng.integers(len(texts[i])))] for i in places]

    def _notes(self) -> list[str]:
        return [
            f"{count} named objects do not count for {name.removesuffix('_unread')}: their words "
            "lie beyond its token limit."
            for name, count in self.grounding.counts.items()
            if name.endswith("_unread") and count
        ]

    def _bootstrap(self, groups: Sequence[str]) -> Bootstrap:
        options = self.options
        return Bootstrap(groups, samples=options.bootstrap_samples, seed=options.seed)


def _each(work: Callable[[OpenedSample], None]) -> Callable[[Sequence[OpenedSample]], None]:
    def all_of(batch: Sequence[OpenedSample]) -> None:
        for opened in batch:
            work(opened)

    return all_of


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
