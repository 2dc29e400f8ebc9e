"""Steer, accept, undo: with real (random) models."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo

from fiftyone_capviz.settings.steering import Recipe
from operators.accept_captions import AcceptCaptions
from operators.steer_captions import SteerCaptions
from operators.undo_captions import UndoCaptions
from tests.worlds.asking import URI, call, context, form_of, problems
from tests.worlds.random_world import random_options


def test_the_form_says_what_fills_the_prompt(dataset: Any) -> None:
    """And refuses what cannot be filled before anything runs."""
    foo.get_operator(f"{URI}analyze_captions")(dataset, options=random_options())
    dataset.set_values("caption", ["a man in the snow", "a man", "it is raining"])
    asked = {"caption_field": "caption", "prompt": "the {subject} is wearing"}
    form = form_of(SteerCaptions(), context(dataset, asked, app=True))
    assert form["subjects"].view.label == (
        "Subjects of the first 3 captions: man 2. 1 name none: they go on from the captioner's "
        "own prompt."
    )
    plain = form_of(SteerCaptions(), context(dataset, asked | {"prompt": "the man is"}, app=True))
    assert "subjects" not in plain
    refused = problems(SteerCaptions(), context(dataset, asked | {"prompt": "a {man}"}, app=True))
    assert "{subject}" in refused["problem"]


def test_steer_accept_undo(dataset: Any) -> None:
    foo.get_operator(f"{URI}analyze_captions")(dataset, options=random_options())
    before = dataset.values("caption")
    assert "problem" in problems(AcceptCaptions(), context(dataset, app=True))
    assert "problem" in problems(UndoCaptions(), context(dataset, app=True))

    recipe = Recipe(prompt="the man is wearing", word="hat")
    report = foo.get_operator(f"{URI}steer_captions")(dataset, recipe)
    assert report.samples == 3
    assert dataset.values("caption") == before

    assert problems(AcceptCaptions(), context(dataset, app=True)) == {}
    call("accept_captions", dataset=dataset)
    dataset.reload()
    assert all(text.startswith("the man is wearing") for text in dataset.values("caption"))

    call("undo_captions", dataset=dataset)
    dataset.reload()
    assert dataset.values("caption") == before
