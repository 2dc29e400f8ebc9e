"""*Map segments*: all segments as points of one plane."""

from __future__ import annotations

from fiftyone_capviz.curation.dataset.schema import detections_fields

from .frame.form import Form
from .frame.operator import StageOperator
from .frame.sections import mapping


class MapSegments(StageOperator):
    """Embeds each segment and lays all of them out in two dimensions."""

    stages = ("map",)
    operator_name = "map_segments"
    title = "Map segments"
    icon = "scatter_plot"
    summary = "Lay all segments out on a plane, alike beside alike, for the Embeddings panel"

    def add_fields(self, form: Form) -> None:
        form.field(
            "segments_field", "Segments field", detections_fields(form.ctx.dataset), new=False
        )
        form.model("captioner", "Captioner (its vision model embeds the segments)")
        mapping(form)
