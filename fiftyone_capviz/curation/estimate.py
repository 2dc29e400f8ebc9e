"""How long a run will take, before it starts: from the durations of the last one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.images_of import image_samples
from fiftyone_capviz.curation.options import STAGES, AnalysisOptions
from fiftyone_capviz.curation.pace import same_machinery
from fiftyone_capviz.curation.plan import Plan
from fiftyone_capviz.curation.preflight import preview
from fiftyone_capviz.curation.runs import RunRecord, read_run


@dataclass(frozen=True)
class Estimate:
    """What a run would do, and roughly how long it would take.

    Attributes:
        samples: in the view.
        to_do: of these, how many something must be computed for.
        seconds: None if this dataset has not been analysed on this device yet.
        text: one sentence for people.
    """

    samples: int
    to_do: int
    seconds: float | None
    text: str


def estimate(
    collection: SampleCollection,
    options: AnalysisOptions | None = None,
    stages: Sequence[str] = STAGES,
) -> Estimate:
    """Look at what is stored, and at how long the last run took per sample.

    Raises:
        InputError, ModelError: as :func:`~fiftyone_capviz.curation.pipeline.analyze`.
    """
    chosen = options or AnalysisOptions()
    plan = preview(collection, chosen, stages)
    record = read_run(image_samples(collection).dataset, chosen.caption_field)
    return estimate_of(plan, record, chosen)


def estimate_of(plan: Plan, record: RunRecord | None, options: AnalysisOptions) -> Estimate:
    """The estimate of a planned run, from the record of the last one."""
    to_do = len(plan.tasks)
    seconds = 0.0 if not to_do else _seconds(record, options, plan)
    if not to_do:
        text = f"All {plan.total} samples are done."
    elif seconds is None:
        text = f"{to_do} of {plan.total} samples to do; the duration shows after the first batch."
    else:
        text = f"{to_do} of {plan.total} samples to do, about {duration_text(seconds)}."
    return Estimate(plan.total, to_do, seconds, text)


def duration_text(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _seconds(record: RunRecord | None, options: AnalysisOptions, plan: Plan) -> float | None:
    """From the pace of earlier runs with the same models on the same device."""
    if record is None or not same_machinery(record.options, options):
        return None
    pace = record.pace
    stages = Counter(stage for task in plan.tasks for stage in task.stages)
    if stages["attribute"] and options.stage_model("attribute") == "matcher":
        del stages["match"]  # comes with the attribution
    if "other" not in pace or any(stage not in pace for stage in stages):
        return None
    work = sum(pace[stage] * count for stage, count in stages.items())
    return pace.get("models", 0.0) + work + pace["other"] * len(plan.tasks)
