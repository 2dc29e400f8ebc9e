"""The bases of our operators: config, form, and the run of one or more stages of the analysis."""

from __future__ import annotations

from typing import Any, ClassVar

import fiftyone.operators as foo
from fiftyone.operators import types

from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage

from .form import Form, add_run_settings
from .requests import options_of, params_from, target_samples
from .streaming import Notify, Outcome, run


class CapvizOperator(foo.Operator):
    """An operator whose subclass says its name, its looks and what its form asks.

    Attributes:
        operator_name: as in fiftyone.yml.
        title, icon, summary: of the form and the menu.
        long: streams progress, and may be delegated.
        listed: whether the operator browser offers it.
        risk: for agents that run operators.
    """

    operator_name: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str]
    summary: ClassVar[str]
    long: ClassVar[bool] = True
    listed: ClassVar[bool] = True
    risk: ClassVar[types.RiskLevel] = types.RiskLevel.MEDIUM

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name=self.operator_name,
            label=self.title,
            description=self.summary,
            icon=self.icon,
            dynamic=True,
            unlisted=not self.listed,
            execute_as_generator=self.long,
            allow_immediate_execution=True,
            allow_delegated_execution=self.long,
            resolve_execution_options_on_change=False,
            risk_level=self.risk,
        )

    def add_fields(self, form: Form) -> None:
        """Add what the operator can be told; nothing by default."""

    def resolve_input(self, ctx: Any) -> types.Property:
        form = Form(ctx, label=self.title, description=self.summary)
        if ctx.dataset is None:
            form.refuse("problem", "This needs a dataset; none is open. Open one first.")
        else:
            self.add_fields(form)
        return form.property()

    def delegated(self, sample_collection: Any, params: dict[str, Any]) -> Any:
        """Schedule the operator; FiftyOne's result of that."""
        return foo.execute_operator(
            self.uri,
            {"view": sample_collection.view()},
            params=params,
            request_delegation=True,
        )


class StageOperator(CapvizOperator):
    """Runs one or all stages on the target view.

    Attributes:
        stages: what it runs.
    """

    stages: ClassVar[tuple[Stage, ...]]

    def resolve_input(self, ctx: Any) -> types.Property:
        form = Form(ctx, label=self.title, description=self.summary)
        if ctx.dataset is None:
            form.refuse("problem", "An analysis needs a dataset; none is open. Open one first.")
            return form.property()
        self.add_fields(form)
        if form.switch("more", "More settings"):
            form.text("device", "Device", description="auto, cpu, cuda, cuda:1, mps")
            form.choice("dtype", "Precision")
            form.number("batch_size", "Batch size", description="Empty: chosen automatically")
        add_run_settings(form, self.stages)
        return form.property()

    def execute(self, ctx: Any) -> Any:
        options = options_of(ctx)
        view = target_samples(ctx)

        def work(notify: Notify) -> Outcome:
            from fiftyone_capviz.curation.analysis.analyze import analyze

            report = analyze(view, options, stages=self.stages, progress=notify)
            self.finish(ctx.dataset, options, report)
            warn = report.stopped or bool(report.failures)
            return Outcome(report.summary(), report.to_dict(), warn=warn)

        return run(ctx, work, title=self.title)

    def finish(self, dataset: Any, options: AnalysisOptions, report: Report) -> None:
        """What follows a run; nothing by default."""

    def __call__(
        self,
        sample_collection: Any,
        *,
        options: AnalysisOptions | None = None,
        delegate: bool = False,
    ) -> Report | Any:
        """Run it from Python.

        Args:
            sample_collection: dataset or view.
            options: default `AnalysisOptions()`.
            delegate: schedule it instead of running it now.

        Returns:
            The report, or FiftyOne's result of the scheduling.

        Raises:
            CapvizError: an option, field, view or model cannot be used.
        """
        chosen = (options or AnalysisOptions()).validated()
        if delegate:
            return self.delegated(sample_collection, params_from(chosen))
        from fiftyone_capviz.curation.analysis.analyze import analyze

        report = analyze(sample_collection, chosen, stages=self.stages)
        self.finish(sample_collection._dataset, chosen, report)
        return report
