"""*Open workspace*: Samples beside the map of the segments, colored by coverage."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo
from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.collection import dataset_of

from .frame.app import plot_messages
from .frame.form import Form
from .frame.operator import FormOperator
from .frame.sections import analysed_segments


class OpenWorkspace(FormOperator):
    """Loads the saved workspace *Captions* and opens the map in its Embeddings panel."""

    operator_name = "open_workspace"
    title = "Open captions workspace"
    icon = "dashboard"
    summary = "Show the samples beside the map of their segments, colored by coverage"
    risk = types.RiskLevel.LOW

    @property
    def config(self) -> foo.OperatorConfig:
        config = super().config
        config.allow_delegated_execution = False
        return config

    def add_fields(self, form: Form) -> None:
        analysed_segments(form)

    def execute(self, ctx: Any) -> Any:
        space = self(ctx.dataset)
        yield ctx.ops.set_spaces(spaces=space)
        segments_field = ctx.params.get("segments_field") or "segments"
        yield from plot_messages(ctx, space, segments_field)

    def __call__(self, sample_collection: SampleCollection, *, session: Any = None) -> Any:
        """Load the workspace, saved first if need be, and show it in a session if one is given."""
        from fiftyone_capviz.curation.app.workspace import open_workspace

        return open_workspace(dataset_of(sample_collection), session=session)
