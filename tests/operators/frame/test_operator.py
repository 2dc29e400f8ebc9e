"""The base does what all operators with a report share; each says only what is its own."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import pytest

from fiftyone_capviz.curation.dataset.progress import Failure
from fiftyone_capviz.curation.steering.reports import SteerReport
from operators import OPERATORS
from operators.accept_captions import AcceptCaptions
from operators.evaluate_attribution import EvaluateAttribution
from operators.explain_pairs import ExplainPairs
from operators.export_analysis import ExportAnalysis
from operators.focus_word import FocusWord
from operators.frame.operator import CapvizOperator
from operators.steer_captions import SteerCaptions
from operators.undo_captions import UndoCaptions

WORKERS = [cls for cls in OPERATORS if issubclass(cls, CapvizOperator)]


@pytest.mark.parametrize("cls", WORKERS, ids=lambda cls: cls.__name__)
def test_execute_and_call_are_the_base_s(cls: Any) -> None:
    assert cls.execute is CapvizOperator.execute
    assert cls.__call__ is CapvizOperator.__call__
    parameters = signature(cls.work).parameters.values()
    takes_job = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    assert takes_job == cls.followed


@pytest.mark.parametrize(
    ("cls", "told"),
    [
        (AcceptCaptions, ["caption_field", "options"]),
        (UndoCaptions, ["caption_field", "options"]),
        (FocusWord, ["word", "caption_field", "segments_field", "heatmaps"]),
        (ExportAnalysis, ["folder", "caption_field", "segments_field", "formats"]),
        (SteerCaptions, ["recipe", "options", "delegate"]),
        (EvaluateAttribution, ["regions_field", "delegate", "progress", "stop", "cache"]),
        (
            ExplainPairs,
            ["settings", "caption_field", "caption_index", "existing", "delegate"],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_python_says_it_in_these_words(cls: Any, told: list[str]) -> None:
    parameters = signature(cls().work).parameters.values()
    named = [p.name for p in parameters if p.kind is not Parameter.VAR_KEYWORD]
    assert named == ["collection", *told]


def test_the_outcome_of_a_report_warns_of_what_went_wrong() -> None:
    operator = SteerCaptions()
    fine = operator.outcome(None, SteerReport(2, 1, None, None, None))
    assert (fine.warn, fine.summary) == (False, "2 captions steered, 1 changed.")
    assert fine.to_dict()["samples"] == 2
    failed = SteerReport(1, 1, None, None, None, failures=[Failure("1", "/a.jpg", "unreadable")])
    assert operator.outcome(None, failed).warn
    assert operator.outcome(None, SteerReport(1, 1, None, None, None, stopped=True)).warn


def test_the_call_from_python_shows_progress_and_takes_another(dataset: Any) -> None:
    seen: list[dict[str, Any]] = []

    class Told(CapvizOperator):
        def work(self, collection: Any, word: str, **job: Any) -> SteerReport:
            seen.append({"collection": collection, "word": word, **job})
            return SteerReport(0, 0, None, None, None)

    Told()(dataset, "hat")
    assert seen[0]["progress"] is not None
    Told()(sample_collection=dataset, word="hat", progress=print)
    assert seen[1] == {"collection": dataset, "word": "hat", "progress": print}
