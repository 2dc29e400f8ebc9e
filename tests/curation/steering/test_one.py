"""Steering one image, on real FiftyOne and real (random) models."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.curation.dataset.documents import deserialize_array
from fiftyone_capviz.curation.inference.kept import feature_cache
from fiftyone_capviz.curation.inference.turns import models_in_turn
from fiftyone_capviz.curation.steering.image import (
    Attempt,
    ImageRecipe,
    Selection,
    SteeredImage,
    read_image,
)
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.curation.steering.one import (
    lay_out,
    search_weight,
    steer_image,
    stream_image,
    weights_on_image,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.steering import Recipe
from fiftyone_capviz.steering.weighting import coverage_of_segments
from fiftyone_capviz.text.words import caption_words
from tests.worlds.present_caption import present_likelihood
from tests.worlds.random_world import CountingCache, random_options

PROMPT = "the man is wearing a hat"


def test_one_image_is_steered_as_many_are(dataset: Any, image: SteeredImage, cache: Any) -> None:
    segment = str(image.detections[0]["_id"])
    for method, weight in (("scale", 4.0), ("logits", 0.0), ("contrast", 3.0)):
        recipe = Recipe("a", weight=weight, method=method, segment_ids=(segment,))  # type: ignore[arg-type]
        steer_captions(dataset.limit(1), recipe, cache=cache)
        dials = ImageRecipe("a", method, (Selection(weight, (segment,)),))  # type: ignore[arg-type]
        attempt = steer_image(image, random_options(), dials, cache=cache)
        assert attempt.caption.text == dataset.first().caption_steered
        assert attempt.match == pytest.approx(dataset.first().caption_steered_itm, abs=1e-5)
        assert dataset.first().caption_steered_recipe["segment_ids"] == [segment]


def test_without_dials_the_caption_is_the_captioners_own(image: SteeredImage, cache: Any) -> None:
    attempt = steer_image(image, random_options(), ImageRecipe(), cache=cache)
    assert attempt.caption.text == image.caption
    assert attempt.weights is None
    place = lay_out(image, random_options(), cache)
    assert place.match == pytest.approx(attempt.match, abs=1e-5)
    assert place.match == pytest.approx(image.match, abs=1e-5)
    assert place.log_likelihood == pytest.approx(present_likelihood(image, cache, ""), abs=1e-4)
    assert list(place.crop) == [0, 0, 1, 1]
    assert not place.streams


def test_selections_with_different_weights_make_one_map(image: SteeredImage, cache: Any) -> None:
    ids = [str(one["_id"]) for one in image.detections[:2]]
    shares = [deserialize_array(one["patch_weights"]) for one in image.detections[:2]]
    first, second = (coverage_of_segments(each) for each in shares)
    first[0, 0], second[0, 0], second[1, 2] = 1, 0, 1
    dials = ImageRecipe(
        method="logits",
        selections=(
            Selection(5.0, (ids[0],), added=((0, 0),)),
            Selection(0.5, (ids[1],), added=((1, 2),), removed=((0, 0),)),
        ),
    )
    weights = weights_on_image(image, random_options(), dials, cache)
    assert weights is not None
    np.testing.assert_allclose(weights, 5.0**first * 0.5**second, rtol=1e-6)
    only_one = ImageRecipe(selections=(Selection(1.0, (ids[0],)), Selection(3.0)))
    assert weights_on_image(image, random_options(), only_one, cache) is None


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        (ImageRecipe(selections=(Selection(-1.0, added=((0, 0),)),)), "at least 0"),
        (
            ImageRecipe(method="contrast", selections=(Selection(0.5, added=((0, 0),)),)),
            "at least 1",
        ),
        (
            ImageRecipe(selections=(Selection(2.0, added=((99, 0),)),)),
            "Rows of patches go from 0 to",
        ),
        (ImageRecipe(method="best"), "one of"),  # type: ignore[arg-type]
    ],
)
def test_dials_that_cannot_be_used(
    image: SteeredImage, cache: Any, dials: ImageRecipe, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        steer_image(image, random_options(), dials, cache=cache)


def test_an_image_is_encoded_once(dataset: Any) -> None:
    feature_cache.cache_clear()
    counting = CountingCache()
    image = read_image(dataset, dataset.last().id, random_options())
    for weight in (2.0, 3.0, 4.0):
        dials = ImageRecipe(selections=(Selection(weight, added=((0, 0),)),))
        steer_image(image, random_options(), dials, cache=counting)
    assert counting.counts["captioner.encode"] == counting.counts["matcher.encode"] == 1
    assert counting.counts["captioner.generate"] == 3


def test_words_stream_and_the_last_one_is_scored(image: SteeredImage, cache: Any) -> None:
    options = random_options(num_beams=1)
    for prompt in (None, PROMPT, "a picture of"):
        *texts, attempt = stream_image(image, options, ImageRecipe(prompt), cache=cache)
        assert isinstance(attempt, Attempt)
        whole = steer_image(image, options, ImageRecipe(prompt), cache=cache)
        assert attempt.caption.text == whole.caption.text == texts[-1]
        assert all(str(b).startswith(str(a)) for a, b in pairwise(texts))
        assert attempt.match == pytest.approx(whole.match, abs=1e-5)


def test_a_stream_can_be_dropped_at_any_word(image: SteeredImage, cache: Any) -> None:
    stream = stream_image(image, random_options(), ImageRecipe(PROMPT), cache=cache)
    next(stream)
    loaded: Any
    with models_in_turn(random_options(), cache) as (loaded, _):  # free between two words
        hooks = [len(m._forward_pre_hooks) for m in loaded.cross_attentions]
    stream.close()  # type: ignore[attr-defined]
    assert set(hooks) == {0}


def test_the_smallest_weight_that_says_the_word(image: SteeredImage, cache: Any) -> None:
    dials = ImageRecipe(
        PROMPT, "logits", (Selection(3.0, added=((0, 0), (0, 1))), Selection(2.0, added=((5, 5),)))
    )
    fixed = ImageRecipe(PROMPT, "logits", (Selection(2.0, added=((5, 5),)),))
    alone = steer_image(image, random_options(), fixed, cache=cache)
    said = caption_words(alone.caption.text.removeprefix(PROMPT)).words[0]
    search = search_weight(image, random_options(), dials, wanted_word=said, cache=cache)
    assert [trial.weight for trial in search.trials[:3]] == [1.0, 1.25, 1.5]
    assert search.weight == 1.0  # it is said already
    prompted = search_weight(image, random_options(), dials, wanted_word="hats", cache=cache)
    assert not prompted.trials[0].says_word, "the prompt says it, the captioner does not"
    assert search.trials[0].caption.text == alone.caption.text
    with pytest.raises(InputError, match="none is made"):
        search_weight(image, random_options(), ImageRecipe(PROMPT), wanted_word="hat", cache=cache)
    empty = ImageRecipe(PROMPT, selections=(Selection(2.0),))
    with pytest.raises(InputError, match="none is selected"):
        search_weight(image, random_options(), empty, wanted_word="hat", cache=cache)
