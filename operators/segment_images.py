"""*Segment images*: segments alone."""

from __future__ import annotations

from .frame.form import Form
from .frame.operator import StageOperator
from .frame.sections import segmenting, segments_target


class SegmentImages(StageOperator):
    """Finds the segments of each image, filtered by size and overlap."""

    stages = ("segment",)
    operator_name = "segment_images"
    title = "Segment images"
    icon = "grain"
    summary = "Divide each image into segments"

    def add_fields(self, form: Form) -> None:
        segmenting(form)
        segments_target(form, own=False)
