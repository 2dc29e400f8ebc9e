"""*Focus word*: how strongly each segment is spoken of by one word."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.progress import RunReport
from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.requests import target_samples
from .frame.sections import analysed_captions, analysed_segments
from .frame.streaming import Outcome

if TYPE_CHECKING:
    from fiftyone_capviz.curation.segments.focus import FocusReport


class FocusWord(CapvizOperator):
    """Writes `attention`, the segments' scores for a word, and on request its heatmaps."""

    operator_name = "focus_word"
    title = "Focus word"
    icon = "center_focus_strong"
    summary = "Show which segments one word of the captions speaks of"
    risk = types.RiskLevel.LOW
    followed = False

    def add_fields(self, form: Form) -> None:
        caption_field = analysed_captions(form)
        analysed_segments(form)
        words = caption_names(form.ctx.dataset, caption_field).words
        view = types.AutocompleteView(allow_user_input=True)
        if form.ctx.dataset.has_field(words):
            counts = form.ctx.dataset.count_values(words)
            for word in own_stop_words(form.ctx.dataset):
                counts.pop(word, None)
            for word in sorted(counts, key=lambda one: (-counts[one], one))[:200]:
                view.add_choice(word, label=word, description=f"{counts[word]} captions")
        form.inputs.str("word", label="Word", description="Empty: no word is in focus", view=view)
        form.switch("heatmaps", "Heatmaps", description="on the images, in the field word_heatmap")

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        params = ctx.params
        return partial(
            self.work,
            target_samples(ctx),
            params.get("word") or None,
            caption_field=params.get("caption_field") or "caption",
            segments_field=params.get("segments_field") or "segments",
            heatmaps=bool(params.get("heatmaps")),
        )

    def work(
        self,
        collection: SampleCollection,
        word: str | None,
        *,
        caption_field: str = "caption",
        segments_field: str = "segments",
        heatmaps: bool = False,
    ) -> FocusReport:
        """Focus a word of the captions of a dataset or view; None takes the focus away."""
        from fiftyone_capviz.curation.segments.focus import focus_word

        return focus_word(
            collection,
            word,
            caption_field=caption_field,
            segments_field=segments_field,
            heatmaps=heatmaps,
        )

    def outcome(self, ctx: Any, report: FocusReport) -> Outcome:
        return Outcome(report.summary(), report.to_dict(), warn=not report.written)
