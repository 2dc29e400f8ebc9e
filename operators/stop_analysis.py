"""*Stop analysis*: the run on this dataset ends after its current batch."""

from __future__ import annotations

from typing import Any

from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.collection import dataset_of

from .frame.form import Form
from .frame.operator import FormOperator

_SAID = "The analysis stops after its current batch. What is finished stays; run it again to go on."


class StopAnalysis(FormOperator):
    """Sets the flag that the run looks at, in whichever process it runs."""

    operator_name = "stop_analysis"
    title = "Stop analysis"
    icon = "stop_circle"
    summary = "End the analysis that runs on this dataset after its current batch"
    long = False
    risk = types.RiskLevel.LOW

    def add_fields(self, form: Form) -> None:
        form.notice("what", _SAID)

    def execute(self, ctx: Any) -> None:
        self(ctx.dataset)
        ctx.ops.notify(_SAID)

    def __call__(self, sample_collection: SampleCollection) -> None:
        """Ask the run on this dataset (or on the view's) to stop."""
        from fiftyone_capviz.curation.dataset.store import request_stop

        request_stop(dataset_of(sample_collection))
