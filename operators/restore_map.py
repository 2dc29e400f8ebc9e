"""When a dataset opens: show its segments' map if its workspace has an empty Embeddings panel."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

from fiftyone_capviz.curation.app.workspace import EMBEDDINGS_PANEL, find_panel

from .frame.app import mapped_segments, plot_messages
from .frame.operator import FormOperator


class RestoreMap(FormOperator):
    """Opens the run that the Embeddings panel of a saved workspace forgets."""

    operator_name = "restore_map"
    title = "Restore the map of the segments"
    icon = "scatter_plot"
    summary = "Open the segments' map in the Embeddings panel of a workspace that was opened"
    listed = False
    risk = types.RiskLevel.LOW

    @property
    def config(self) -> foo.OperatorConfig:
        config = super().config
        config.on_dataset_open = True
        config.allow_delegated_execution = False
        config.dynamic = False
        return config

    def resolve_input(self, ctx: Any) -> types.Property:
        return types.Property(types.Object())

    def execute(self, ctx: Any) -> Any:
        if ctx.dataset is None or ctx.spaces is None:
            return
        segments_field = mapped_segments(ctx.dataset)
        waiting = find_panel(ctx.spaces, EMBEDDINGS_PANEL) is not None
        if segments_field is not None and waiting:
            yield from plot_messages(ctx, ctx.spaces, segments_field)
