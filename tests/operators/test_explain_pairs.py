"""The form of *Explain pairs*, and what it does from the App and from Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone.operators as foo
import pytest

from fiftyone_capviz.curation.dataset.names import PairFields
from fiftyone_capviz.curation.pairs.mismatches import find_mismatches
from operators.explain_pairs import ExplainPairs
from tests.worlds.asking import URI, call, context, form_of, problems, sent, stream
from tests.worlds.pair_world import CAPTIONS, SETTINGS, pair_dataset

PARAMS = {"caption_field": CAPTIONS, "encoder": "scenes", "device": "cpu", "dtype": "float32"}
NAMES = PairFields(CAPTIONS)
LAST = replace(SETTINGS, layer=1)


@pytest.fixture
def scenes(tmp_path: Path) -> Iterator[Any]:
    made = pair_dataset(tmp_path, 3, name="pairs-operator")
    yield made
    made.delete()


def test_the_form_offers_encoders_and_refuses_what_cannot_be(scenes: Any) -> None:
    form = form_of(ExplainPairs(), context(scenes, PARAMS))
    assert {"caption_field", "encoder", "attribution", "layer", "estimate"} <= set(form)
    assert "existing" not in form
    assert set(form["attribution"].type.values) == {"second_order", "icam", "ilime"}
    assert problems(ExplainPairs(), context(scenes, PARAMS)) == {}
    wrong = {**PARAMS, "encoder": "no such thing", "layer": -1}
    assert set(problems(ExplainPairs(), context(scenes, wrong))) == {"encoder", "layer"}
    empty = scenes.match({CAPTIONS: "nobody says this"})
    assert "problem" in problems(ExplainPairs(), context(scenes, PARAMS, view=empty))


def test_the_form_counts_what_is_to_do_and_asks_about_results_of_other_settings(
    scenes: Any,
) -> None:
    scenes.set_values(CAPTIONS, ["", *scenes.values(CAPTIONS)[1:]])
    assert "2 of 2 captions are explained (1 samples have no caption)" in notice(scenes, PARAMS)
    find_mismatches(scenes.limit(2), LAST, caption_field=CAPTIONS)
    scenes.reload()
    same = {**PARAMS, "layer": 1}
    assert "1 of 2 captions are explained (1 are done already, 1 " in notice(scenes, same)
    assert " s." in notice(scenes, same)
    other = {**PARAMS, "attribution": "ilime"}
    found = problems(ExplainPairs(), context(scenes, other))
    assert set(found) == {"existing"}
    assert "1 samples of this view were explained by Second-order" in found["existing"]
    for answer, count in (("skip", 1), ("replace", 2)):
        told = {**other, "existing": answer}
        assert problems(ExplainPairs(), context(scenes, told)) == {}
        assert notice(scenes, told).startswith(f"{count} of 2 captions")
        assert "a thousand passes" in notice(scenes, told)


def test_the_app_is_told_what_was_found(scenes: Any) -> None:
    messages = stream(ExplainPairs(), context(scenes, PARAMS, app=True))
    told = sent(messages, "show_output")[-1]["results"]["summary"]
    assert "of 3 captions hold a word" in told
    scenes.reload()
    assert None not in scenes.values(NAMES.score)
    found = [one for one in scenes.values(NAMES.mismatches) if one]
    assert scenes.has_saved_view("Mismatched words: truth_caption") == bool(found)


def test_the_app_is_told_of_captions_that_were_cut(scenes: Any) -> None:
    scenes.set_values(CAPTIONS, [" ".join(["a red bird on the sand"] * 20)] * 3)
    messages = stream(ExplainPairs(), context(scenes, {**PARAMS, "layer": 1}, app=True))
    told = sent(messages, "show_output")[-1]["results"]["summary"]
    assert "3 captions were cut at the model's limit" in told


def test_python_calls_it_too(scenes: Any) -> None:
    report = foo.get_operator(f"{URI}explain_pairs")(
        scenes.limit(2), settings=LAST, caption_field=CAPTIONS
    )
    assert report.explained == 2
    other = {**PARAMS, "layer": 1, "method": "icam"}
    with pytest.raises(Exception, match=r"existing\. Reason: Say what to do with them: skip or"):
        call("explain_pairs", dataset=scenes, params=other)
    call("explain_pairs", dataset=scenes, params={**other, "existing": "replace"})
    scenes.reload()
    assert scenes.values(NAMES.error) == [None] * 3
    with pytest.raises(Exception, match="sums up cosines"):
        call("explain_pairs", dataset=scenes, params={**PARAMS, "method": "itsm_output"})


def notice(dataset: Any, params: dict[str, Any]) -> str:
    """What the form says of the work."""
    return str(form_of(ExplainPairs(), context(dataset, params))["estimate"].view.label)
