"""*Pair Explainer*: which part of a caption meets which part of an image, or of another."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.dataset.samples import sample_ids
from fiftyone_capviz.curation.inference.cancelled import cancel_request, cancelled
from fiftyone_capviz.curation.pairs.answer import PatienceKeywords
from fiftyone_capviz.curation.pairs.explain import explain_sample
from fiftyone_capviz.curation.pairs.relate import relate_captions, relate_images
from fiftyone_capviz.curation.pairs.sample import (
    PairSample,
    choose_fields,
    read_sample,
    segment_regions,
)
from fiftyone_capviz.curation.pairs.waits import LongWaitError
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.pairs import PairSettings, default_encoder

from .frame.panel import CapvizPanel, event, neighbor, samples_meant, sent
from .payloads.pair_explainer import WaitPayload, image_payload, pair_payload, relation_payload

LONG_SECONDS = 10.0
"""Expected to take longer, an explanation is begun only if the user wants to wait for it."""


class PairExplainer(CapvizPanel):
    """Its component keeps what the user is doing; every event is told all that it needs."""

    panel_name = "pair_explainer"
    title = "Pair Explainer"
    icon = "compare_arrows"
    component = "CapvizPairExplainer"
    surfaces = "grid modal"
    help = (
        "Select words and see where in the image they count for or against the match. Draw a box "
        "or click a segment, and see what each word gets from it. Compare with another caption or "
        "image."
    )

    def on_load(self, ctx: Any) -> None:
        """The component asks for what it shows; FiftyOne reports changes only if this exists."""

    def on_change_view(self, ctx: Any) -> None:
        told = [repr(ctx.request_params.get(name)) for name in ("view", "filters", "extended")]
        ctx.panel.set_data("around", {"version": hash(tuple(told)) % 2**31})

    @event
    def open_image(self, ctx: Any) -> dict[str, Any]:
        """The sample asked for, or a neighbour of it, or the first of the view."""
        if ctx.dataset is None:
            return {"missing": "dataset"}
        order = samples_meant(ctx, ctx.params.get("among") or ()) or sample_ids(ctx.view)
        (asked,) = samples_meant(ctx, [ctx.params.get("sample_id")]) or (None,)
        if ctx.params.get("keep") and order and asked not in order:
            asked = None  # the view has changed, and this sample has left it
        if asked is None and not order:
            return {"missing": "samples"}
        at = neighbor(order, asked, int(ctx.params.get("step") or 0))
        chosen = choose_fields(ctx.dataset, ctx.params.get("caption_field"))
        return dict(
            image_payload(
                read_sample(ctx.dataset, at, chosen),
                chosen,
                position=order.index(at) if at in order else None,
                total=len(order),
            )
        )

    @event
    def explain(self, ctx: Any) -> dict[str, Any]:
        """A sample's image with its caption, or with the one that was typed."""
        sample, settings = _sample(ctx, "sample_id"), _settings(ctx)
        typed = ctx.params.get("caption")
        caption = sample.caption if typed is None else typed
        try:
            reading = explain_sample(sample, caption, settings, **_patience(ctx))
        except LongWaitError as error:
            return dict(WaitPayload(wait=error.seconds))
        regions = segment_regions(sample, reading.transform)
        return dict(pair_payload(sample, reading, regions, settings))

    @event
    def relate(self, ctx: Any) -> dict[str, Any]:
        """Two images, or two captions, without the other side."""
        settings = _settings(ctx)
        try:
            if ctx.params.get("other_id"):
                first, second = _sample(ctx, "sample_id"), _sample(ctx, "other_id")
                reading = relate_images(first, second, settings, **_patience(ctx))
            else:
                captions = ctx.params.get("caption"), ctx.params.get("other_caption")
                reading = relate_captions(*captions, settings, **_patience(ctx))
        except LongWaitError as error:
            return dict(WaitPayload(wait=error.seconds))
        return dict(relation_payload(reading, settings))

    @event
    def cancel(self, ctx: Any) -> None:
        """End a request that nobody waits for any more, between two chunks of its work."""
        if ctx.params.get("request"):
            cancel_request(str(ctx.params["request"]))

    @event
    def find_mismatches(self, ctx: Any) -> None:
        """Offer the form that looks for words that speak against their image."""
        ctx.prompt("@capviz/capviz/explain_pairs")

    @event
    def analyze(self, ctx: Any) -> None:
        """Offer the form that makes captions, where there are none."""
        ctx.prompt("@capviz/capviz/analyze_captions")


def _sample(ctx: Any, name: str) -> PairSample:
    if ctx.dataset is None or not ctx.params.get(name):
        raise InputError("An explanation needs a sample; none is open. Open or select one.")
    chosen = choose_fields(ctx.dataset, ctx.params.get("caption_field"))
    return read_sample(ctx.dataset, str(sent(ctx, name)), chosen)


def _settings(ctx: Any) -> PairSettings:
    """What the component asks for; the analysis' own family where it names no encoder."""
    chosen = choose_fields(ctx.dataset, ctx.params.get("caption_field"))
    usual = PairSettings(encoder=default_encoder(chosen.captioner or ""))
    return PairSettings.from_dict(ctx.params.get("settings") or {}, base=usual)


def _patience(ctx: Any) -> PatienceKeywords:
    """How long the component waits without being asked, and how it says that it no longer does."""
    longest = None if ctx.params.get("confirmed") else LONG_SECONDS
    return {"longest": longest, "stop": cancelled(ctx.params.get("request"))}
