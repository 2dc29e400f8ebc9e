"""Unlisted: the steered caption of one image, sent to the panel word piece by word piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fiftyone.operators import types

from .frame.operator import FormOperator
from .frame.streaming import message_of


class StreamCaption(FormOperator):
    """Patches the data ``stream`` of a panel: id, text so far, and at the end the attempt.

    The panel cancels by the stream's id; the models are free between two word pieces.
    """

    operator_name = "stream_caption"
    title = "Stream a caption"
    icon = "tune"
    summary = "Caption one image again and show the words as they come"
    listed = False
    risk = types.RiskLevel.LOW

    def resolve_input(self, ctx: Any) -> types.Property:
        return types.Property(types.Object())

    def execute(self, ctx: Any) -> Iterator[Any]:
        stream = str(ctx.params.get("stream") or "")

        def patch(**values: object) -> Any:
            told = {"id": stream, "text": "", "attempt": None, "error": None, "done": False}
            panel_id = ctx.params.get("panel_id")
            return ctx.ops.patch_panel_data({"stream": told | values}, panel_id=panel_id)

        try:
            yield from _stream(ctx, stream, patch)
        except Exception as error:
            yield patch(error=message_of(error), done=True)


def _stream(ctx: Any, stream: str, patch: Any) -> Iterator[Any]:
    from fiftyone_capviz.curation.dataset.runs import continued_options
    from fiftyone_capviz.curation.inference.cancelled import is_cancelled
    from fiftyone_capviz.curation.steering.image import ImageRecipe, read_image
    from fiftyone_capviz.curation.steering.messages import attempt_payload
    from fiftyone_capviz.curation.steering.one import stream_image

    options = continued_options(ctx.dataset, ctx.params.get("caption_field") or "caption")
    image = read_image(ctx.dataset, str(ctx.params.get("sample_id") or ""), options)
    dials = ImageRecipe.from_dict(ctx.params.get("dials") or {})
    text = ""
    for news in stream_image(image, options, dials):
        if is_cancelled(stream):
            yield patch(text=text, done=True)
            return
        if isinstance(news, str):
            text = news
            yield patch(text=text)
        else:
            attempt = attempt_payload(news, image.caption)
            yield patch(text=news.caption.text, attempt=attempt, done=True)
