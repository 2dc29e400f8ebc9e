"""*Delete analysis*: every trace of an analysis goes, what the user brought stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fiftyone.operators import types

from fiftyone_capviz.errors import InputError

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.sections import analysed_captions
from .frame.streaming import Notify, Outcome, run

if TYPE_CHECKING:
    from fiftyone_capviz.curation.delete import DeleteReport


class DeleteAnalysis(CapvizOperator):
    """Deletes fields, runs, map, workspace and views of a caption field's analysis."""

    operator_name = "delete_analysis"
    title = "Delete analysis"
    icon = "delete_forever"
    summary = (
        "Delete what an analysis stored on the whole dataset; your own captions and segments stay"
    )
    risk = types.RiskLevel.DANGEROUS

    def add_fields(self, form: Form) -> None:
        path = analysed_captions(form)
        form.notice("what", f"This cannot be undone: everything derived from {path!r} goes.",
                    warning=True)  # fmt: skip
        prop = form.inputs.bool(
            "confirm", label="Delete it", required=True, default=False, view=types.CheckboxView()
        )
        if not form.ctx.params.get("confirm"):
            form.mark(prop, "Tick this to delete.")

    def execute(self, ctx: Any) -> Any:
        dataset, params = ctx.dataset, ctx.params
        if not params.get("confirm"):
            raise InputError("Deleting must be confirmed; it was not. Pass confirm=True.")

        def work(_: Notify) -> Outcome:
            report = self(
                dataset,
                params.get("caption_field") or "caption",
                segments_field=params.get("segments_field") or None,
            )
            return Outcome(
                report.summary(), {"fields": list(report.fields), "runs": list(report.runs)}
            )

        return run(ctx, work, title=self.title)

    def __call__(
        self,
        sample_collection: Any,
        caption_field: str = "caption",
        *,
        segments_field: str | None = None,
    ) -> DeleteReport:
        """Delete the analysis of a caption field from a dataset."""
        from fiftyone_capviz.curation.delete import delete_analysis

        return delete_analysis(
            sample_collection._dataset, caption_field, segments_field=segments_field
        )
