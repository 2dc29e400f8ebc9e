"""What a form or an SDK call asks for: its parameters as options, its view as samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from fiftyone_capviz.curation.dataset.runs import last_options, list_runs
from fiftyone_capviz.curation.dataset.samples import samples_of
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions

DEFAULTS = AnalysisOptions()


def options_from(params: Mapping[str, Any], *, base: AnalysisOptions = DEFAULTS) -> AnalysisOptions:
    """The options that a form or an SDK call asks for.

    Args:
        params: the operator's parameters; an emptied field stands for the option's own default.
        base: where the options come from that the parameters do not name.

    Raises:
        InputError: a value is out of range.
    """
    chosen = {
        name: getattr(DEFAULTS, name) if value is None or value == "" else value
        for name, value in params.items()
        if name in OPTION_NAMES
    }
    return replace(base, **chosen).validated()


def options_of(ctx: Any) -> AnalysisOptions:
    """The options that an operator is asked for by its form or by an SDK call.

    Raises:
        InputError: a value is out of range.
    """
    return options_from(ctx.params, base=form_defaults(ctx))


def form_defaults(ctx: Any) -> AnalysisOptions:
    """What a form starts from: the last run's options in the App, the defaults for SDK calls.

    So the App goes on with the models and thresholds that the dataset was analysed with, also
    with those that the form does not show. See `last_options` for how others go on.
    """
    if not from_app(ctx) or ctx.dataset is None:
        return DEFAULTS
    analysed = list_runs(ctx.dataset)
    if not analysed:
        return DEFAULTS
    asked = ctx.params.get("caption_field") or DEFAULTS.caption_field
    last = last_options(ctx.dataset, asked if asked in analysed else analysed[0]) or DEFAULTS
    return replace(
        last,
        caption_field=asked if asked in analysed else last.caption_field,
        existing=DEFAULTS.existing,
        overwrite_captions=DEFAULTS.overwrite_captions,
        device=DEFAULTS.device,
        batch_size=DEFAULTS.batch_size,
    )


def called_options(ctx: Any) -> AnalysisOptions:
    """The options that a caption field was analysed with, changed by what the call names.

    For operators that go on with an analysis; the prompt is theirs, not the analysis's. See
    `last_options` for how others go on.

    Raises:
        InputError: a value is out of range.
    """
    caption_field = ctx.params.get("caption_field") or DEFAULTS.caption_field
    last = last_options(ctx.dataset, caption_field) or DEFAULTS
    named = {
        name: value
        for name, value in ctx.params.items()
        if name != "prompt" and value is not None and value != ""
    }
    return options_from(named, base=replace(last, caption_field=caption_field))


def params_from(options: AnalysisOptions | None) -> dict[str, Any]:
    """The operator parameters that stand for these options: what differs from the defaults."""
    if options is None:
        return {}
    return {
        name: value
        for name, value in options.to_dict().items()
        if value != getattr(DEFAULTS, name) and value is not None
    }


def from_app(ctx: Any) -> bool:
    """Whether the App asks: its server passes the whole request on, operator and all."""
    return "operator_uri" in ctx.request_params


def target_samples(ctx: Any) -> Any:
    """The dataset or view of samples that the operator is asked to work on.

    Raises:
        InputError: nothing is open, or the view is empty.
    """
    if ctx.dataset is None:
        raise InputError("An analysis needs a dataset; none is open. Open one first.")
    view = samples_of(ctx.target_view())
    if not view.count():
        raise InputError(
            "The view must hold at least one sample; it holds none. "
            "Clear its filters, or choose another view."
        )
    return view


OPTION_NAMES = frozenset(field.name for field in fields(AnalysisOptions))
