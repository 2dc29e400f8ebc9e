"""Segment Gallery: segments in focus or in the lasso, with the words that attend to them."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.app.lasso import note_lasso, user_lasso
from fiftyone_capviz.curation.app.panel_focus import focus_version, panel_focus
from fiftyone_capviz.curation.app.panel_scope import base_view, captions_key
from fiftyone_capviz.curation.app.workspace import recolor_params
from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.gallery.cards import SegmentCard, read_cards
from fiftyone_capviz.curation.gallery.methods import method_result, stored_method
from fiftyone_capviz.curation.gallery.pool import (
    Scope,
    SegmentPool,
    gallery_fields,
    gallery_pool,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.attention_shape import attention_shape
from fiftyone_capviz.settings.words import WordMethod

from .frame.panel import CapvizPanel, event, sent
from .payloads.segment_gallery import (
    GalleryPayload,
    MethodsPayload,
    Problem,
    ReadingsPayload,
    card_payload,
    method_payload,
    readings_payload,
    scope_payload,
    shape_payload,
)

COLORS = ("coverage", "attention", "entropy", "area", "top_word")
DEFAULT_SIZE = 12


class SegmentGallery(CapvizPanel):
    """Shows a random sample of segments; narrows nothing and writes nothing."""

    panel_name = "segment_gallery"
    title = "Segment Gallery"
    icon = "grid_view"
    help = (
        "A random sample of the segments that the word in focus attends to, of a lasso in the "
        "Embeddings plot, or of the view. Yellow words attend to the segment; the red one is in "
        "focus."
    )
    component = "CapvizSegmentGallery"

    def on_load(self, ctx: Any) -> None:
        _tell_scope(ctx)

    def on_change_extended_selection(self, ctx: Any) -> None:
        _tell_scope(ctx)

    def on_change_dataset(self, ctx: Any) -> None:
        _tell_scope(ctx)

    @event
    def draw(self, ctx: Any) -> GalleryPayload:
        """Cards of a random sample. Params: seed, size, all (not only those in focus)."""
        dataset, seed = ctx.dataset, int(ctx.params.get("seed", 0))
        note_lasso(dataset, ctx.request_params)
        focus = panel_focus(dataset)
        words = () if focus is None else focus.words
        fields = gallery_fields(dataset, focus)
        scope: Scope = "view"
        pool: SegmentPool | None = None
        cards: list[SegmentCard] = []
        stored = stored_method(dataset, "caption" if fields is None else fields.caption.caption)
        if fields is not None:
            lasso = user_lasso(dataset, ctx.request_params)
            wanted = () if ctx.params.get("all") else words
            view = base_view(dataset, ctx.request_params)
            scope, pool = gallery_pool(view, fields, words=wanted, lasso=lasso)
            cards = read_cards(
                dataset,
                pool.draw(int(ctx.params.get("size", DEFAULT_SIZE)), seed=seed),
                caption_field=fields.caption.caption,
                segments_field=fields.segments.segments,
                top_k=stored.top_k,
                caption_index=stored.caption_index,
            )
        return {
            "version": captions_key(ctx.dataset, ctx.request_params),
            "focus_version": focus_version(dataset),
            "seed": seed,
            "caption_field": "" if fields is None else fields.caption.caption,
            "segments_field": "" if fields is None else fields.segments.segments,
            "scope": scope_payload(scope, words, pool),
            "problem": _problem(pool, cards),
            "stored": method_payload(stored.method),
            "notes": list(stored.notes),
            "cards": [card_payload(card) for card in cards],
        }

    @event
    def methods(self, ctx: Any) -> MethodsPayload:
        """Layers and heads to choose from; loads no model. Params: caption_field."""
        stored = stored_method(ctx.dataset, sent(ctx, "caption_field"))
        return {
            "itm": shape_payload(stored.matcher, attention_shape("matcher", stored.matcher)),
            "lm": shape_payload(stored.captioner, attention_shape("captioner", stored.captioner)),
        }

    @event
    def read(self, ctx: Any) -> ReadingsPayload:
        """The words on some cards by another method.

        Params: cards (pairs of sample id and label id), caption_field, segments_field, source,
        method, layer, head.
        """
        method = WordMethod(*(sent(ctx, name) for name in ("source", "method", "layer", "head")))
        caption = sent(ctx, "caption_field")
        found = method_result(
            ctx.dataset,
            [(sample_id, label_id) for sample_id, label_id in sent(ctx, "cards")],
            method,
            caption_field=caption,
            segments_field=sent(ctx, "segments_field"),
        )
        stored = stored_method(ctx.dataset, caption)
        return readings_payload(
            found, stored.matcher if method.source == "itm" else stored.captioner
        )

    @event
    def recolor(self, ctx: Any) -> dict[str, Any]:
        """Parameters that color the plot by an attribute. Params: by, segments_field."""
        by = sent(ctx, "by")
        if by not in COLORS:
            raise InputError(f"The plot can be colored by {', '.join(COLORS)}; got {by!r}.")
        steps = recolor_params(ctx.spaces, sent(ctx, "segments_field"), color_by=by)
        if not steps:
            raise InputError("No Embeddings panel is open to be colored. Open one with + first.")
        return {"recolor": steps}

    @event
    def analyze(self, ctx: Any) -> None:
        """Open the form of the analysis."""
        ctx.prompt("@capviz/capviz/analyze_captions")


def _tell_scope(ctx: Any) -> None:
    """Let the component know the scope; it asks for cards if it has not seen this one yet.

    FiftyOne calls the hooks several times for one change, and an error in one of them would
    replace the panel.
    """
    try:
        note_lasso(ctx.dataset, ctx.request_params)
        ctx.panel.set_data("scope_version", captions_key(ctx.dataset, ctx.request_params))
    except Exception:
        get_logger().exception("the scope of the segment gallery")


def _problem(pool: SegmentPool | None, cards: list[SegmentCard]) -> Problem | None:
    if pool is None:
        return "no_analysis"
    if not cards:
        return "no_segments"
    return None if any(card.reading is not None for card in cards) else "no_words"
