"""*Score captions*: how well existing captions match their images."""

from __future__ import annotations

from .frame.form import Form
from .frame.operator import StageOperator
from .frame.sections import caption_source


class ScoreCaptions(StageOperator):
    """Scores captions from anywhere: any field of strings, or of lists of strings."""

    stages = ("match",)
    operator_name = "score_captions"
    title = "Score captions"
    icon = "rule"
    summary = "Score how well existing captions match their images (0 to 1)"

    def add_fields(self, form: Form) -> None:
        caption_source(form)
        form.model("matcher", "Matcher")
