"""The bases of our operators: looks and form, one piece of work, stages of the analysis."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar, Unpack

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.curation.dataset.collection import dataset_of
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.job import JobKeywords
from fiftyone_capviz.curation.dataset.progress import ProgressBar, RunReport
from fiftyone_capviz.errors import DatabaseError, InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage

from .form import Form, add_run_settings
from .requests import options_of, params_from, target_samples
from .streaming import Notify, Outcome, run

Told = ParamSpec("Told")
Reported = TypeVar("Reported", bound=RunReport, covariant=True)


class FormOperator(foo.Operator):
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
            return form.property()
        try:
            with database_errors():
                self.fill(form)
        except (DatabaseError, InputError) as error:
            form.refuse("problem", str(error))
        return form.property()

    def fill(self, form: Form) -> None:
        """Add everything that the form of an open dataset holds."""
        self.add_fields(form)


class Works(Protocol[Told, Reported]):
    """An operator with a `work`: it lends `CapvizOperator.__call__` its parameters and result."""

    @property
    def followed(self) -> bool: ...

    def work(
        self, collection: SampleCollection, /, *args: Told.args, **kwargs: Told.kwargs
    ) -> Reported: ...  # fmt: skip


class CapvizOperator(FormOperator):
    """An operator that does one piece of work, and hands back its report.

    A subclass has a method `work`: it takes a dataset or view and what is asked, calls the library,
    and returns the report. Its parameters are those of the operator when Python calls it. What a
    form asks of it, `asked` says.

    Attributes:
        followed: `work` takes progress, stop and cache, as `analyze` does.
        writes: the App must fetch the dataset again when it is done.
    """

    followed: ClassVar[bool] = True
    writes: ClassVar[bool] = True

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        """The call that a form or `execute_operator` asks for, but for its progress.

        Raises:
            CapvizError: a parameter cannot be used.
        """
        raise NotImplementedError

    def outcome(self, ctx: Any, report: Any) -> Outcome:
        """What the App shows of a report."""
        warn = report.stopped or bool(report.failures)
        return Outcome(report.summary(), report.to_dict(), warn=warn)

    def execute(self, ctx: Any) -> Any:
        def work(notify: Notify) -> Outcome:
            call = self.asked(ctx)
            return self.outcome(ctx, call(progress=notify) if self.followed else call())

        return run(ctx, work, title=self.title, reload=self.writes)

    def __call__(
        self: Works[Told, Reported],
        sample_collection: SampleCollection,
        *args: Told.args,
        **kwargs: Told.kwargs,
    ) -> Reported:
        """Run it from Python, with a progress bar where FiftyOne draws bars; see `work`."""
        with database_errors():
            if not self.followed:
                return self.work(sample_collection, *args, **kwargs)
            with ProgressBar(enabled=bool(fo.config.show_progress_bars)) as bar:
                kwargs.setdefault("progress", bar)
                return self.work(sample_collection, *args, **kwargs)

    def delegated(self, sample_collection: SampleCollection, params: dict[str, Any]) -> Any:
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

    def fill(self, form: Form) -> None:
        self.add_fields(form)
        if form.switch("more", "More settings"):
            form.text("device", "Device", description="auto, cpu, cuda, cuda:1, mps")
            form.choice("dtype", "Precision")
            form.choice(
                "pixel_range",
                "Black and white",
                description="Of images with more than 8 bits per pixel",
            )
            form.number("batch_size", "Batch size", description="Empty: chosen automatically")
        add_run_settings(form, self.stages)

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        return partial(self.work, target_samples(ctx), options=options_of(ctx))

    def work(
        self,
        collection: SampleCollection,
        *,
        options: AnalysisOptions | None = None,
        delegate: bool = False,
        **job: Unpack[JobKeywords],
    ) -> Report | Any:
        """Run the stages.

        Args:
            collection: dataset or view.
            options: default `AnalysisOptions()`.
            delegate: schedule it instead of running it now.
            job: progress, stop, cache, as in `analyze`.

        Returns:
            The report, or FiftyOne's result of the scheduling.

        Raises:
            CapvizError: an option, field, view or model cannot be used.
        """
        chosen = (options or AnalysisOptions()).validated()
        if delegate:
            return self.delegated(collection, params_from(chosen))
        from fiftyone_capviz.curation.analysis.analyze import analyze

        progress = job.get("progress") or False
        report = analyze(
            collection,
            chosen,
            stages=self.stages,
            progress=progress,
            stop=job.get("stop"),
            cache=job.get("cache"),
        )
        self.finish(dataset_of(collection), chosen, report)
        return report

    def finish(self, dataset: fo.Dataset, options: AnalysisOptions, report: Report) -> None:
        """What follows a run; nothing by default."""
