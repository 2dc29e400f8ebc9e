"""How good each attribution method is on a dataset with labelled regions.

report = evaluate_attribution(view, EvaluationOptions("ground_truth", caption_field="captions"))
print(evaluation_table(report))
load_evaluation(dataset, "captions")   # later, from the run that it stored
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Unpack

import numpy as np
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.job import Job, JobKeywords, long_run
from fiftyone_capviz.curation.dataset.runs import now
from fiftyone_capviz.curation.dataset.store import clear_stop
from fiftyone_capviz.curation.evaluation.grounding import GroundingRun
from fiftyone_capviz.curation.evaluation.labelled import LabelledText
from fiftyone_capviz.curation.evaluation.method_groups import (
    MethodGroups,
    comparison_rows,
    default_variants,
    unsigned_methods,
)
from fiftyone_capviz.curation.evaluation.part_loop import FIRST_PART, PartLoop, reason_text
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
from fiftyone_capviz.curation.evaluation.sanity import SanityRun, marked_rows
from fiftyone_capviz.curation.evaluation.sources import MapSource, load_sources, shown_variant
from fiftyone_capviz.curation.evaluation.storage import (
    check_evaluation_fields,
    check_stored,
    store_results,
)
from fiftyone_capviz.curation.evaluation.work import (
    FaithfulnessWork,
    GroundingWork,
    SanityWork,
    SteeringProbeWork,
    SwapWork,
)
from fiftyone_capviz.curation.inference.loaded_models import models_in_use
from fiftyone_capviz.curation.steering.duplicates import content_keys
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.evaluation.summaries import summarize_grounding
from fiftyone_capviz.settings.evaluation import EvaluationOptions

if TYPE_CHECKING:
    from fiftyone_capviz.models.interfaces import Captioner


def evaluate_attribution(
    collection: SampleCollection, options: EvaluationOptions, **job: Unpack[JobKeywords]
) -> EvaluationReport:
    """Measure attribution methods against labelled regions; store the result as a run.

    Args:
        collection: dataset or view.
        options: what to measure, and with which models.
        job: progress, stop, cache, as in ``analyze``; stopped, it ends with what was measured.

    Returns:
        The report; also stored as a run, of which a finished one is not replaced by a stopped one.

    Raises:
        InputError: fields, labels or options that cannot be used.
        ExistingResultsError: one of this name is stored, and ``existing`` is "error".
        ModelError: a model cannot be had.
        DatabaseError: MongoDB went away; nothing of this evaluation is stored.
    """
    with long_run():
        return _evaluate(collection, options.validated(), Job(**job))


def _evaluate(
    collection: SampleCollection, options: EvaluationOptions, job: Job
) -> EvaluationReport:
    plan = plan_evaluation(collection, options)
    check_stored(plan.dataset, options)
    check_evaluation_fields(plan.dataset, options)
    clear_stop(plan.dataset)
    run = _Evaluation(plan, options, PartLoop(plan.dataset, job))
    report, grounding = run.execute()
    store_results(plan.dataset, options, report, run=run.grounding, grounding=grounding)
    return report


@dataclass
class _Evaluation:
    """One evaluation, and what it has found out so far."""

    plan: EvaluationPlan
    options: EvaluationOptions
    loop: PartLoop
    grounding: GroundingRun = field(init=False)

    def execute(self) -> tuple[EvaluationReport, Grounding]:
        started, begun = time.perf_counter(), now()
        options = self.options
        self.loop.job.tell("models", 0, 1, "Loading the models")
        with models_in_use(self.loop.job.cache):
            sources, captioner = load_sources(options, self.loop.job.cache)
            shown = shown_variant(options, sources)
        self.loop.seconds["models"] = time.perf_counter() - started
        self.grounding = GroundingRun(sources, shown, options)
        work = GroundingWork(self.plan.dataset.name, options, sources[0].batch_size, shown)
        self.loop.over(work, self._needed(), self.grounding.total.take)
        broken = self.loop.failures[FIRST_PART]
        if not self.grounding.pairs:
            reason = next(iter(broken.values()), None)
            told = "it was stopped" if reason is None else reason_text(reason)
            raise InputError(f"No sample could be evaluated. The first reason: {told}")
        values = self.grounding.grounding()
        intervals = GroupIntervals([str(pair.sample.id) for pair in self.grounding.pairs])
        labels, unsigned = [p.label for p in self.grounding.pairs], unsigned_methods(options)
        rows = summarize_grounding(
            self.grounding.variants, values, labels, intervals, unsigned=unsigned
        )
        defaults = default_variants(sources)
        families = MethodGroups.of(self.grounding, values, defaults, seed=options.seed)
        blind = summarize_grounding(*self.grounding.references(), labels, intervals)
        controls = self.grounding.controls()
        report = EvaluationReport(
            about=about(options, sources, self.plan, captioner=captioner, shown=shown, begun=begun),
            counts=self.plan.counts | dict(self.grounding.counts) | {"failed": len(broken)},
            grounding=marked_rows([row.to_dict() for row in rows], values, controls, intervals),
            families=marked_rows(
                families.rows(labels, intervals, unsigned=unsigned),
                families.values,
                controls,
                intervals,
            ),
            references=[row.to_dict() for row in blind],
            comparisons=comparison_rows(
                families, self.grounding, values, intervals, defaults=defaults, options=options
            ),
            completeness=completeness_row(self.grounding.errors),
            coverage=coverage_rows(self.grounding),
            associations=association_rows(self.plan, options),
            groups=self.grounding.finish_groups(values),
            pairs=pair_columns(self.grounding, values, families, kept=[*defaults, shown]),
            notes=[*self.plan.notes, *self._notes()],
        )
        self._probe(report, sources, families.chosen)
        self._steer(report, captioner, sources)
        report.notes.extend(self.loop.notes())
        report.failures.extend(self.loop.all_failures())
        report.about.update(state="stopped" if self.loop.stopped else "done", finished=now())
        self.loop.seconds["total"] = time.perf_counter() - started
        report.seconds.update(self.loop.seconds)
        return report, values

    def _needed(self) -> list[LabelledText]:
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
        if "sanity" in options.measures and not self.loop.stopped:
            sanity = SanityRun(sources, probed)
            sane = SanityWork(self.plan.dataset.name, options, chosen=probed)
            self.loop.over(sane, self._drawn(options.sanity_samples), sanity.take)
            report.sanity.extend(sanity.rows())
        if "discrimination" in options.measures and not self.loop.stopped:
            swaps = SwapRun(sources, probed, labels=self.plan.labels, seed=options.seed)
            chosen = self._drawn(options.swap_samples)
            labels = tuple(self.plan.labels)
            work = SwapWork(self.plan.dataset.name, options, chosen=probed, labels=labels)
            self.loop.over(work, chosen, swaps.take)
            report.discrimination.extend(swaps.rows())
            report.about["swap_examples"] = swaps.examples
        if "faithfulness" in options.measures and not self.loop.stopped:
            faithfulness = FaithfulnessRun(sources, probed, seed=options.seed)
            chosen = self._drawn(options.faithfulness_samples)
            faithful = FaithfulnessWork(self.plan.dataset.name, options, chosen=probed)
            self.loop.over(faithful, chosen, faithfulness.take)
            report.faithfulness.extend(faithfulness.rows())

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
        drawn = self._drawn(options.steering_samples)
        keys = content_keys([sample.filepath for sample in drawn])
        chosen = list(dict(zip(reversed(keys), reversed(drawn), strict=True)).values())[::-1]
        if len(chosen) < len(drawn):
            report.notes.append(f"Steering: {len(drawn) - len(chosen)} duplicate images left out.")
        vocabulary = self.plan.vocabulary
        work = SteeringProbeWork(self.plan.dataset.name, options, vocabulary=vocabulary)
        self.loop.over(work, chosen, run.take)
        report.steering.extend(run.rows())
        if not (report.steering or self.loop.failures["steering"]):
            report.notes.append("Steering: the plain captions name every object that is large.")

    def _drawn(self, count: int) -> list[LabelledText]:
        """Images with a pair, drawn by the seed, in the order of the view; one text of each.

        Those that could not be used before are not drawn.
        """
        broken = self.loop.failures[FIRST_PART]
        usable: dict[ObjectId, list[LabelledText]] = {}
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
