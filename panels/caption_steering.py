"""*Caption Steering*: one image under its patch grid, and the recipe for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
from bson import ObjectId

from fiftyone_capviz.curation.app.lasso import note_lasso
from fiftyone_capviz.curation.app.panel_focus import panel_focus
from fiftyone_capviz.curation.app.panel_scope import captions_notices
from fiftyone_capviz.curation.dataset.captions import is_there
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.runs import active_caption, continued_options, list_runs
from fiftyone_capviz.curation.dataset.samples import sample_ids
from fiftyone_capviz.curation.dataset.store import request_stop
from fiftyone_capviz.curation.inference.cancelled import cancel_stream
from fiftyone_capviz.curation.steering.accept import accept_captions, discard_candidates
from fiftyone_capviz.curation.steering.batch import (
    candidates,
    forget_batch,
    last_accepted,
    note_accepted,
    pending_batch,
    theirs_among,
    waiting_ids,
)
from fiftyone_capviz.curation.steering.image import (
    Attempt,
    ImageRecipe,
    SteeredImage,
    keep_candidate,
    read_image,
)
from fiftyone_capviz.curation.steering.messages import BatchPayload, attempt_payload, batch_payload
from fiftyone_capviz.curation.steering.one import (
    lay_out,
    search_weight,
    steer_image,
    weights_on_image,
)
from fiftyone_capviz.curation.steering.prompts import suggest_prompts
from fiftyone_capviz.curation.steering.scope import AppState
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import Caption
from fiftyone_capviz.settings.analysis import AnalysisOptions

from .frame.panel import CapvizPanel, event, neighbor, samples_meant
from .payloads.caption_steering import (
    candidates_payload,
    image_payload,
    place_payload,
    search_payload,
    suggestion_payload,
)

PAGE = 50


class CaptionSteering(CapvizPanel):
    """Its component keeps what the user is doing; every event is told all that it needs."""

    panel_name = "caption_steering"
    title = "Caption Steering"
    icon = "tune"
    component = "CapvizCaptionSteering"
    surfaces = "grid modal"
    help = (
        "Click patches or a segment, set their weight, write how the caption should go on, and "
        "read what the captioner says now. Then apply the recipe to many images."
    )

    def on_load(self, ctx: Any) -> None:
        """The component asks for what it shows; FiftyOne reports changes only if this exists."""

    def on_change_view(self, ctx: Any) -> None:
        self._surroundings_changed(ctx)

    def on_change_extended_selection(self, ctx: Any) -> None:
        self._surroundings_changed(ctx)

    @event
    def open_image(self, ctx: Any) -> dict[str, Any]:
        """The sample asked for, a neighbour of it, or the first one that is marked or in view."""
        if ctx.dataset is None:
            return {"missing": "dataset"}
        options = _options(ctx)
        if options is None:
            return {"missing": "captions"}
        order = samples_meant(ctx, ctx.params.get("among") or ()) or sample_ids(ctx.view)
        (asked,) = samples_meant(ctx, [ctx.params.get("sample_id")]) or (None,)
        if ctx.params.get("keep") and asked not in order and not _stored(ctx.dataset, asked):
            asked = None  # it was deleted, or another dataset is open
        if asked is None and not order:
            return {"missing": "samples"}
        if asked is None:
            asked = _first_marked(ctx, options, order)
        chosen = neighbor(order, asked, int(ctx.params.get("step") or 0))
        return dict(
            image_payload(
                read_image(ctx.dataset, chosen, options),
                caption_field=options.caption_field,
                caption_fields=list_runs(ctx.dataset) or [options.caption_field],
                position=order.index(chosen) if chosen in order else None,
                total=len(order),
                batch=_batch(ctx.dataset, options),
                undo=len(last_accepted(ctx.dataset, options.caption_field)),
            )
        )

    @event
    def lay_out(self, ctx: Any) -> dict[str, Any]:
        """Load the models if they are not; patch grid, and scores of the present caption."""
        image, options = _image(ctx)
        return dict(place_payload(image, lay_out(image, options)))

    @event
    def generate(self, ctx: Any) -> dict[str, Any]:
        """Caption the image by the dials."""
        image, options = _image(ctx)
        attempt = steer_image(image, options, ImageRecipe.from_dict(ctx.params.get("dials") or {}))
        return dict(attempt_payload(attempt, image.caption))

    @event
    def find_weight(self, ctx: Any) -> dict[str, Any]:
        """Sweep the weight of one selection for a word."""
        image, options = _image(ctx)
        word = str(ctx.params.get("word") or "")
        search = search_weight(
            image,
            options,
            ImageRecipe.from_dict(ctx.params.get("dials") or {}),
            wanted_word=word,
            turned=int(ctx.params.get("turned") or 0),
        )
        return dict(search_payload(search, word=word, present=image.caption))

    @event
    def suggest(self, ctx: Any) -> dict[str, Any]:
        """Prompts, ranked by how likely they lead to the wanted word."""
        image, options = _image(ctx)
        word = str(ctx.params.get("word") or "")
        found = suggest_prompts(ctx.dataset, image, options, wanted_word=word)
        return {"word": word, "suggestions": [suggestion_payload(one) for one in found]}

    @event
    def scopes(self, ctx: Any) -> dict[str, Any]:
        """What the recipe can be applied to."""
        options = _required_options(ctx)
        around = surroundings(ctx)
        return {
            "scopes": [
                {"key": key, "count": len(ids)} for key, ids in around.scopes(options).items()
            ],
            "sources": list(around.sources()),
            "words": list(around.focus.words) if around.focus is not None else [],
        }

    @event
    def candidates(self, ctx: Any) -> dict[str, Any]:
        """A page of the waiting captions of the last batch."""
        options = _required_options(ctx)
        batch = pending_batch(ctx.dataset, options.caption_field)
        if batch is None:
            return dict(candidates_payload([], [], frozenset(), missed=()))
        offset = int(ctx.params.get("offset") or 0)
        rows = candidates(ctx.dataset, batch, options, offset=offset, limit=PAGE)
        waiting = waiting_ids(ctx.dataset, batch)
        theirs = theirs_among(ctx.dataset, waiting, options)
        return dict(candidates_payload(rows, waiting, theirs, missed=batch.misses))

    @event
    def show_misses(self, ctx: Any) -> dict[str, Any]:
        """Open those as a view that do not say the word, or could not be captioned."""
        options = _required_options(ctx)
        batch = pending_batch(ctx.dataset, options.caption_field)
        ids = [] if batch is None else [*batch.misses, *batch.failed]
        if not ids:
            raise InputError("No image of the last batch failed; there is nothing to show.")
        ctx.ops.set_view(ctx.dataset.select(ids))
        return {"samples": len(ids)}

    @event
    def discard(self, ctx: Any) -> dict[str, Any]:
        """Drop the waiting captions of the last batch, or of the samples named."""
        options = _required_options(ctx)
        batch = pending_batch(ctx.dataset, options.caption_field)
        chosen = ctx.params.get("ids")
        ids = list(chosen) if chosen else ([] if batch is None else list(batch.sample_ids))
        dropped = discard_candidates(ctx.dataset, options.caption_field, ids=ids)
        if not chosen:
            forget_batch(ctx.dataset)
        return {"samples": dropped, "batch": _batch(ctx.dataset, options)}

    @event
    def accept_attempt(self, ctx: Any) -> dict[str, Any]:
        """Make an attempt on one image its caption."""
        image, options = _image(ctx)
        text = str(ctx.params.get("text") or "").strip()
        if not text:
            raise InputError("A caption to accept must have a text; it is empty. Generate one.")
        dials = ImageRecipe.from_dict(ctx.params.get("dials") or {})
        caption = Caption(text, text, str(ctx.params.get("prompt") or ""), float("nan"))
        match = float(ctx.params.get("itm") or 0.0)
        weights = weights_on_image(image, options, dials)
        keep_candidate(ctx.dataset, image, options, Attempt(caption, match, dials, weights))
        report = accept_captions(
            ctx.dataset, options.caption_field, ids=[image.sample_id], options=options
        )
        if report.failures:
            raise InputError(report.failures[0].message)
        note_accepted(ctx.dataset, options.caption_field, [image.sample_id])
        ctx.ops.reload_dataset()  # the grid keeps its samples over reload_samples
        for notice in captions_notices(ctx.dataset, ctx.spaces, ctx.request_params):
            ctx.trigger("patch_panel_data", notice)
        return {"summary": report.summary()}

    @event
    def cancel(self, ctx: Any) -> dict[str, Any]:
        """End a stream, or the work on many images after its present batch."""
        if ctx.params.get("stream"):
            cancel_stream(str(ctx.params["stream"]))
        else:
            request_stop(ctx.dataset)
        return {}

    @event
    def analyze(self, ctx: Any) -> None:
        """Offer the form that makes captions, where there are none."""
        ctx.prompt("@capviz/capviz/analyze_captions")

    def _surroundings_changed(self, ctx: Any) -> None:
        if ctx.dataset is not None:
            note_lasso(ctx.dataset, ctx.request_params)
        told = [repr(ctx.request_params.get(name)) for name in ("view", "filters", "extended")]
        ctx.panel.set_data("around", {"version": hash(tuple(told)) % 2**31})


def surroundings(ctx: Any) -> AppState:
    """What the App shows and what is marked in it."""
    return AppState.of(
        ctx.dataset, ctx.view, selected=ctx.selected, request_params=ctx.request_params
    )


def _first_marked(ctx: Any, options: AnalysisOptions, order: Sequence[str]) -> str | None:
    """Of the samples that a recipe would go to; opening the tab has made the grid whole again."""
    marked = set(next(iter(surroundings(ctx).scopes(options).values())))
    return next((one for one in order if one in marked), None)


def _options(ctx: Any) -> AnalysisOptions | None:
    """Of the caption field asked for, in focus, or described by the segments; None without any."""
    asked = ctx.params.get("caption_field")
    if asked is None:
        focus = panel_focus(ctx.dataset)
        asked = focus.caption_field if focus is not None else None
    if asked is None:
        analysed = list_runs(ctx.dataset)
        asked = active_caption(ctx.dataset, "segments") or (analysed[0] if analysed else "caption")
    return continued_options(ctx.dataset, asked) if is_there(ctx.dataset, asked) else None


def _required_options(ctx: Any) -> AnalysisOptions:
    options = _options(ctx)
    if options is None:
        raise InputError("Steering needs captions; there are none yet. Run 'Analyze captions'.")
    return options


def _image(ctx: Any) -> tuple[SteeredImage, AnalysisOptions]:
    options = _required_options(ctx)
    sample_id = ctx.params.get("sample_id")
    if not sample_id:
        raise InputError("Steering needs a sample; none is open. Open or select one.")
    return read_image(ctx.dataset, str(sample_id), options), options


def _stored(dataset: fo.Dataset, sample_id: str | None) -> bool:
    if sample_id is None or not ObjectId.is_valid(sample_id):
        return False
    query = {"_id": ObjectId(sample_id)}
    return sample_documents(dataset).find_one(query, {"_id": 1}) is not None


def _batch(dataset: fo.Dataset, options: AnalysisOptions) -> BatchPayload | None:
    batch = pending_batch(dataset, options.caption_field)
    if batch is None:
        return None
    waiting = waiting_ids(dataset, batch)
    return batch_payload(batch, len(waiting), len(theirs_among(dataset, waiting, options)))
