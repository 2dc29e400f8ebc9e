"""Six drawn scenes as an evaluation takes them."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.evaluation.forecast import default_options
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.settings.evaluation import EvaluationOptions

COUNT = 6
FIRST_SEED = 8_000_003


def quick_on(dataset: Any, **changes: Any) -> EvaluationOptions:
    """Options for the grounding of the matcher's means alone."""
    given = {"regions_field": "truth", "device": "cpu", "sources": ("itm",), "heads": False}
    given |= {"measures": ("grounding",), "bootstrap_samples": 50}
    return default_options(dataset, given | changes)


def variant_row(report: EvaluationReport, name: str) -> dict[str, Any]:
    """What was measured of one variant."""
    return next(one for one in report.grounding if one["name"] == name)
