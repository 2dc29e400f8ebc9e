"""*Show evaluation*: a stored evaluation again, or two side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.runs import list_evaluations
from fiftyone_capviz.curation.evaluation.storage import described
from fiftyone_capviz.errors import InputError

from .evaluate_attribution import outcome_of
from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.streaming import Notify, Outcome, run

if TYPE_CHECKING:
    from fiftyone_capviz.curation.evaluation.comparison import EvaluationComparison
    from fiftyone_capviz.curation.evaluation.report import EvaluationReport


class ShowEvaluation(CapvizOperator):
    """Table and plots of what *Evaluate attribution* stored: nothing is measured anew."""

    operator_name = "show_evaluation"
    title = "Show evaluation"
    icon = "insights"
    summary = "Show a stored evaluation, or compare two"
    risk = types.RiskLevel.LOW

    def add_fields(self, form: Form) -> None:
        stored = list_evaluations(form.ctx.dataset)
        if not stored:
            form.refuse("problem", NONE_STORED)
            return
        chosen = _evaluation(form, "evaluation", "Evaluation", stored, usual=stored[-1])
        others = [key for key in stored if key != chosen]
        if others:
            _evaluation(form, "compare_with", "Compare with", others)

    def execute(self, ctx: Any) -> Any:
        dataset, params = ctx.dataset, ctx.params

        def work(_: Notify) -> Outcome:
            stored = list_evaluations(dataset)
            if not stored:
                raise InputError(NONE_STORED)
            first, second = params.get("evaluation") or stored[-1], params.get("compare_with")
            found = self(dataset, first, compare_with=second or None)
            return _outcome(found)

        return run(ctx, work, title=self.title, reload=False)

    def __call__(
        self, sample_collection: Any, evaluation: str, *, compare_with: str | None = None
    ) -> EvaluationReport | EvaluationComparison:
        """A stored evaluation, or its comparison with a second one.

        Args:
            sample_collection: dataset or view.
            evaluation: caption field of an evaluation, or the key of its run.
            compare_with: the same of the second.

        Raises:
            InputError: there is none of that name, or an earlier version stored it.
        """
        from fiftyone_capviz.curation.evaluation.comparison import compare_evaluations
        from fiftyone_capviz.curation.evaluation.storage import load_evaluation

        dataset = sample_collection._dataset
        report = load_evaluation(dataset, evaluation)
        if compare_with is None:
            return report
        other = load_evaluation(dataset, compare_with)
        return compare_evaluations(report, other, names=(evaluation, compare_with))


NONE_STORED = (
    "This shows what is stored; there is no evaluation yet. Run Evaluate attribution first."
)


def _outcome(found: EvaluationReport | EvaluationComparison) -> Outcome:
    from fiftyone_capviz.curation.evaluation.comparison import EvaluationComparison
    from fiftyone_capviz.curation.evaluation.plots import comparison_figures

    if isinstance(found, EvaluationComparison):
        return Outcome(
            f"{found.names[0]} and {found.names[1]}\n\n```\n{found.text}\n```",
            {"comparison": found.to_dict()},
            plots=comparison_figures(found),
        )
    return outcome_of(found)


def _evaluation(
    form: Form, name: str, label: str, stored: list[str], *, usual: str | None = None
) -> str | None:
    """One of the stored evaluations; refused where it is not there any more."""
    view = types.Dropdown()
    for key in stored:
        view.add_choice(key, label=key, description=described(form.ctx.dataset, key))
    required = usual is not None
    prop = form.inputs.str(name, label=label, default=usual, required=required, view=view)
    chosen = form.ctx.params.get(name) or usual
    if chosen is not None and chosen not in stored:
        form.mark(prop, f"No such evaluation: {chosen!r}. Choose one of: {', '.join(stored)}.")
    return chosen
