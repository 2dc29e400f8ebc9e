"""*Activate captions*: let the segments describe another caption field."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.collection import dataset_of
from fiftyone_capviz.curation.dataset.progress import RunReport

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.sections import analysed_captions, analysed_segments
from .frame.streaming import Outcome

if TYPE_CHECKING:
    from fiftyone_capviz.curation.segments.active import ActivateReport


class ActivateCaptions(CapvizOperator):
    """Re-derives the segments' attributes from a caption field's stored scores; no model runs."""

    operator_name = "activate_captions"
    title = "Activate captions"
    icon = "swap_horiz"
    summary = "Let the segments of the whole dataset describe another caption field"
    followed = False

    def add_fields(self, form: Form) -> None:
        analysed_captions(form)
        analysed_segments(form)
        form.number("top_k", "A word covers at most", description="segments")

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        params = ctx.params
        return partial(
            self.work,
            ctx.dataset,
            params.get("caption_field") or "caption",
            segments_field=params.get("segments_field") or "segments",
            top_k=params.get("top_k") or 3,
        )

    def work(
        self,
        collection: SampleCollection,
        caption_field: str,
        *,
        segments_field: str = "segments",
        top_k: int = 3,
    ) -> ActivateReport:
        """Activate a caption field on a dataset."""
        from fiftyone_capviz.curation.segments.active import activate_captions

        return activate_captions(
            dataset_of(collection), caption_field, segments_field=segments_field, top_k=top_k
        )

    def outcome(self, ctx: Any, report: ActivateReport) -> Outcome:
        return Outcome(report.summary(), report.to_dict(), warn=bool(report.skipped))
