"""What a run would do and how long it would take, before it starts.

A form loads no model and imports no torch. The run itself recognises stored results by the
fingerprints of the checkpoints; a form takes the fingerprints from the last run's record as long
as the same models are named, so it is exact unless a checkpoint was exchanged under the same name;
then the run still refuses. The estimate is made of how fast the last run was, stage by stage.

Formulas: docs/methods.md, section 9.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.analysis.plan import Plan, check_run, make_plan, preview
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.progress import duration_text
from fiftyone_capviz.curation.dataset.runs import RunRecord, read_run, what_differs, with_prefix
from fiftyone_capviz.curation.dataset.samples import image_samples
from fiftyone_capviz.curation.dataset.states import SAMPLE_STAGES
from fiftyone_capviz.settings.analysis import (
    MODEL_KINDS,
    SECOND_ORDER,
    STAGES,
    AnalysisOptions,
    Stage,
)


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


@database_errors()
def estimate(
    collection: SampleCollection,
    options: AnalysisOptions | None = None,
    stages: Sequence[str] = STAGES,
) -> Estimate:
    """Look at what is stored, and at how long the last run took per sample.

    Raises:
        InputError, ModelError: as :func:`~fiftyone_capviz.curation.analysis.analyze.analyze`.
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


_UNKNOWN = "another"


@dataclass(frozen=True)
class Preview:
    """What a form says about a run before it starts.

    Attributes:
        to_do: samples with something to compute.
        conflict: what stored results would be replaced, in plain sentences; empty if none.
        estimate: how much there is to do and how long it may take.
        theirs: captions that are not ours, where captions are to be written.
    """

    to_do: int
    conflict: str
    estimate: str
    theirs: int = 0


def preview_run(
    collection: SampleCollection, options: AnalysisOptions, stages: Sequence[Stage]
) -> Preview:
    """Look at what is stored, and say what the run would compute and replace.

    Raises:
        InputError: the run would be refused: a field of another type, an empty view, videos.
    """
    samples = image_samples(collection)
    options = with_prefix(samples.dataset, options)
    check_run(samples.dataset, options, stages)
    asked = tuple(stage for stage in SAMPLE_STAGES if stage in stages)
    record = read_run(samples.dataset, options.caption_field)
    revisions = _revisions(record, options)
    precision = record.precision if record is not None else "float32"
    if options.dtype != "auto":
        precision = options.dtype
    hashes: dict[str, str] = {
        stage: options.stage_hash(stage, revisions, precision=precision)
        for stage in asked
        if not (stage == "segment" and options.own_segments)
    }
    plan = make_plan(
        samples.dataset,
        samples.ids,
        options,
        hashes,
        differences=what_differs(record, options, asked, revisions=revisions, precision=precision),
    )
    expected = estimate_of(plan, record, options)
    text = f"{expected.text} {samples.note}".strip() if asked else samples.note
    theirs = plan.existing.theirs if "caption" in stages else 0
    return Preview(expected.to_do, plan.existing.message(), text, theirs)


def _revisions(record: RunRecord | None, options: AnalysisOptions) -> dict[str, str]:
    """The recorded fingerprint of each model that is still the one named, else a placeholder."""
    asked = options.to_dict()
    found = {}
    for kind in MODEL_KINDS:
        same = record is not None and record.options.get(kind) == asked[kind]
        known = record.revisions.get(kind) if record is not None and same else None
        found[kind] = known or f"{_UNKNOWN} {asked[kind]}"
    return found


# Stage -> what a report counts of it.
COUNTED = {
    "caption": "captions",
    "match": "matches",
    "segment": "segmented",
    "attribute": "attributed",
}
OTHER = ("decode", "words", "pool", "write")
MACHINERY = ("captioner", "matcher", "segmenter", "method", "num_beams", "device", "dtype")


def measure_pace(counts: Mapping[str, int], seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds per sample of each stage that ran, "other" for the rest, "models" for loading."""
    pace = {
        stage: seconds[stage] / counts[counted]
        for stage, counted in COUNTED.items()
        if seconds.get(stage) and counts.get(counted)
    }
    if counts.get("done"):
        pace["other"] = sum(seconds.get(name, 0.0) for name in OTHER) / counts["done"]
    if "models" in seconds:
        pace["models"] = seconds["models"]
    return pace


def same_machinery(stored: Mapping[str, object], options: AnalysisOptions) -> bool:
    """Whether times measured with the stored options say something about these."""
    asked = options.to_dict()
    names = (*MACHINERY, "encoder") if options.method == SECOND_ORDER else MACHINERY
    return all(stored.get(name) == asked[name] for name in names)
