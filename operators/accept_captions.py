"""*Accept captions*: steered candidates become the captions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.requests import last_run_options, target_samples
from .frame.sections import caption_source
from .frame.streaming import Notify, Outcome, run

if TYPE_CHECKING:
    from fiftyone_capviz.curation.steering.reports import AcceptReport
    from fiftyone_capviz.settings.analysis import AnalysisOptions


class AcceptCaptions(CapvizOperator):
    """Accepts the candidates of the target view; words, scores and coverage follow."""

    operator_name = "accept_captions"
    title = "Accept captions"
    icon = "check_circle"
    summary = "Make the steered candidates the captions, and measure these images again"

    def add_fields(self, form: Form) -> None:
        path = caption_source(form)
        steered = f"{path}_steered"
        if not form.ctx.dataset.has_field(steered):
            form.refuse("problem", f"There are no candidates in {steered!r}. Steer captions first.")
            return
        count = form.ctx.target_view().exists(steered).count()
        if not count:
            form.refuse("problem", "No image of this view has a candidate. Steer captions first.")
            return
        form.notice("estimate", f"{count} captions are replaced; undo brings the old ones back.")

    def execute(self, ctx: Any) -> Any:
        options, view = last_run_options(ctx), target_samples(ctx)

        def work(notify: Notify) -> Outcome:
            from fiftyone_capviz.curation.steering.accept import accept_captions

            report = accept_captions(view, options.caption_field, options=options, progress=notify)
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
        """Accept the candidates of a dataset or view."""
        from fiftyone_capviz.curation.steering.accept import accept_captions

        return accept_captions(sample_collection, caption_field, options=options)
