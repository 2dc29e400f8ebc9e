"""*Show evaluation*: a stored evaluation again, or two side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.collection import dataset_of
from fiftyone_capviz.curation.dataset.progress import RunReport
from fiftyone_capviz.curation.dataset.runs import list_evaluations
from fiftyone_capviz.curation.evaluation.storage import described
from fiftyone_capviz.errors import InputError

from .evaluate_attribution import outcome_of
from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.streaming import Outcome

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
    followed = False
    writes = False

    def add_fields(self, form: Form) -> None:
        stored = list_evaluations(form.ctx.dataset)
        if not stored:
            form.refuse("problem", NONE_STORED)
            return
        known = {key: described(form.ctx.dataset, key) for key in stored}
        what = "evaluation"
        chosen = form.one_of("evaluation", "Evaluation", known, usual=stored[-1], what=what)
        others = {key: text for key, text in known.items() if key != chosen}
        if others:
            form.one_of("compare_with", "Compare with", others, what=what, required=False)

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        stored = list_evaluations(ctx.dataset)
        if not stored:
            raise InputError(NONE_STORED)
        evaluation = ctx.params.get("evaluation") or stored[-1]
        other = ctx.params.get("compare_with") or None
        return partial(self.work, ctx.dataset, evaluation, compare_with=other)

    def work(
        self, collection: SampleCollection, evaluation: str, *, compare_with: str | None = None
    ) -> EvaluationReport | EvaluationComparison:
        """A stored evaluation, or its comparison with a second one.

        Args:
            collection: dataset or view.
            evaluation: caption field of an evaluation, or the key of its run.
            compare_with: the same of the second.

        Raises:
            InputError: there is none of that name, or an earlier version stored it.
        """
        from fiftyone_capviz.curation.evaluation.comparison import compare_evaluations
        from fiftyone_capviz.curation.evaluation.storage import load_evaluation

        dataset = dataset_of(collection)
        report = load_evaluation(dataset, evaluation)
        if compare_with is None:
            return report
        other = load_evaluation(dataset, compare_with)
        return compare_evaluations(report, other, names=(evaluation, compare_with))

    def outcome(self, ctx: Any, report: EvaluationReport | EvaluationComparison) -> Outcome:
        """Table and plots."""
        from fiftyone_capviz.curation.evaluation.comparison import EvaluationComparison
        from fiftyone_capviz.curation.evaluation.plots import comparison_figures

        if not isinstance(report, EvaluationComparison):
            return outcome_of(report)
        return Outcome(
            f"{report.summary()}\n\n```\n{report.text}\n```",
            {"comparison": report.to_dict()},
            plots=comparison_figures(report),
        )


NONE_STORED = (
    "This shows what is stored; there is no evaluation yet. Run Evaluate attribution first."
)
