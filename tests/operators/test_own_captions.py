"""Captions of the user's own in the forms and calls of the operators, in every shape."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.dataset.caption_fields import text_fields
from operators.accept_captions import AcceptCaptions
from operators.analyze_captions import AnalyzeCaptions
from operators.caption_images import CaptionImages
from operators.evaluate_attribution import EvaluateAttribution
from operators.explain_pairs import ExplainPairs
from operators.export_analysis import ExportAnalysis
from operators.score_captions import ScoreCaptions
from operators.steer_captions import SteerCaptions
from operators.undo_captions import UndoCaptions
from tests.worlds.asking import URI, call, context, form_of, problems
from tests.worlds.own_captions import SHAPES, Shape, add_own_captions, raw_values
from tests.worlds.random_world import random_options

READERS = (ScoreCaptions, ExportAnalysis, SteerCaptions, ExplainPairs, EvaluateAttribution)


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


@pytest.mark.parametrize("operator", READERS, ids=lambda one: one.__name__)
def test_every_form_takes_every_shape(dataset: Any, shape: Shape, operator: Any) -> None:
    add_own_captions(dataset, shape)
    asked = {"caption_field": shape.path, "folder": "/tmp"}
    found = problems(operator(), context(dataset, asked, app=True))
    assert "caption_field" not in found, found


def test_forms_offer_captions_and_nothing_that_we_wrote(dataset: Any) -> None:
    for name in ("string", "classification", "dict", "list", "odd name"):
        add_own_captions(dataset, SHAPES[name])
    own = ["blurb", "blip2-caption", "captions", "label", "vlm"]
    assert sorted(text_fields(dataset)) == sorted(own)
    for path in own:
        options = random_options(caption_field=path, existing="replace")
        analyze(dataset, options)
    assert sorted(text_fields(dataset)) == sorted(own)
    for path in ("blurb_words", "blip2_caption_word_tags", "segments_stage", "capviz_error"):
        found = problems(ScoreCaptions(), context(dataset, {"caption_field": path}, app=True))
        assert "No such field" not in found["caption_field"]
        assert "Choose one of: 'blurb', 'captions', 'blip2-caption'" in found["caption_field"]
    found = problems(ScoreCaptions(), context(dataset, {"caption_field": "blurb_itm"}, app=True))
    assert "No such field" not in found["caption_field"]


@pytest.mark.parametrize("operator", [AnalyzeCaptions, CaptionImages])
def test_a_tick_counts_what_would_be_written_over(
    dataset: Any, params: dict[str, Any], operator: Any
) -> None:
    add_own_captions(dataset, SHAPES["classification"])
    asked = {**params, "caption_field": "label", "existing": "replace"}
    form = form_of(operator(), context(dataset, asked, app=True))
    assert form["overwrite_captions"].type is not None
    assert form["overwrite_captions"].view.label == "Write over 3 captions of yours"
    assert not problems(operator(), context(dataset, asked, app=True))
    plain = {**params, "caption_field": "caption"}
    assert "overwrite_captions" not in form_of(operator(), context(dataset, plain, app=True))


def test_the_form_asks_for_another_prefix(dataset: Any, params: dict[str, Any]) -> None:
    add_own_captions(dataset, SHAPES["string"])
    dataset.set_values("blurb_words", [["mine"]] * 3)
    asked = {**params, "caption_field": "blurb", "existing": "replace"}
    found = problems(CaptionImages(), context(dataset, asked, app=True))
    assert "derived_prefix='blurb_2'" in found["derived_prefix"]
    asked["derived_prefix"] = "mine"
    assert not problems(CaptionImages(), context(dataset, asked, app=True))


def test_the_form_offers_the_parts_of_dicts(dataset: Any) -> None:
    add_own_captions(dataset, SHAPES["any key"])
    assert text_fields(dataset) == ["vlm.output", "vlm.model"]
    found = problems(ScoreCaptions(), context(dataset, {"caption_field": "vlm"}, app=True))
    assert "caption_field='vlm.output'" in found["caption_field"]


def test_replace_from_an_operator_keeps_texts_and_overwrite_does_not(
    dataset: Any, params: dict[str, Any]
) -> None:
    shape = SHAPES["dicts"]
    add_own_captions(dataset, shape)
    before = raw_values(dataset, shape.field)
    asked = {**params, "caption_field": shape.path, "existing": "replace"}
    call("caption_images", dataset=dataset, params=asked)
    assert raw_values(dataset, shape.field) == before
    call("caption_images", dataset=dataset, params={**asked, "overwrite_captions": True})
    assert raw_values(dataset, shape.field) != before
    form = form_of(UndoCaptions(), context(dataset, {"caption_field": shape.path}, app=True))
    assert "Up to 3 captions" in form["estimate"].view.label
    foo.get_operator(f"{URI}undo_captions")(dataset, shape.path)
    assert raw_values(dataset, shape.field) == before


def test_accept_names_the_captions_that_are_not_ours(
    dataset: Any, params: dict[str, Any], shape: Shape
) -> None:
    add_own_captions(dataset, shape)
    before = raw_values(dataset, shape.field)
    models = {name: params[name] for name in ("captioner", "matcher")}
    asked = {**models, "caption_field": shape.path, "num_beams": 1, "max_new_tokens": 5}
    call("steer_captions", dataset=dataset, params={**asked, "prompt": "the man"})
    ctx = context(dataset, {"caption_field": shape.path}, app=True)
    prompt = AcceptCaptions().resolve_type(ctx, "inputs").view
    assert prompt.to_json()["submit_button_label"] == "Accept, writing over 3 of yours"
    assert "3 of them are yours" in form_of(AcceptCaptions(), ctx)["estimate"].view.label

    report = foo.get_operator(f"{URI}accept_captions")(dataset, shape.path)

    assert (report.samples, report.theirs) == (3, 3)
    assert raw_values(dataset, shape.field) != before
    undone = foo.get_operator(f"{URI}undo_captions")(dataset, shape.path)
    assert (undone.samples, undone.waiting) == (3, 0)
    assert raw_values(dataset, shape.field) == before
