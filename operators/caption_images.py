"""*Caption images*: captions alone."""

from __future__ import annotations

from .frame.form import Form
from .frame.operator import StageOperator
from .frame.sections import caption_target, captioning


class CaptionImages(StageOperator):
    """Writes captions, and nothing else."""

    stages = ("caption",)
    operator_name = "caption_images"
    title = "Caption images"
    icon = "short_text"
    summary = "Write a caption for each image"

    def add_fields(self, form: Form) -> None:
        captioning(form)
        caption_target(form)
