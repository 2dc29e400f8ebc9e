"""Lets the App show what an operator has written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fiftyone_capviz.curation.panel_scope import captions_notices


def reload_app(ctx: Any) -> Iterator[Any]:
    """Messages that reload the dataset, and tell the open panels to count its captions anew."""
    yield ctx.ops.reload_dataset()  # the grid keeps its samples over reload_samples
    for notice in captions_notices(ctx.dataset, ctx.spaces, ctx.request_params):
        yield ctx.trigger("patch_panel_data", notice)
