"""*Undo captions*: what accepting replaced comes back."""

from __future__ import annotations

from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.samples import samples_of

from .frame.form import Form
from .frame.rewriting import Rewrite, RewriteOperator
from .frame.sections import caption_source


class UndoCaptions(RewriteOperator):
    """Brings back the caption before the last one, for the images of the target view."""

    operator_name = "undo_captions"
    title = "Undo captions"
    icon = "undo"
    summary = "Bring back the captions that were replaced last, and measure these images again"

    def add_fields(self, form: Form) -> None:
        previous = caption_names(form.ctx.dataset, caption_source(form)).previous
        count = 0
        if form.ctx.dataset.has_field(previous):
            count = samples_of(form.ctx.target_view()).exists(previous).count()
        if not count:
            form.refuse(
                "problem", "No caption of this view was replaced; there is nothing to undo."
            )
            return
        form.notice(
            "estimate",
            f"Up to {count} captions go back to what they were: those that the last run, or the "
            "last acceptance, replaced together.",
        )

    def rewrite(self) -> Rewrite:
        from fiftyone_capviz.curation.steering.accept import undo_captions

        return undo_captions
