"""Beginnings of sentences that lead to a wanted word."""

from __future__ import annotations

from typing import Any

import pytest

from fiftyone_capviz.curation.steering.image import SteeredImage
from fiftyone_capviz.curation.steering.prompts import suggest_prompts, usual_prompts
from fiftyone_capviz.errors import InputError
from tests.worlds.random_world import random_options


def test_suggestions_rank_by_the_wanted_word(dataset: Any, image: SteeredImage, cache: Any) -> None:
    usual = suggest_prompts(dataset, image, random_options(), wanted_word="", cache=cache)
    assert [one.prompt for one in usual] == usual_prompts(image.caption)[: len(usual)]
    sample = dataset.last()
    sample.caption = "the old man is wearing a big red hat"
    sample.caption_words = ["old", "man", "wearing", "big", "red", "hat"]
    sample.save()
    found = suggest_prompts(
        dataset, image, random_options(), wanted_word="hats", limit=99, cache=cache
    )
    assert "the old man is wearing" in [one.prompt for one in found]
    assert all(one.probability is not None and one.text for one in found)
    with pytest.raises(InputError, match="write"):
        suggest_prompts(dataset, image, random_options(), wanted_word="☃", cache=cache)
