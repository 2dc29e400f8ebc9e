"""Unlisted: the Caption Steering panel's work on many images, its progress sent to the panel."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.dataset.runs import stored_options
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions

from .frame.app import reload_app
from .frame.operator import CapvizOperator
from .frame.streaming import message_of

Notify = Callable[[Progress], None]
Work = Callable[[Notify], dict[str, Any]]


class SteerSelection(CapvizOperator):
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
            told = {"id": params.get("job"), "step": params.get("step"), "state": "running",
                    "done": 0, "total": 0, "label": "Starting", "message": None}  # fmt: skip
            return ctx.ops.patch_panel_data({"job": told | values}, panel_id=params.get("panel_id"))

        yield patch()
        try:
            options = stored_options(ctx.dataset, params.get("caption_field") or "caption", None)
            work = _WORK[str(params.get("step"))](ctx, options)
        except KeyError:
            yield patch(state="failed", message=f"There is no step {params.get('step')!r}.")
            return
        except Exception as error:
            yield patch(state="failed", message=message_of(error))
            return
        events: queue.SimpleQueue[Progress | dict[str, Any] | Exception] = queue.SimpleQueue()
        threading.Thread(target=_compute, args=(work, events), name="capviz", daemon=True).start()
        event = events.get()
        while isinstance(event, Progress):
            yield patch(done=event.done, total=event.total, label=event.label or event.stage)
            event = events.get()
        if isinstance(event, Exception):
            yield patch(state="failed", message=message_of(event))
            return
        if params.get("step") != "steer":
            yield from reload_app(ctx)
        yield patch(state="done", label="", message=event["summary"])


def _steer(ctx: Any, options: AnalysisOptions) -> Work:
    from fiftyone_capviz.curation.steering.batch import Batch, remember_batch
    from fiftyone_capviz.curation.steering.image import Dials, read_image
    from fiftyone_capviz.curation.steering.many import steer_captions
    from fiftyone_capviz.curation.steering.scope import Surroundings, batch_recipe

    params, dataset = ctx.params, ctx.dataset
    around = Surroundings.of(
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
        dials=Dials.from_dict(params.get("dials") or {}),
        source=params.get("source") or "none",
        turned=int(params.get("turned") or 0),
        label=params.get("label"),
        word=(params.get("word") or "").strip() or None,
        automatic=bool(params.get("automatic")),
    )

    def work(notify: Notify) -> dict[str, Any]:
        view = dataset.select(ids, ordered=True)
        report = steer_captions(view, recipe, options, progress=notify)
        remember_batch(dataset, Batch.of(report, options.caption_field, ids))
        return {"summary": report.summary()}

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

    def work(notify: Notify) -> dict[str, Any]:
        report = accept_captions(dataset, field, ids=ids, options=options, progress=notify)
        failed = {failure.sample_id for failure in report.failures}
        note_accepted(dataset, field, [one for one in ids if one not in failed])
        return {"summary": report.summary()}

    return work


def _undo(ctx: Any, options: AnalysisOptions) -> Work:
    from fiftyone_capviz.curation.steering.accept import undo_captions
    from fiftyone_capviz.curation.steering.batch import forget_accepted, last_accepted

    dataset, field = ctx.dataset, options.caption_field
    ids = last_accepted(dataset, field)
    if not ids:
        raise InputError("Undo needs captions that were accepted here; there are none left.")

    def work(notify: Notify) -> dict[str, Any]:
        report = undo_captions(dataset, field, ids=ids, options=options, progress=notify)
        forget_accepted(dataset, field)
        return {"summary": report.summary()}

    return work


def _compute(work: Work, events: queue.SimpleQueue[Progress | dict[str, Any] | Exception]) -> None:
    try:
        events.put(work(events.put))
    except Exception as error:
        get_logger().exception("The steering panel's work failed")
        events.put(error)


_WORK = {"steer": _steer, "accept": _accept, "undo": _undo}
