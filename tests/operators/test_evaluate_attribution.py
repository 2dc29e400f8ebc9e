"""*Evaluate attribution* as the App asks for it."""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.dataset.runs import list_evaluations
from fiftyone_capviz.curation.evaluation.storage import load_evaluation
from operators.evaluate_attribution import EvaluateAttribution, options_from
from tests.worlds.asking import context, form_of, problems, sent, stream
from tests.worlds.random_world import random_options


def label(dataset: Any) -> None:
    """Captions that name a box of each image."""
    for sample in dataset:
        sample["caption"] = "a dog on a table"
        sample["boxes"] = fo.Detections(
            detections=[
                fo.Detection(label="Dogs", bounding_box=[0.1, 0.1, 0.5, 0.6]),
                fo.Detection(label="cat", bounding_box=[0.6, 0.1, 0.4, 0.4]),
            ]
        )
        sample.save()


def chosen() -> dict[str, Any]:
    options = random_options()
    return {
        "regions_field": "boxes",
        "captioner": options.captioner,
        "matcher": options.matcher,
        "sources": ["itm"],
        "measures": ["grounding", "discrimination", "coverage"],
        "device": "cpu",
        "bootstrap_samples": 20,
        "seed": 2.0,
    }


def test_the_form_refuses_what_cannot_be_evaluated(dataset: Any) -> None:
    found = problems(EvaluateAttribution(), context(dataset, app=True))
    assert "there is none yet" in found["regions_field"]
    label(dataset)
    dataset.set_values("caption", ["nothing of that kind"] * len(dataset))
    found = problems(EvaluateAttribution(), context(dataset, chosen(), app=True))
    assert "synonyms" in found["problem"]
    wrong = {**chosen(), "more": True, "encoder": "no model"}
    assert (
        "no model" in problems(EvaluateAttribution(), context(dataset, wrong, app=True))["encoder"]
    )


def test_the_form_tells_what_is_measured(dataset: Any) -> None:
    label(dataset)
    form = form_of(EvaluateAttribution(), context(dataset, chosen(), app=True))
    assert "3 objects in 3 of 3 images are named" in form["estimate"].view.label
    options = options_from(dataset, chosen())
    assert (options.seed, options.sources) == (2, ("itm",))


def test_expressions_need_no_captions(dataset: Any) -> None:
    label(dataset)
    dataset.delete_sample_field("caption")
    asked = {**chosen(), "expressions": "label", "repeated": "union"}
    form = form_of(EvaluateAttribution(), context(dataset, asked, app=True))
    assert "caption_field" not in form
    assert "6 objects in 6 of 6 texts" in form["estimate"].view.label
    options = options_from(dataset, asked)
    assert (options.caption_field, options.repeated) == ("boxes_label", "union")
    assert options.measures == ("grounding",)


def test_switches_are_options(dataset: Any) -> None:
    label(dataset)
    dataset.set_values("caption", ["a dog"] * 3)
    form = form_of(EvaluateAttribution(), context(dataset, {**chosen(), "more": True}, app=True))
    assert {"all_captions", "repeated", "coco_names"} <= set(form)
    options = options_from(dataset, {**chosen(), "all_captions": True, "coco_names": False})
    assert options.all_captions
    assert not options.coco_names
    assert options_from(dataset, chosen()).coco_names


def test_steering_is_chosen_in_the_form(dataset: Any) -> None:
    label(dataset)
    asked = {**chosen(), "more": True, "steering_methods": ["logits"], "steering_weights": "2, 4.5"}
    options = options_from(dataset, asked)
    assert (options.steering_methods, options.steering_weights) == (("logits",), (2.0, 4.5))
    assert options_from(dataset, {**asked, "steering_weights": [3]}).steering_weights == (3,)
    assert not problems(EvaluateAttribution(), context(dataset, asked, app=True))
    for wrong in ("much", "0.5", "inf"):
        wrong_weights = context(dataset, {**asked, "steering_weights": wrong}, app=True)
        assert "steering_weights" in problems(EvaluateAttribution(), wrong_weights)["problem"]


def test_the_form_asks_before_it_replaces(dataset: Any) -> None:
    label(dataset)
    form = form_of(EvaluateAttribution(), context(dataset, chosen(), app=True))
    assert not {"replace", "stored"} & set(form)
    asked = {**chosen(), "measures": ["grounding"]}
    stream(EvaluateAttribution(), context(dataset, asked, app=True))
    dataset.reload()
    ctx = context(dataset, asked, app=True)
    assert "replace" in form_of(EvaluateAttribution(), ctx)
    assert "is stored already" in problems(EvaluateAttribution(), ctx)["stored"]
    refused = stream(EvaluateAttribution(), ctx)[-1]  # a call that skips the form
    assert "is stored already" in refused["error"]
    ctx = context(dataset, {**asked, "replace": True, "seed": 7}, app=True)
    assert not problems(EvaluateAttribution(), ctx)
    stream(EvaluateAttribution(), ctx)
    assert load_evaluation(dataset, "caption").about["seed"] == 7
    ctx = context(dataset, {**asked, "more": True, "name": "beside"}, app=True)
    assert "replace" not in form_of(EvaluateAttribution(), ctx)
    assert not problems(EvaluateAttribution(), ctx)


def test_the_app_is_shown_the_table_and_the_plots(dataset: Any) -> None:
    label(dataset)
    messages = stream(EvaluateAttribution(), context(dataset, chosen(), app=True))
    (shown,) = sent(messages, "show_output")
    assert "PGA" in shown["results"]["summary"]
    properties = shown["outputs"]["type"]["properties"]
    assert {"summary", "plot0"} <= set(properties)
    assert properties["plot0"]["view"]["data"]
    dataset.reload()
    assert list_evaluations(dataset) == ["capviz_evaluation_caption"]
