"""*Evaluate attribution*: how well each method finds what the words name, on labelled regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fiftyone.operators import types

from fiftyone_capviz.curation.evaluation.forecast import default_caption_field, default_options
from fiftyone_capviz.curation.evaluation.plan import caption_fields
from fiftyone_capviz.curation.evaluation.regions import region_fields
from fiftyone_capviz.curation.evaluation.storage import check_stored, stored_key
from fiftyone_capviz.errors import CapvizError, InputError
from fiftyone_capviz.settings.evaluation import (
    MEASURES,
    REPEATED,
    SOURCES,
    EvaluationOptions,
    read_synonyms,
)
from fiftyone_capviz.settings.steering import METHODS as STEERING_METHODS

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.requests import target_samples
from .frame.streaming import Notify, Outcome, run

if TYPE_CHECKING:
    from fiftyone_capviz.curation.evaluation.report import EvaluationReport

SOURCE_LABELS = {"itm": "Matcher (ITM)", "lm": "Captioner (LM)", "dual": "Dual encoder"}
REPEATED_LABELS = {"skip": "Leave out", "union": "One region together"}
SAMPLE_COUNTS = {
    "swap_samples": "Images with a swapped word",
    "faithfulness_samples": "Images for insertion and deletion",
    "steering_samples": "Images for steering",
}
NUMBERS = (*SAMPLE_COUNTS, "seed", "batch_size", "caption_index", "bootstrap_samples")


class EvaluateAttribution(CapvizOperator):
    """Stores a run, scores in fields, and a saved view of the samples that were missed."""

    operator_name = "evaluate_attribution"
    title = "Evaluate attribution"
    icon = "fact_check"
    summary = "Measure attribution methods against labelled boxes or masks"

    def add_fields(self, form: Form) -> None:
        dataset, params = form.ctx.dataset, form.ctx.params
        regions = region_fields(dataset)
        _choose(form, "regions_field", "Labelled regions", regions, regions[0] if regions else None)
        form.text(
            "expressions",
            "Expressions",
            description="Attribute of the regions that describes each (RefCOCO), or label: "
            "evaluated instead of captions",
        )
        if not params.get("expressions"):
            usual = default_caption_field(dataset)
            _choose(form, "caption_field", "Caption field", caption_fields(dataset), usual)
            form.switch("all_captions", "Every caption of a list")
        form.choice("repeated", "Regions with the same label", REPEATED, labels=REPEATED_LABELS)
        _several(form, "sources", "Attributions from", SOURCE_LABELS)
        _several(form, "measures", "Measure", {name: name.capitalize() for name in MEASURES})
        form.text(
            "synonyms", "Other names", description="label=name,name; label=name: what captions say"
        )
        if form.sound and form.switch("more", "More settings"):
            usual_models = default_options(dataset, {"regions_field": regions[0]})
            for name in SOURCES.values():
                form.text(
                    name,
                    name.capitalize(),
                    description="Hub name, folder, or scenes",
                    default=getattr(usual_models, name),
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
            methods: dict[str, str] = {name: name.capitalize() for name in STEERING_METHODS}
            _several(form, "steering_methods", "Steer by", methods)
            form.text(
                "steering_weights",
                "Weights to steer with",
                default=" ".join(f"{w:g}" for w in EvaluationOptions.steering_weights),
            )
            form.inputs.int("seed", label="Seed", min=0, view=types.FieldView())
            form.text("device", "Device", description="auto, cpu, cuda, cuda:1, mps")
        if not form.sound:
            return
        from fiftyone_capviz.curation.evaluation.forecast import estimate_evaluation

        chosen = {**params, "regions_field": params.get("regions_field") or regions[0]}
        try:
            options = options_from(dataset, chosen)
            found = estimate_evaluation(target_samples(form.ctx), options)
        except CapvizError as error:
            form.refuse("problem", str(error))
            return
        _ask_to_replace(form, options)
        form.notice("estimate", found.text)

    def execute(self, ctx: Any) -> Any:
        view, options = target_samples(ctx), options_from(ctx.dataset, ctx.params)

        def work(notify: Notify) -> Outcome:
            from fiftyone_capviz.curation.evaluation.run import evaluate_attribution

            return outcome_of(evaluate_attribution(view, options, progress=notify))

        return run(ctx, work, title=self.title)

    def __call__(
        self,
        sample_collection: Any,
        regions_field: str,
        *,
        delegate: bool = False,
        **options: Any,
    ) -> EvaluationReport | Any:
        """Evaluate the captions of a dataset or view.

        Args:
            sample_collection: dataset or view.
            regions_field: Detections with labelled boxes or masks.
            delegate: schedule it instead of running it now.
            options: of `EvaluationOptions`, by name.

        Raises:
            CapvizError: an option, field, view or model cannot be used.
        """
        chosen = {**options, "regions_field": regions_field}
        if delegate:
            return self.delegated(sample_collection, chosen)
        from fiftyone_capviz.curation.dataset.progress import ProgressBar
        from fiftyone_capviz.curation.evaluation.run import evaluate_attribution

        settings = options_from(sample_collection._dataset, chosen)
        with ProgressBar() as bar:
            return evaluate_attribution(sample_collection, settings, progress=bar)


def outcome_of(report: EvaluationReport) -> Outcome:
    """A report as the App shows it: its table, and its plots."""
    from fiftyone_capviz.curation.evaluation.plots import evaluation_figures
    from fiftyone_capviz.curation.evaluation.table import evaluation_table

    return Outcome(
        f"{report.summary()}\n\n```\n{evaluation_table(report)}\n```",
        {"report": report.to_dict()},
        warn=report.stopped or bool(report.counts.get("failed")),
        plots=evaluation_figures(report),
    )


def options_from(dataset: Any, params: Mapping[str, Any]) -> EvaluationOptions:
    """The options that a form or a call asks for.

    Raises:
        InputError: a value cannot be used, or no regions field is named.
    """
    known = EvaluationOptions.__dataclass_fields__
    given = {k: v for k, v in params.items() if k in known and v not in (None, "", [])}
    if params.get("replace"):  # the form's switch
        given["existing"] = "replace"
    if "regions_field" not in given:
        raise InputError("An evaluation needs labelled regions; name their field: regions_field.")
    for name in NUMBERS:
        if name in given and float(given[name]).is_integer():
            given[name] = int(given[name])
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = tuple(tuple(one) if isinstance(one, list) else one for one in value)
    if isinstance(given.get("steering_weights"), str):
        given["steering_weights"] = _weights(given["steering_weights"])
    if isinstance(given.get("synonyms"), str):
        parts = [part.strip() for part in given["synonyms"].split(";")]
        given["synonyms"] = read_synonyms([part for part in parts if part])
    return default_options(dataset, given)


def _weights(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(one) for one in text.replace(",", " ").split())
    except ValueError as err:
        raise InputError(
            f"steering_weights must be numbers of at least 1, such as 1.5 3 6; got {text!r}."
        ) from err


def _choose(form: Form, name: str, label: str, known: list[str], usual: str | None) -> None:
    """An existing field, refused where there is none."""
    view = types.Dropdown()
    for path in known:
        view.add_choice(path, label=path)
    prop = form.inputs.str(name, label=label, default=usual, required=True, view=view)
    chosen = form.ctx.params.get(name) or usual
    if chosen not in known:
        listed = ", ".join(known) or "there is none yet"
        form.mark(prop, f"No such field: {chosen!r}. Choose one of: {listed}.")


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


def _several(form: Form, name: str, label: str, labels: Mapping[str, str]) -> None:
    view = types.DropdownView(multiple=True)
    for value, text in labels.items():
        view.add_choice(value, label=text)
    form.inputs.list(name, types.String(), label=label, description="Empty: all", view=view)
