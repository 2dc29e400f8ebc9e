"""*Explain pairs*: which words of the captions speak against their own images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import fiftyone as fo
from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.job import JobKeywords
from fiftyone_capviz.curation.dataset.progress import RunReport
from fiftyone_capviz.errors import CapvizError
from fiftyone_capviz.settings.models import SUGGESTIONS
from fiftyone_capviz.settings.pairs import (
    PAIR_METHODS,
    SIGNED_METHODS,
    PairSettings,
    default_encoder,
)

from .frame.form import Form, problem_of_model, suggestions
from .frame.operator import CapvizOperator
from .frame.requests import target_samples
from .frame.sections import caption_source
from .frame.streaming import Outcome

if TYPE_CHECKING:
    from fiftyone_capviz.curation.pairs.results import MismatchReport


class ExplainPairs(CapvizOperator):
    """Writes each word's attribution to its whole image, and the words where it is negative."""

    operator_name = "explain_pairs"
    title = "Explain pairs"
    icon = "compare_arrows"
    summary = "Find words that speak against their own image, by second-order attributions"

    def add_fields(self, form: Form) -> None:
        caption_source(form)
        usual = default_encoder(form.defaults.captioner)
        view = suggestions((usual, *SUGGESTIONS["encoder"]))
        prop = form.inputs.str(
            "encoder",
            label="Dual encoder",
            description="CLIP-like: hub name, local folder, or `scenes` for the synthetic world",
            default=usual,
            view=view,
        )
        form.mark(prop, problem_of_model("encoder", form.ctx.params.get("encoder") or usual))
        form.choice("attribution", "Method", {one: PAIR_METHODS[one] for one in SIGNED_METHODS})
        prop = form.inputs.int(
            "layer",
            label="Layer",
            description="Whose input is attributed to, 0 for the first; empty: the default",
            view=types.FieldView(),
        )
        form.mark(prop, _problem_of_layer(form.ctx.params.get("layer")))
        if form.sound:
            _add_preview(form)

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        params = ctx.params
        captions = params.get("caption_field")
        return partial(
            self.work,
            target_samples(ctx),
            settings=settings_from(params, ctx.dataset, captions),
            caption_field=captions,
            caption_index=params.get("caption_index"),
            existing=params.get("existing") or "error",
        )

    def work(
        self,
        collection: SampleCollection,
        *,
        settings: PairSettings | None = None,
        caption_field: str | None = None,
        caption_index: int | None = None,
        existing: str = "error",
        delegate: bool = False,
        **job: Unpack[JobKeywords],
    ) -> MismatchReport | Any:
        """Explain the pairs of a dataset or view.

        Args:
            collection: dataset or view.
            settings: default second-order attributions of the analysis' own family.
            caption_field: default the analysed one.
            caption_index: which caption of a list; default the analysed one, else the first.
            existing: "skip", "replace" or "error": what happens where other settings explained
                samples already.
            delegate: schedule it instead of running it now.
            job: progress, stop, cache, as in `analyze`.

        Raises:
            CapvizError: an option, field, view or model cannot be used.
        """
        if delegate:
            params = {
                **({} if settings is None else settings.to_dict()),
                "caption_field": caption_field,
                "caption_index": caption_index,
                "existing": existing,
            }
            return self.delegated(collection, params)
        from fiftyone_capviz.curation.pairs.mismatches import find_mismatches

        return find_mismatches(
            collection,
            settings,
            caption_field=caption_field,
            caption_index=caption_index,
            existing=existing,
            **job,
        )

    def outcome(self, ctx: Any, report: MismatchReport) -> Outcome:
        """The report, and the saved view of the samples that it found."""
        from fiftyone_capviz.curation.pairs.mismatches import save_mismatch_view

        shown = super().outcome(ctx, report)
        name = save_mismatch_view(ctx.dataset, report)
        if name is None:
            return shown
        told = f"{shown.summary}\nThe samples are in the saved view '{name}'."
        return replace(shown, summary=told)


def settings_from(
    params: dict[str, Any], dataset: fo.Dataset, caption_field: str | None
) -> PairSettings:
    """The settings that a form (whose method is "attribution") or an SDK call asks for.

    Raises:
        InputError: a value that cannot be used.
    """
    from fiftyone_capviz.curation.pairs.sample import choose_fields

    chosen = choose_fields(dataset, caption_field)
    usual = PairSettings(encoder=default_encoder(chosen.captioner or ""))
    method = params.get("attribution") or params.get("method")
    return PairSettings.from_dict({**params, "method": method}, base=usual)


def _add_preview(form: Form) -> None:
    """How much there is to do, and what becomes of results of other settings."""
    from fiftyone_capviz.curation.pairs.plan import estimate_pairs

    params = form.ctx.params
    captions, existing = params.get("caption_field"), params.get("existing") or "error"
    try:
        settings = settings_from(params, form.ctx.dataset, captions)
        found = estimate_pairs(
            target_samples(form.ctx),
            settings,
            caption_field=captions,
            caption_index=params.get("caption_index"),
            existing=existing,
        )
    except CapvizError as error:
        form.refuse("problem", str(error))
        return
    if found.conflict:
        form.choose_existing(
            "Results of other settings",
            {"skip": "Keep them, explain what is missing", "replace": "Replace them"},
            conflict=found.conflict,
            demand="Say what to do with them: skip or replace." if existing == "error" else None,
        )
    form.notice("estimate", found.text)


def _problem_of_layer(value: Any) -> str | None:
    try:
        PairSettings.from_dict({"layer": value})
    except CapvizError as error:
        return str(error)
    return None
