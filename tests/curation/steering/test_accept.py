"""What becomes of an attempt that is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from fiftyone_capviz.curation.steering.accept import accept_captions
from fiftyone_capviz.curation.steering.image import (
    ImageRecipe,
    Selection,
    SteeredImage,
    keep_candidate,
    read_image,
)
from fiftyone_capviz.curation.steering.one import lay_out, steer_image
from tests.worlds.present_caption import present_likelihood
from tests.worlds.random_world import random_options

PROMPT = "the man is wearing a hat"


def test_an_attempt_is_kept_accepted_and_its_recipe_noted(
    dataset: Any, image: SteeredImage, cache: Any
) -> None:
    options = random_options()
    dials = ImageRecipe(PROMPT, "scale", (Selection(2.0, added=((0, 0),)),))
    attempt = steer_image(image, options, dials, cache=cache)
    keep_candidate(dataset, image, options, attempt)
    accept_captions(dataset, ids=[image.sample_id], cache=cache)
    sample = dataset.first()
    assert sample.caption == attempt.caption.text
    entry = sample.caption_previous[-1]
    assert (entry["caption"], entry["prompt"], entry["method"]) == (image.caption, PROMPT, "scale")
    assert entry["weights"][0][0] == 2.0
    again = read_image(dataset, image.sample_id, options)
    assert (again.prompt, again.replaced) == (PROMPT, 1)
    place = lay_out(again, options, cache)
    assert place.log_likelihood == pytest.approx(present_likelihood(again, cache, PROMPT), abs=1e-4)
