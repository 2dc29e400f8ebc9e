"""The form of *Explain pairs*, and what it does from the App and from Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone.operators as foo
import pytest

from fiftyone_capviz.curation.pair_fields import PairFields
from operators.explain_pairs import ExplainPairs
from tests.curation.pair_world import CAPTIONS, SETTINGS, pair_dataset
from tests.operators.asking import URI, call, context, form_of, problems, sent, stream

PARAMS = {"caption_field": CAPTIONS, "encoder": "scenes", "device": "cpu", "dtype": "float32"}
NAMES = PairFields(CAPTIONS)


@pytest.fixture
def scenes(tmp_path: Path) -> Iterator[Any]:
    made = pair_dataset(tmp_path, 3, name="pairs-operator")
    yield made
    made.delete()


def test_the_form_offers_encoders_and_refuses_what_cannot_be(scenes: Any) -> None:
    form = form_of(ExplainPairs(), context(scenes, PARAMS))
    assert {"caption_field", "encoder", "attribution", "layer", "replace"} <= set(form)
    assert problems(ExplainPairs(), context(scenes, PARAMS)) == {}
    wrong = {**PARAMS, "encoder": "no such thing", "layer": -1}
    assert set(problems(ExplainPairs(), context(scenes, wrong))) == {"encoder", "layer"}
    empty = scenes.match({CAPTIONS: "nobody says this"})
    assert "problem" in problems(ExplainPairs(), context(scenes, PARAMS, view=empty))


def test_the_app_is_told_what_was_found(scenes: Any) -> None:
    messages = stream(ExplainPairs(), context(scenes, PARAMS, app=True))
    told = sent(messages, "show_output")[-1]["results"]["summary"]
    assert "of 3 captions hold a word" in told
    scenes.reload()
    assert None not in scenes.values(NAMES.score)
    found = [one for one in scenes.values(NAMES.mismatches) if one]
    assert scenes.has_saved_view("Mismatched words: truth_caption") == bool(found)


def test_python_calls_it_too(scenes: Any) -> None:
    report = foo.get_operator(f"{URI}explain_pairs")(
        scenes.limit(2), settings=SETTINGS, caption_field=CAPTIONS
    )
    assert report.explained == 2
    call("explain_pairs", dataset=scenes, params={**PARAMS, "method": "itsm_output"})
    scenes.reload()
    assert scenes.values(NAMES.error) == [None] * 3
