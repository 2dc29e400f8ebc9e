"""*Evaluate attribution*: how well each method finds what the words name, on labelled regions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import fiftyone as fo
from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.collection import dataset_of
from fiftyone_capviz.curation.dataset.progress import ProgressCallback, RunReport, StopCallback
from fiftyone_capviz.curation.evaluation.forecast import default_caption_field, default_options
from fiftyone_capviz.curation.evaluation.plan import caption_fields
from fiftyone_capviz.curation.evaluation.regions import region_fields
from fiftyone_capviz.curation.evaluation.storage import check_stored, stored_key
from fiftyone_capviz.errors import CapvizError, InputError
from fiftyone_capviz.settings.evaluation import (
    MEASURES,
    REPEATED,
    SAMPLE_COUNTS,
    SOURCE_LABELS,
    SOURCES,
    EvaluationChanges,
    EvaluationOptions,
    read_options,
)
from fiftyone_capviz.settings.steering import STEERING_METHODS

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.requests import target_samples
from .frame.sections import known_captions
from .frame.streaming import Outcome

if TYPE_CHECKING:
    from fiftyone_capviz.curation.evaluation.report import EvaluationReport
    from fiftyone_capviz.models.cache import ModelCache


class EvaluateAttribution(CapvizOperator):
    """Stores a run, scores in fields, and a saved view of the samples that were missed."""

    operator_name = "evaluate_attribution"
    title = "Evaluate attribution"
    icon = "fact_check"
    summary = "Measure attribution methods against labelled boxes or masks"

    def add_fields(self, form: Form) -> None:
        dataset, params = form.ctx.dataset, form.ctx.params
        regions = region_fields(dataset)
        usual_regions = regions[0] if regions else None
        form.one_of(
            "regions_field", "Labelled regions", dict.fromkeys(regions, ""), usual=usual_regions
        )
        _add_texts(form)
        form.choice("repeated", "Regions with the same label", REPEATED)
        form.several("sources", "Attributions from", SOURCE_LABELS)
        form.several("measures", "Measure", {name: name.capitalize() for name in MEASURES})
        form.text(
            "synonyms", "Other names", description="label=name,name; label=name: what captions say"
        )
        if form.sound and form.switch("more", "More settings"):
            _add_more(form, default_options(dataset, {"regions_field": regions[0]}))
        if form.sound:
            _add_preview(
                form, {**params, "regions_field": params.get("regions_field") or regions[0]}
            )

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        from fiftyone_capviz.curation.evaluation.run import evaluate_attribution

        view = target_samples(ctx)
        return partial(evaluate_attribution, view, options_from(ctx.dataset, ctx.params))

    def work(
        self,
        collection: SampleCollection,
        regions_field: str,
        *,
        delegate: bool = False,
        progress: ProgressCallback | None = None,
        stop: StopCallback | None = None,
        cache: ModelCache | None = None,
        **options: Unpack[EvaluationChanges],
    ) -> EvaluationReport | Any:
        """Evaluate the captions of a dataset or view.

        Args:
            collection: dataset or view.
            regions_field: Detections with labelled boxes or masks.
            delegate: schedule it instead of running it now.
            progress, stop, cache: as in `analyze`.
            options: of `EvaluationOptions`, by name.

        Raises:
            CapvizError: an option, field, view or model cannot be used.
        """
        asked = {**options, "regions_field": regions_field}
        if delegate:
            return self.delegated(collection, asked)
        from fiftyone_capviz.curation.evaluation.run import evaluate_attribution

        chosen = options_from(dataset_of(collection), asked)
        return evaluate_attribution(collection, chosen, progress=progress, stop=stop, cache=cache)

    def outcome(self, ctx: Any, report: EvaluationReport) -> Outcome:
        return outcome_of(report)


def outcome_of(report: EvaluationReport) -> Outcome:
    """A report as the App shows it, also one that was stored: its table, and its plots."""
    from fiftyone_capviz.curation.evaluation.plots import evaluation_figures
    from fiftyone_capviz.curation.evaluation.table import evaluation_table

    return Outcome(
        f"{report.summary()}\n\n```\n{evaluation_table(report)}\n```",
        {"report": report.to_dict()},
        warn=report.stopped or bool(report.counts.get("failed")),
        plots=evaluation_figures(report),
    )


def options_from(dataset: fo.Dataset, params: Mapping[str, Any]) -> EvaluationOptions:
    """The options that a form or a call asks for.

    Raises:
        InputError: a value cannot be used, or no regions field is named.
    """
    given = read_options(params)
    if params.get("replace"):  # the form's switch
        given["existing"] = "replace"
    if "regions_field" not in given:
        raise InputError("An evaluation needs labelled regions; name their field: regions_field.")
    return default_options(dataset, given)


def _add_texts(form: Form) -> None:
    """What describes the regions: expressions, or captions."""
    dataset = form.ctx.dataset
    form.text(
        "expressions",
        "Expressions",
        description="Attribute of the regions that describes each (RefCOCO), or label: "
        "evaluated instead of captions",
    )
    if form.ctx.params.get("expressions"):
        return
    known = list(dict.fromkeys([*caption_fields(dataset), *known_captions(form)]))
    usual = default_caption_field(dataset)
    form.one_of("caption_field", "Caption field", dict.fromkeys(known, ""), usual=usual)
    form.switch("all_captions", "Every caption of a list")


def _add_more(form: Form, usual: EvaluationOptions) -> None:
    """What is seldom changed."""
    for name in SOURCES.values():
        form.text(
            name,
            name.capitalize(),
            description="Hub name, folder, or scenes",
            default=getattr(usual, name),
        )
    form.text("name", "Name", description="Keeps it beside other evaluations")
    form.switch(
        "coco_names",
        "Other names of COCO's labels",
        description="Where all labels are COCO's: person is man, rider, ...",
        default=True,
    )
    for name, label in SAMPLE_COUNTS.items():
        form.inputs.int(name, label=label, min=0, view=types.FieldView())
    form.several("steering_methods", "Steer by", dict(STEERING_METHODS.items()))
    form.text(
        "steering_weights",
        "Weights to steer with",
        default=" ".join(f"{weight:g}" for weight in usual.steering_weights),
    )
    form.inputs.int("seed", label="Seed", min=0, view=types.FieldView())
    form.text("device", "Device", description="auto, cpu, cuda, cuda:1, mps")


def _add_preview(form: Form, params: Mapping[str, Any]) -> None:
    """How much there is to measure, and whether it would replace something."""
    from fiftyone_capviz.curation.evaluation.forecast import estimate_evaluation

    try:
        options = options_from(form.ctx.dataset, params)
        found = estimate_evaluation(target_samples(form.ctx), options)
    except CapvizError as error:
        form.refuse("problem", str(error))
        return
    _ask_to_replace(form, options)
    form.notice("estimate", found.text)


def _ask_to_replace(form: Form, options: EvaluationOptions) -> None:
    """A switch where an evaluation of this name is stored; refused where it is off, or in vain."""
    from fiftyone_capviz.curation.evaluation.storage import check_evaluation_fields

    dataset = form.ctx.dataset
    if stored_key(dataset, options.caption_field, options.name) is not None:
        form.switch("replace", "Replace the stored evaluation")
    try:
        check_stored(dataset, options)
        check_evaluation_fields(dataset, options)
    except CapvizError as error:
        form.refuse("stored", str(error))
