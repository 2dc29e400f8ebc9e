"""Unlisted: the Caption Steering panel's work on many images, its progress sent to the panel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.progress import Progress, RunReport
from fiftyone_capviz.curation.dataset.runs import continued_options
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions

from .frame.app import reload_app
from .frame.operator import FormOperator
from .frame.streaming import Notify, followed, message_of

Work = Callable[[Notify], RunReport]


class SteerSelection(FormOperator):
    """Steers, accepts or undoes, and patches the data ``job`` of the panel that asked.

    Closing the panel stops nothing: the work runs in a thread, until its end or *Stop analysis*.
    """

    operator_name = "steer_selection"
    title = "Steer the selection"
    icon = "tune"
    summary = "Apply the recipe of the Caption Steering panel; accept or undo what came of it"
    listed = False

    def resolve_input(self, ctx: Any) -> types.Property:
        return types.Property(types.Object())

    def execute(self, ctx: Any) -> Iterator[Any]:
        params = ctx.params

        def patch(**values: object) -> Any:
            base = {"id": params.get("job"), "step": params.get("step"), "state": "running",
                    "done": 0, "total": 0, "label": "Starting", "message": None}  # fmt: skip
            return ctx.ops.patch_panel_data({"job": base | values}, panel_id=params.get("panel_id"))

        def told(news: Progress) -> Any:
            label = news.label or news.stage
            return patch(done=news.done, total=news.total, label=label)

        yield patch()
        try:
            work = _work_of(ctx)
        except Exception as error:
            yield patch(state="failed", message=message_of(error))
            return
        event = yield from followed(work, told)
        if isinstance(event, Exception):
            yield patch(state="failed", message=message_of(event))
            return
        if params.get("step") != "steer":
            yield from reload_app(ctx)
        yield patch(state="done", label="", message=event.summary())


def _work_of(ctx: Any) -> Work:
    step = ctx.params.get("step")
    if step not in _WORK:
        raise InputError(f"There is no step {step!r}; the steps are {', '.join(_WORK)}.")
    options = continued_options(ctx.dataset, ctx.params.get("caption_field") or "caption")
    return _WORK[step](ctx, options)


def _steer(ctx: Any, options: AnalysisOptions) -> Work:
    from fiftyone_capviz.curation.steering.batch import Batch, remember_batch
    from fiftyone_capviz.curation.steering.image import ImageRecipe, read_image
    from fiftyone_capviz.curation.steering.many import steer_captions
    from fiftyone_capviz.curation.steering.scope import AppState, batch_recipe

    params, dataset = ctx.params, ctx.dataset
    around = AppState.of(
        dataset, ctx.view, selected=ctx.selected, request_params=ctx.request_params
    )
    scope = params.get("scope")
    ids = around.scopes(options).get(scope)
    if not ids:
        raise InputError(f"Steering needs samples; there are none in {scope!r}. Choose others.")
    recipe = batch_recipe(
        around,
        ids,
        image=read_image(dataset, str(params.get("sample_id") or ""), options),
        options=options,
        dials=ImageRecipe.from_dict(params.get("dials") or {}),
        source=params.get("source") or "none",
        turned=int(params.get("turned") or 0),
        label=params.get("label"),
        word=(params.get("word") or "").strip() or None,
        automatic=bool(params.get("automatic")),
    )

    def work(notify: Notify) -> RunReport:
        view = dataset.select(ids, ordered=True)
        report = steer_captions(view, recipe, options, progress=notify)
        remember_batch(dataset, Batch.of(report, options.caption_field, ids))
        return report

    return work


def _accept(ctx: Any, options: AnalysisOptions) -> Work:
    from fiftyone_capviz.curation.steering.accept import accept_captions
    from fiftyone_capviz.curation.steering.batch import note_accepted, pending_batch, waiting_ids

    dataset, field = ctx.dataset, options.caption_field
    batch = pending_batch(dataset, field)
    if batch is None:
        raise InputError("Accepting needs candidates; none are waiting. Apply a recipe first.")
    ids = waiting_ids(dataset, batch)
    if ctx.params.get("chosen"):  # those that say the word, but for what the user flipped
        flipped, missed = set(ctx.params.get("flipped") or ()), set(batch.misses)
        ids = [one for one in ids if (one in missed) == (one in flipped)]

    def work(notify: Notify) -> RunReport:
        report = accept_captions(dataset, field, ids=ids, options=options, progress=notify)
        failed = {failure.sample_id for failure in report.failures}
        note_accepted(dataset, field, [one for one in ids if one not in failed])
        return report

    return work


def _undo(ctx: Any, options: AnalysisOptions) -> Work:
    from fiftyone_capviz.curation.steering.accept import undo_captions
    from fiftyone_capviz.curation.steering.batch import forget_accepted, last_accepted

    dataset, field = ctx.dataset, options.caption_field
    ids = last_accepted(dataset, field)
    if not ids:
        raise InputError("Undo needs captions that were accepted here; there are none left.")

    def work(notify: Notify) -> RunReport:
        report = undo_captions(dataset, field, ids=ids, options=options, progress=notify)
        forget_accepted(dataset, field)
        return report

    return work


_WORK = {"steer": _steer, "accept": _accept, "undo": _undo}
