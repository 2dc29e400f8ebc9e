"""*Activate captions*: let the segments describe another caption field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.sections import analysed_captions, analysed_segments
from .frame.streaming import Notify, Outcome, run

if TYPE_CHECKING:
    from fiftyone_capviz.curation.segments.active import ActivateReport


class ActivateCaptions(CapvizOperator):
    """Re-derives the segments' attributes from a caption field's stored scores; no model runs."""

    operator_name = "activate_captions"
    title = "Activate captions"
    icon = "swap_horiz"
    summary = "Let the segments of the whole dataset describe another caption field"

    def add_fields(self, form: Form) -> None:
        analysed_captions(form)
        analysed_segments(form)
        form.number("top_k", "A word covers at most", description="segments")

    def execute(self, ctx: Any) -> Any:
        dataset, params = ctx.dataset, ctx.params

        def work(_: Notify) -> Outcome:
            report = self(
                dataset,
                params.get("caption_field") or "caption",
                segments_field=params.get("segments_field") or "segments",
                top_k=params.get("top_k") or 3,
            )
            return Outcome(
                f"The segments of {report.samples} samples describe {report.caption_field!r} now"
                + (f"; {report.skipped} samples have no scores for it." if report.skipped else "."),
                {"samples": report.samples, "segments": report.segments},
                warn=bool(report.skipped),
            )

        return run(ctx, work, title=self.title)

    def __call__(
        self,
        sample_collection: Any,
        caption_field: str,
        *,
        segments_field: str = "segments",
        top_k: int = 3,
    ) -> ActivateReport:
        """Activate a caption field on a dataset."""
        from fiftyone_capviz.curation.segments.active import activate_captions

        return activate_captions(
            sample_collection._dataset,
            caption_field,
            segments_field=segments_field,
            top_k=top_k,
        )
