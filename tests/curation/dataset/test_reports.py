"""What all runs hand back can be shown in the same way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.curation.analysis.segment_map import MapReport
from fiftyone_capviz.curation.dataset.progress import Failure, RunReport
from fiftyone_capviz.curation.delete import DeleteReport
from fiftyone_capviz.curation.evaluation.comparison import EvaluationComparison
from fiftyone_capviz.curation.evaluation.report import CENTRE_RULE, EvaluationReport
from fiftyone_capviz.curation.export.files import ExportReport
from fiftyone_capviz.curation.pairs.results import MismatchReport
from fiftyone_capviz.curation.segments.active import ActivateReport
from fiftyone_capviz.curation.segments.focus import FocusReport
from fiftyone_capviz.curation.steering.reports import AcceptReport, SteerReport

FAILED = [Failure("1", "/broken.jpg", "The image cannot be read.")]
DIVIDED: list[RunReport] = [
    Report({}, {}, failures=FAILED, stopped=True),
    SteerReport(1, 1, None, None, None, failures=FAILED, stopped=True),
    AcceptReport(1, failures=FAILED, stopped=True),
    MismatchReport("caption", failures=FAILED, stopped=True),
    EvaluationReport({"state": "stopped"}, {}, failures=FAILED),
]
WHOLE: list[RunReport] = [
    MapReport("key", 3, 3, 0, 1.0, "tsne", "pooled", 51),
    DeleteReport(["caption"], ["run"]),
    FocusReport("hat", 3, 2, 5, True, 0, 0.1, "'hat' is in 2 of 3 captions.", {}),
    ActivateReport("caption", 3, 5, 0, 0.1),
    EvaluationComparison(("a", "b"), [], [], {"seed": (1, 2)}, "text"),
    ExportReport(Path("out")),
]


@pytest.mark.parametrize("report", [*DIVIDED, *WHOLE], ids=lambda one: type(one).__name__)
def test_a_report_is_summed_up_and_written_as_json(report: RunReport) -> None:
    assert report.summary().partition("\n")[0]
    assert json.loads(json.dumps(report.to_dict()))
    divided = report in DIVIDED
    assert report.stopped == divided
    assert list(report.failures) == (FAILED if divided else [])


def test_what_an_evaluation_stores_is_as_before() -> None:
    report = EvaluationReport(
        {"point_game": CENTRE_RULE}, {}, groups={"small": 2}, families=[{"name": "x"}]
    )
    report.failures.extend(FAILED)
    stored = report.to_dict()
    assert stored["failures"] == {"small": 2}
    assert "groups" not in stored
    assert EvaluationReport.from_dict(stored) == report


def test_the_files_of_an_export_are_a_list() -> None:
    report = ExportReport(Path("out"))
    report.append(Path("out/captions.json"))
    assert report == [Path("out/captions.json")]
    assert report.to_dict() == {"files": ["out/captions.json"]}
    assert "1 files written to out" in report.summary()
