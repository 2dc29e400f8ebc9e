"""*Delete analysis*: every trace of an analysis goes, what the user brought stays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.collection import dataset_of
from fiftyone_capviz.curation.dataset.progress import RunReport
from fiftyone_capviz.errors import InputError

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.sections import analysed_captions

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
    followed = False

    def add_fields(self, form: Form) -> None:
        path = analysed_captions(form)
        form.notice("what", f"This cannot be undone: everything derived from {path!r} goes.",
                    warning=True)  # fmt: skip
        prop = form.inputs.bool(
            "confirm", label="Delete it", required=True, default=False, view=types.CheckboxView()
        )
        if not form.ctx.params.get("confirm"):
            form.mark(prop, "Tick this to delete.")

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        params = ctx.params
        if not params.get("confirm"):
            raise InputError("Deleting must be confirmed; it was not. Pass confirm=True.")
        return partial(
            self.work,
            ctx.dataset,
            params.get("caption_field") or "caption",
            segments_field=params.get("segments_field") or None,
        )

    def work(
        self,
        collection: SampleCollection,
        caption_field: str = "caption",
        *,
        segments_field: str | None = None,
    ) -> DeleteReport:
        """Delete the analysis of a caption field from a dataset."""
        from fiftyone_capviz.curation.delete import delete_analysis

        return delete_analysis(dataset_of(collection), caption_field, segments_field=segments_field)
