"""*Evaluate attribution* as the App asks for it."""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.evaluation_store import list_evaluations
from operators.evaluate_attribution import EvaluateAttribution, options_from
from tests.curation.random_world import random_options
from tests.operators.asking import context, form_of, problems, sent, stream


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
