"""One prompt with `{subject}` for many images, each filled from its own caption."""

from __future__ import annotations

from typing import Any

import pytest

from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.curation.steering.accept import accept_captions
from fiftyone_capviz.curation.steering.batch import Batch
from fiftyone_capviz.curation.steering.candidates import steering_hash
from fiftyone_capviz.curation.steering.image import (
    ImageRecipe,
    Selection,
    keep_candidate,
    read_image,
)
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.curation.steering.one import search_weight, steer_image, stream_image
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.cache import ModelCache
from fiftyone_capviz.settings.steering import Recipe
from tests.worlds.random_world import random_options

TEMPLATE = "the {subject} is wearing"
CAPTIONS = ["a man in the snow", "two women with a dog", "it is raining", None]
PROMPTS = ["the man is wearing", "the woman is wearing", None, None]


@pytest.fixture
def captioned(dataset: Any) -> Any:
    dataset.set_values("caption", CAPTIONS)
    return dataset


def test_each_image_goes_on_from_its_own_subject(captioned: Any, cache: ModelCache) -> None:
    report = steer_captions(captioned, Recipe(prompt=TEMPLATE), cache=cache)
    texts = captioned.values("caption_steered")
    for text, prompt, view in zip(texts, PROMPTS, captioned, strict=True):
        one = captioned.select(view.id)
        plain = Recipe(prompt=prompt) if prompt else Recipe(grid_weights=_ones())
        steer_captions(one, plain, cache=cache)  # as if somebody had written it for this image
        assert one.first().caption_steered == text
    assert (report.subjects, report.without_subject) == ([("man", 1), ("woman", 1)], 2)
    assert "subjects: man 1, woman 1" in report.summary()
    assert "2 without a subject in the caption" in report.summary()
    assert Batch.of(report, "caption", ()).without_subject == 2


def test_what_was_filled_in_is_stored_and_makes_the_caption_again(
    captioned: Any, cache: ModelCache
) -> None:
    steer_captions(captioned, Recipe(prompt=TEMPLATE), cache=cache)
    stored = captioned.values("caption_steered_recipe")
    filled = [prompt or "a picture of" for prompt in PROMPTS]
    assert [one["prompt"] for one in stored] == filled
    assert [one["template"] for one in stored] == [TEMPLATE] * 4
    assert [one["subject"] for one in stored] == ["man", "woman", None, None]
    record = read_run(captioned, "caption")
    assert record is not None
    assert record.extra["recipe_lacking"] == {"unweighted": 0, "without_subject": 2}
    assert Recipe.from_dict(record.extra["recipe"]) == Recipe(prompt=TEMPLATE)  # type: ignore[arg-type]
    texts = captioned.values("caption_steered")
    captioned.set_values("caption", ["a cat"] * 4)
    for sample, recipe, text in zip(captioned, stored, texts, strict=True):
        steer_captions(captioned.select(sample.id), Recipe.from_dict(recipe), cache=cache)
        sample.reload()
        assert sample.caption_steered == text


def test_a_rerun_does_what_is_missing_or_speaks_of_another(
    captioned: Any, cache: ModelCache
) -> None:
    recipe = Recipe(prompt=TEMPLATE)
    steer_captions(captioned, recipe, cache=cache)
    again = steer_captions(captioned, recipe, cache=cache)
    assert (again.skipped, again.subjects, again.without_subject) == (
        4,
        [("man", 1), ("woman", 1)],
        2,
    )
    captioned.set_values("caption", ["a dog", *CAPTIONS[1:]])
    third = steer_captions(captioned, recipe, cache=cache)
    assert third.skipped == 3
    assert captioned.first().caption_steered.startswith("the dog is wearing")
    plain = random_options()
    hashes = {
        steering_hash(Recipe(prompt=prompt), plain)
        for prompt in (TEMPLATE, "the {subject} is", "the man is wearing")
    }
    assert len(hashes) == 3


def test_one_image_is_filled_as_many_are(captioned: Any, cache: ModelCache) -> None:
    steer_captions(captioned, Recipe(prompt=TEMPLATE), cache=cache)
    options = random_options(num_beams=1)
    for sample, prompt in zip(captioned, PROMPTS, strict=True):
        image = read_image(captioned, sample.id, random_options())
        attempt = steer_image(image, random_options(), ImageRecipe(TEMPLATE), cache=cache)
        assert attempt.caption.text == sample.caption_steered
        *_, streamed = stream_image(image, options, ImageRecipe(TEMPLATE), cache=cache)
        assert streamed.caption.prompt == (prompt or "a picture of")  # type: ignore[union-attr]


def test_an_attempt_that_is_kept_says_what_was_filled_in(captioned: Any, cache: ModelCache) -> None:
    image = read_image(captioned, captioned.first().id, random_options())
    attempt = steer_image(image, random_options(), ImageRecipe(TEMPLATE), cache=cache)
    keep_candidate(captioned, image, random_options(), attempt)
    stored = captioned.first().caption_steered_recipe
    assert (stored["prompt"], stored["template"], stored["subject"]) == (
        "the man is wearing", TEMPLATE, "man",
    )  # fmt: skip
    accept_captions(captioned, ids=[image.sample_id], cache=cache)
    assert captioned.first().caption_previous[-1]["prompt"] == "the man is wearing"


def test_weights_are_sought_after_the_filled_prompt(captioned: Any, cache: ModelCache) -> None:
    image = read_image(captioned, captioned.first().id, random_options())
    dials = ImageRecipe(TEMPLATE, "logits", (Selection(2.0, added=((0, 0),)),))
    search = search_weight(image, random_options(), dials, wanted_word="hat", cache=cache)
    assert {trial.caption.prompt for trial in search.trials} == {"the man is wearing"}
    label = captioned.first().segments.detections[0].label
    recipe = Recipe(prompt=TEMPLATE, word="hat", weight="auto", segment_label=label)
    steer_captions(captioned.limit(1), recipe, cache=cache)
    assert captioned.first().caption_steered_recipe["prompt"] == "the man is wearing"


def test_dials_that_cannot_be_filled_are_refused() -> None:
    with pytest.raises(InputError, match="one field of a prompt"):
        ImageRecipe.from_dict({"prompt": "the {man} is"})


def _ones() -> tuple[tuple[float, ...], ...]:
    return ((1.0,) * 12,) * 12
