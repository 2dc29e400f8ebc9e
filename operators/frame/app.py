"""What an operator tells the App: to read the dataset again, and to open the map of the segments.

The App's own Embeddings panel ignores saved state and forgets its run when it is mounted, and a
panel that was just opened takes a moment to load. It can only be told which run and color to show
by the App's undocumented ``set_panel_data``, which says nothing back; so it is told a few times,
with pauses.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.app.panel_scope import captions_notices
from fiftyone_capviz.curation.app.workspace import (
    EMBEDDINGS_PANEL,
    asked_since,
    embeddings_panel_params,
    find_panel,
)
from fiftyone_capviz.curation.dataset.names import SegmentFields
from fiftyone_capviz.curation.dataset.runs import list_runs, read_run


def reload_app(ctx: Any) -> Iterator[Any]:
    """Messages that reload the dataset, and tell the open panels to count its captions anew."""
    yield ctx.ops.reload_dataset()  # the grid keeps its samples over reload_samples
    for notice in captions_notices(ctx.dataset, ctx.spaces, ctx.request_params):
        yield ctx.trigger("patch_panel_data", notice)


PAUSES = (0.4, 0.8, 1.5, 3.0)
"""Seconds before each telling: the panel may take that long to load on a busy machine."""


def mapped_segments(dataset: fo.Dataset) -> str | None:
    """The segments field whose map can be opened, None if there is none."""
    for caption_field in list_runs(dataset):
        record = read_run(dataset, caption_field)
        if record is None:
            continue
        if dataset.has_brain_run(SegmentFields(record.segments_field).map_key):
            return record.segments_field
    return None


def plot_messages(ctx: Any, spaces: Any, segments_field: str) -> Iterator[Any]:
    """Messages to the App that open and color the map, with `PAUSES` between them.

    Args:
        ctx: FiftyOne's execution context.
        spaces: the layout that is open, or about to be.
        segments_field: whose map.
    """
    if not ctx.dataset.has_brain_run(SegmentFields(segments_field).map_key):
        return
    if find_panel(spaces, EMBEDDINGS_PANEL) is None:
        yield ctx.ops.open_panel(EMBEDDINGS_PANEL, layout="horizontal")
        return
    params = embeddings_panel_params(spaces, segments_field)
    assert params is not None
    begun = time.monotonic()
    for pause in PAUSES:
        time.sleep(pause)
        # A word may have been clicked meanwhile: its colors stay.
        yield ctx.trigger("set_panel_data", asked_since(params, begun))
