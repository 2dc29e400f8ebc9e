"""*Undo captions*: what accepting replaced comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fiftyone_capviz.curation.dataset.names import CaptionFields

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.requests import last_run_options, target_samples
from .frame.sections import caption_source
from .frame.streaming import Notify, Outcome, run

if TYPE_CHECKING:
    from fiftyone_capviz.curation.steering.reports import AcceptReport
    from fiftyone_capviz.settings.analysis import AnalysisOptions


class UndoCaptions(CapvizOperator):
    """Brings back the caption before the last one, for the images of the target view."""

    operator_name = "undo_captions"
    title = "Undo captions"
    icon = "undo"
    summary = "Bring back the captions that were replaced last, and measure these images again"

    def add_fields(self, form: Form) -> None:
        previous = CaptionFields(caption_source(form)).previous
        count = 0
        if form.ctx.dataset.has_field(previous):
            count = form.ctx.target_view().exists(previous).count()
        if not count:
            form.refuse(
                "problem", "No caption of this view was replaced; there is nothing to undo."
            )
            return
        form.notice("estimate", f"Up to {count} captions go back to what they were.")

    def execute(self, ctx: Any) -> Any:
        options, view = last_run_options(ctx), target_samples(ctx)

        def work(notify: Notify) -> Outcome:
            from fiftyone_capviz.curation.steering.accept import undo_captions

            report = undo_captions(view, options.caption_field, options=options, progress=notify)
            details: dict[str, object] = {"samples": report.samples}
            return Outcome(report.summary(), details, warn=bool(report.failures))

        return run(ctx, work, title=self.title)

    def __call__(
        self,
        sample_collection: Any,
        caption_field: str = "caption",
        *,
        options: AnalysisOptions | None = None,
    ) -> AcceptReport:
        """Bring back the replaced captions of a dataset or view."""
        from fiftyone_capviz.curation.steering.accept import undo_captions

        return undo_captions(sample_collection, caption_field, options=options)
