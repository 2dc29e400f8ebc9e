"""The base of the operators that run stages of the analysis."""

from __future__ import annotations

from typing import Any, ClassVar

from fiftyone.operators import types

from fiftyone_capviz.curation.options import AnalysisOptions, Stage
from fiftyone_capviz.curation.report import Report

from .capviz_operator import CapvizOperator
from .form_fields import Form, add_run_settings, options_of, params_from, target_samples
from .running import Notify, Outcome, run


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
            from fiftyone_capviz.curation.pipeline import analyze

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
        from fiftyone_capviz.curation.analyze import analyze

        report = analyze(sample_collection, chosen, stages=self.stages)
        self.finish(sample_collection._dataset, chosen, report)
        return report
