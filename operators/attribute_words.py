"""*Attribute words*: which word of a caption speaks of which segment."""

from __future__ import annotations

from fiftyone_capviz.curation.dataset.schema import detections_fields
from fiftyone_capviz.settings.analysis import SECOND_ORDER

from .frame.form import Form
from .frame.operator import StageOperator
from .frame.sections import attributing, caption_source


class AttributeWords(StageOperator):
    """Attributes the words of existing captions to existing segments, and measures coverage."""

    stages = ("attribute",)
    operator_name = "attribute_words"
    title = "Attribute words"
    icon = "join_inner"
    summary = "Find out which words of the captions speak of which segments"

    def add_fields(self, form: Form) -> None:
        caption_source(form)
        form.field(
            "segments_field", "Segments field", detections_fields(form.ctx.dataset), new=False
        )
        form.switch(
            "own_segments",
            "These labels are my own",
            description="They keep their labels; only attributes are added",
        )
        source = form.ctx.params.get("source") or "itm"
        if form.value("method") != SECOND_ORDER:
            if source == "itm":
                form.model("matcher", "Matcher")
            else:
                form.model("captioner", "Captioner")
        attributing(form)
