"""*Analyze captions*: the whole analysis of a view."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.settings.analysis import STAGES, AnalysisOptions

from .frame.form import Form
from .frame.operator import StageOperator
from .frame.sections import (
    attributing,
    caption_target,
    captioning,
    mapping,
    segmenting,
    segments_target,
)


class AnalyzeCaptions(StageOperator):
    """Captions, match scores, segments, attribution, coverage and map, in one run."""

    stages = STAGES
    operator_name = "analyze_captions"
    title = "Analyze captions"
    icon = "insights"
    summary = (
        "Caption the images, score the captions, segment the images, and find out which words "
        "speak of which segments"
    )

    def add_fields(self, form: Form) -> None:
        captioning(form)
        form.model("matcher", "Matcher")
        caption_target(form)
        segments_target(form, own=True)
        if not form.ctx.params.get("own_segments"):
            segmenting(form)
        attributing(form)
        mapping(form)

    def resolve_placement(self, ctx: Any) -> types.Placement:
        return types.Placement(
            types.Places.SAMPLES_GRID_SECONDARY_ACTIONS,
            types.Button(label=self.title, icon=self.icon, prompt=True),
        )

    def finish(self, dataset: fo.Dataset, options: AnalysisOptions, report: Report) -> None:
        """Save the workspace *Captions* where there is something to show in it."""
        from fiftyone_capviz.curation.app.workspace import save_workspace

        if not report.stopped and dataset.has_field(options.segments_field):
            save_workspace(dataset, options)
