"""*Accept captions*: steered candidates become the captions."""

from __future__ import annotations

from fiftyone_capviz.curation.dataset.runs import caption_names, continued_options
from fiftyone_capviz.curation.dataset.samples import samples_of
from fiftyone_capviz.curation.steering.batch import theirs_among

from .frame.form import Form
from .frame.rewriting import Rewrite, RewriteOperator
from .frame.sections import caption_source


class AcceptCaptions(RewriteOperator):
    """Accepts the candidates of the target view; words, scores and coverage follow."""

    operator_name = "accept_captions"
    title = "Accept captions"
    icon = "check_circle"
    summary = "Make the steered candidates the captions, and measure these images again"

    def add_fields(self, form: Form) -> None:
        path = caption_source(form)
        names = caption_names(form.ctx.dataset, path)
        steered = names.steered[0]
        if not form.ctx.dataset.has_field(steered):
            form.refuse("problem", f"There are no candidates in {steered!r}. Steer captions first.")
            return
        count = samples_of(form.ctx.target_view()).exists(steered).count()
        if not count:
            form.refuse("problem", "No image of this view has a candidate. Steer captions first.")
            return
        waiting = form.ctx.target_view().exists(steered).values("id")
        options = continued_options(form.ctx.dataset, path)
        theirs = len(theirs_among(form.ctx.dataset, waiting, options))
        text = f"{count} captions are replaced; undo brings the old ones back."
        if theirs:
            text += f" {theirs} of them are yours, and not written by an analysis."
            form.submit = f"Accept, writing over {theirs} of yours"
        form.notice("estimate", text, warning=bool(theirs))

    def rewrite(self) -> Rewrite:
        from fiftyone_capviz.curation.steering.accept import accept_captions

        return accept_captions
