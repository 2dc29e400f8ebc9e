"""What a run would do, found out before anything is loaded, computed or changed."""

from __future__ import annotations

from collections.abc import Sequence

from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.engines import Setting, resolve_setting
from fiftyone_capviz.curation.fields import check_fields
from fiftyone_capviz.curation.images_of import ImageSamples, image_samples
from fiftyone_capviz.curation.options import STAGES, AnalysisOptions, Stage, validated_stages
from fiftyone_capviz.curation.plan import SAMPLE_STAGES, ExistingResults, Plan, make_plan
from fiftyone_capviz.curation.runs import read_run, what_differs
from fiftyone_capviz.errors import ExistingResultsError, InputError

REMEDY = (
    "Pass existing='skip' to keep them and compute only what is missing, existing='replace' to "
    "compute them anew, or another caption_field or segments_field to keep both."
)
OWN_REMEDY = (
    " To use what is there: own_segments=True for segments of your own; leave the stage 'caption' "
    "out for captions of your own."
)


def existing_results(
    collection: SampleCollection,
    options: AnalysisOptions | None = None,
    stages: Sequence[str] = STAGES,
) -> ExistingResults:
    """What is stored already, and what a run with these options would replace.

    Raises:
        InputError, ModelError: as :func:`analyze`.
    """
    return preview(collection, options or AnalysisOptions(), stages).existing


def preview(collection: SampleCollection, options: AnalysisOptions, stages: Sequence[str]) -> Plan:
    """What a run with these options would do; changes nothing and loads no weights."""
    chosen, asked = options.validated(), validated_stages(stages)
    samples = image_samples(collection)
    check_fields(samples.dataset, chosen, asked)
    return plan_of(samples, chosen, asked, resolve_setting(chosen, asked))


def stage_hashes(
    options: AnalysisOptions, stages: Sequence[Stage], setting: Setting
) -> dict[str, str]:
    """Stage -> hash of what its result depends on."""
    return {
        stage: options.stage_hash(stage, setting.revisions, precision=setting.precision)
        for stage in stages
        if not (stage == "segment" and options.own_segments)
    }


def plan_of(
    samples: ImageSamples, options: AnalysisOptions, stages: tuple[Stage, ...], setting: Setting
) -> Plan:
    """Which samples need which stages."""
    hashes = stage_hashes(options, [s for s in stages if s in SAMPLE_STAGES], setting)
    differences = what_differs(
        read_run(samples.dataset, options.caption_field),
        options,
        stages,
        revisions=setting.revisions,
        precision=setting.precision,
    )
    return make_plan(samples.dataset, samples.ids, options, hashes, differences=differences)


def refuse_conflicts(plan: Plan, options: AnalysisOptions, stages: Sequence[Stage]) -> None:
    """Raise what keeps a planned run from starting.

    Raises:
        ExistingResultsError: stored results would be replaced without being asked.
        InputError: words are to be attributed, and no sample has a text.
    """
    existing = plan.existing
    if options.existing == "error" and existing.conflicts:
        own = OWN_REMEDY if existing.foreign else ""
        raise ExistingResultsError(f"{existing.message()} {REMEDY}{own}")
    if plan.without_text == plan.total and "caption" not in stages:
        raise InputError(
            f"Scores and attributions need captions; none of the {plan.total} samples has text in "
            f"{options.caption_field!r}. Run the stage 'caption' too, or choose another field."
        )
