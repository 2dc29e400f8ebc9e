"""How good each attribution method is on a dataset with labelled regions.

report = evaluate_attribution(view, EvaluationOptions("ground_truth", caption_field="captions"))
print(evaluation_table(report))
load_evaluation(dataset, "captions")   # later, from the run that it stored
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.engines import models_in_use
from fiftyone_capviz.curation.evaluation_fields import write_evaluation_fields
from fiftyone_capviz.curation.evaluation_grounding import GroundingRun
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_probes import FaithfulnessRun, SwapRun
from fiftyone_capviz.curation.evaluation_report import EvaluationReport
from fiftyone_capviz.curation.evaluation_rows import (
    about,
    association_rows,
    comparison_rows,
    completeness_row,
    coverage_rows,
    pair_columns,
)
from fiftyone_capviz.curation.evaluation_samples import (
    EvaluationPlan,
    LabelledSample,
    OpenedSample,
    open_samples,
    plan_evaluation,
)
from fiftyone_capviz.curation.evaluation_sources import MapSource, load_sources, shown_variant
from fiftyone_capviz.curation.evaluation_steering import SteeringRun
from fiftyone_capviz.curation.evaluation_store import check_run_key, save_evaluation
from fiftyone_capviz.curation.logs import get_logger
from fiftyone_capviz.curation.report import Progress, ProgressCallback
from fiftyone_capviz.curation.stop import clear_stop, stop_requested
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.evaluation.statistics import Bootstrap
from fiftyone_capviz.evaluation.summaries import (
    Variant,
    best_of_families,
    summarize_grounding,
)

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import Captioner

StopCallback = Callable[[], bool]
HOPELESS = 3
"""So many samples that cannot be used, and none that can: the run is given up."""


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
        The report; also stored as run ``capviz_evaluation_<caption>``.

    Raises:
        InputError: fields, labels or options that cannot be used.
        ModelError: a model cannot be had.
    """
    chosen = options.validated()
    plan = plan_evaluation(collection, chosen)
    check_run_key(plan.dataset, chosen)
    clear_stop(plan.dataset)
    run = _Evaluation(plan, chosen, progress, stop, cache)
    report, grounding = run.execute()
    if chosen.fields and grounding is not None:
        write_evaluation_fields(plan.dataset, chosen, run.grounding, grounding)
    save_evaluation(plan.dataset, report)
    return report


@dataclass
class _Evaluation:
    """One evaluation, and what it has found out so far."""

    plan: EvaluationPlan
    options: EvaluationOptions
    progress: ProgressCallback | None
    stop: StopCallback | None
    cache: ModelCache | None
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    stopped: bool = False
    grounding: GroundingRun = field(init=False)

    def execute(self) -> tuple[EvaluationReport, Grounding | None]:
        started, begun = time.perf_counter(), _now()
        options = self.options
        self._tell("models", 0, 1, "Loading the models")
        with models_in_use(self.cache):
            sources, captioner = load_sources(options, self.cache)
            shown = shown_variant(options, sources)
        self.seconds["models"] = time.perf_counter() - started
        self.grounding = GroundingRun(sources, shown, options)
        needed = self._needed()
        self._over("grounding", needed, self.grounding.add, sources[0].batch_size)
        if not self.grounding.pairs:
            raise InputError(
                "No sample could be evaluated. The first reason: "
                f"{self.failures[0] if self.failures else 'it was stopped'}"
            )
        values = self.grounding.grounding()
        bootstrap = self._bootstrap([pair.image for pair in self.grounding.pairs])
        rows = summarize_grounding(
            self.grounding.variants, values, [p.label for p in self.grounding.pairs], bootstrap
        )
        best = best_of_families(rows)
        probed: dict[str, list[Variant]] = {source.name: [] for source in sources}
        for row in best.values():
            probed[row.variant.source].append(row.variant)
        report = EvaluationReport(
            about=about(options, sources, shown=shown, begun=begun),
            counts=self.plan.counts | dict(self.grounding.counts) | {"failed": len(self.failures)},
            grounding=[row.to_dict() for row in rows],
            comparisons=comparison_rows(
                best, values, bootstrap, variants=self.grounding.variants, options=options
            ),
            completeness=completeness_row(self.grounding.errors),
            coverage=coverage_rows(self.grounding),
            associations=association_rows(self.plan, options),
            failures=self.grounding.finish_groups(values),
            pairs=pair_columns(
                self.grounding, values, [row.variant for row in best.values()], shown=shown
            ),
            notes=self._notes(),
        )
        self._probe(report, sources, probed)
        self._steer(report, captioner)
        report.about.update(state="stopped" if self.stopped else "done", finished=_now())
        self.seconds["total"] = time.perf_counter() - started
        report.seconds.update(self.seconds)
        return report, values

    def _needed(self) -> list[LabelledSample]:
        """Samples with a pair; all of them where coverage is asked for."""
        if "coverage" in self.options.measures:
            return self.plan.samples
        return [sample for sample in self.plan.samples if sample.named.pairs]

    def _over(
        self,
        part: str,
        samples: Sequence[LabelledSample],
        work: Callable[[Sequence[OpenedSample]], None],
        batch_size: int,
    ) -> None:
        start = time.perf_counter()
        done = 0
        try:
            for first in range(0, len(samples), batch_size):
                if self._asked_to_stop():
                    self.stopped = True
                    break
                batch = samples[first : first + batch_size]
                opened = []
                for each in open_samples(self.plan.dataset, batch, self.options):
                    if isinstance(each, OpenedSample):
                        opened.append(each)
                    else:
                        self._failed(*each)
                if not opened and not self.grounding.images and len(self.failures) >= HOPELESS:
                    raise InputError(
                        f"The first {len(self.failures)} samples cannot be used; the last one: "
                        f"{self.failures[-1]}"
                    )
                if opened:
                    with models_in_use(self.cache):
                        work(opened)
                done += len(batch)
                self._tell(part, done, len(samples), f"{done} of {len(samples)} images")
        except KeyboardInterrupt:
            if self.stopped:
                raise
            self.stopped = True
        self.seconds[part] = time.perf_counter() - start

    def _failed(self, sample: LabelledSample, reason: str) -> None:
        get_logger().warning("evaluation: %s: %s", sample.filepath, reason)
        self.failures.append(f"{sample.filepath}: {reason}")

    def _probe(
        self,
        report: EvaluationReport,
        sources: Sequence[MapSource],
        probed: dict[str, list[Variant]],
    ) -> None:
        """Faithfulness and hard negatives, on samples drawn by the seed."""
        options = self.options
        drawn = {"samples": options.bootstrap_samples, "seed": options.seed}
        if "discrimination" in options.measures and not self.stopped:
            swaps = SwapRun(sources, probed, labels=self.plan.labels, seed=options.seed)
            chosen = self._drawn(options.swap_samples)
            self._over("discrimination", chosen, _each(swaps.add), 1)
            report.discrimination.extend(swaps.rows(**drawn))
            report.about["swap_examples"] = swaps.examples
        if "faithfulness" in options.measures and not self.stopped:
            faithfulness = FaithfulnessRun(sources, probed, seed=options.seed)
            chosen = self._drawn(options.faithfulness_samples)
            self._over("faithfulness", chosen, _each(faithfulness.add), 1)
            report.faithfulness.extend(faithfulness.rows(**drawn))

    def _steer(self, report: EvaluationReport, captioner: Captioner | None) -> None:
        options = self.options
        if captioner is None or self.stopped:
            return
        run = SteeringRun(captioner, options)
        chosen = self._drawn(options.steering_samples)
        self._over("steering", chosen, _each(run.add), 1)
        report.steering.extend(run.rows(samples=options.bootstrap_samples, seed=options.seed))
        if not report.steering:
            report.notes.append("Steering: the plain captions name every object that is large.")

    def _drawn(self, count: int) -> list[LabelledSample]:
        """Samples with a pair, drawn by the seed, in the order of the view."""
        usable = [sample for sample in self.plan.samples if sample.named.pairs]
        rng = np.random.default_rng([self.options.seed, 3])
        places = np.sort(rng.permutation(len(usable))[:count])
        return [usable[i] for i in places]

    def _notes(self) -> list[str]:
        notes = [*self.plan.notes]
        if self.failures:
            notes.append(
                f"{len(self.failures)} samples could not be used; the first: {self.failures[0]}"
            )
        return notes

    def _bootstrap(self, groups: Sequence[int]) -> Bootstrap:
        options = self.options
        return Bootstrap(groups, samples=options.bootstrap_samples, seed=options.seed)

    def _asked_to_stop(self) -> bool:
        return bool(self.stop and self.stop()) or stop_requested(self.plan.dataset)

    def _tell(self, part: str, done: int, total: int, label: str) -> None:
        if self.progress is not None:
            self.progress(Progress(part, done, total, label))


def _each(work: Callable[[OpenedSample], None]) -> Callable[[Sequence[OpenedSample]], None]:
    def all_of(batch: Sequence[OpenedSample]) -> None:
        for opened in batch:
            work(opened)

    return all_of


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
