"""*Show evaluation*: the way back to what an evaluation stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fiftyone_capviz.curation.dataset.runs import list_evaluations
from fiftyone_capviz.curation.evaluation.comparison import EvaluationComparison
from fiftyone_capviz.curation.evaluation.storage import load_evaluation
from fiftyone_capviz.errors import InputError
from operators.evaluate_attribution import EvaluateAttribution
from operators.show_evaluation import ShowEvaluation
from tests.operators.test_evaluate_attribution import chosen, label
from tests.worlds.asking import call, context, form_of, problems, sent, stream

FIRST, SECOND = "capviz_evaluation_caption", "capviz_evaluation6_caption_second"


@pytest.fixture
def evaluated(dataset: Any) -> Any:
    """Two evaluations; the output form of the second as *Evaluate attribution* gave it."""
    label(dataset)
    asked = {**chosen(), "measures": ["grounding"]}
    stream(EvaluateAttribution(), context(dataset, asked, app=True))
    asked |= {"name": "second", "seed": 4}
    messages = stream(EvaluateAttribution(), context(dataset, asked, app=True))
    dataset.reload()
    return dataset, sent(messages, "show_output")[0]


def test_without_an_evaluation_the_way_to_one_is_told(dataset: Any) -> None:
    found = problems(ShowEvaluation(), context(dataset, app=True))
    assert "Run Evaluate attribution" in found["problem"]
    (*_, last) = stream(ShowEvaluation(), context(dataset, app=True))
    assert "Run Evaluate attribution" in last["error"]
    with pytest.raises(InputError, match="has no evaluation 'caption'"):
        ShowEvaluation()(dataset, "caption")


def test_what_was_shown_is_shown_again(evaluated: Any) -> None:
    dataset, before = evaluated
    messages = stream(ShowEvaluation(), context(dataset, {"evaluation": SECOND}, app=True))
    (shown,) = sent(messages, "show_output")
    assert shown["results"] == before["results"]
    plots, earlier = (one["outputs"]["type"]["properties"] for one in (shown, before))
    assert {"summary", "plot0"} <= set(plots)
    assert json.dumps(plots) == json.dumps(earlier)
    assert "reload_dataset" not in json.dumps(messages)


def test_two_are_shown_side_by_side(evaluated: Any) -> None:
    dataset, _ = evaluated
    asked = {"evaluation": FIRST, "compare_with": SECOND}
    (shown,) = sent(stream(ShowEvaluation(), context(dataset, asked, app=True)), "show_output")
    text = shown["results"]["summary"]
    assert f"A: {FIRST}" in text
    assert f"B: {SECOND}" in text
    assert "seed: 2 against 4" in text
    plots = shown["outputs"]["type"]["properties"]
    assert plots["plot0"]["view"]["data"]
    compared = ShowEvaluation()(dataset, FIRST, compare_with=SECOND)
    assert isinstance(compared, EvaluationComparison)
    assert {one["n"] for one in compared.rows} == {
        load_evaluation(dataset, FIRST).counts["itm_pairs"]
    }


def test_the_form_offers_what_is_stored(evaluated: Any) -> None:
    dataset, _ = evaluated
    form = form_of(ShowEvaluation(), context(dataset, {"evaluation": FIRST}, app=True))
    choices = {name: [one.value for one in form[name].view.choices] for name in form}
    assert choices == {"evaluation": list_evaluations(dataset), "compare_with": [SECOND]}
    assert "3 images, done" in form["evaluation"].view.choices[0].description
    gone = {"evaluation": FIRST, "compare_with": "capviz_evaluation_gone"}
    assert "gone" in problems(ShowEvaluation(), context(dataset, gone, app=True))["compare_with"]
    dataset.delete_run(SECOND)
    assert "compare_with" not in form_of(ShowEvaluation(), context(dataset, app=True))


def test_from_python_it_is_the_stored_report(evaluated: Any) -> None:
    dataset, _ = evaluated
    assert ShowEvaluation()(dataset.limit(1), "caption") == load_evaluation(dataset, "caption")
    result = call("show_evaluation", dataset=dataset, params={"evaluation": FIRST}).result
    assert result["report"] == load_evaluation(dataset, "caption").to_dict()
