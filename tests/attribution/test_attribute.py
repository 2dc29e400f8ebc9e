"""One entry for three kinds of models: the same as each kind's own functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fiftyone_capviz.attribution import attribute as attribution
from fiftyone_capviz.attribution.attribute import AttributionBatch, attribute
from fiftyone_capviz.attribution.words.methods import captioner_word_maps, matcher_word_maps
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.text.words import caption_words
from tests.worlds.second_models import (
    GRIDS,
    TEXTS,
    WORDS,
    SecondCaptioner,
    SecondMatcher,
    SecondModel,
    pictures,
    seen,
)


def batch_of(model: SecondModel) -> AttributionBatch:
    return AttributionBatch(pictures(), TEXTS, WORDS, list(seen(model)))


@pytest.mark.parametrize(
    "changes",
    [{}, {"method": "cross_attention"}, {"layer": 0, "head": 1, "clamp": "grad"}],
)
def test_a_matcher(changes: dict[str, Any]) -> None:
    options, matcher = AnalysisOptions(**changes), SecondMatcher()
    found = attribute(matcher, batch_of(matcher), options)
    maps, matches = matcher_word_maps(
        matcher, seen(matcher), captions=TEXTS, words=WORDS, how=options.word_method, grids=GRIDS
    )
    assert found.matches == matches
    for own, expected in zip(found.maps, maps, strict=True):
        assert np.array_equal(own, expected.maps)


def test_a_match_without_enc_is_no_match_probability() -> None:
    options, matcher = AnalysisOptions(use_enc=False), SecondMatcher()
    assert attribute(matcher, batch_of(matcher), options).matches == []


def test_a_captioner_reads_the_prompt_that_was_cut() -> None:
    captioner = SecondCaptioner()
    for prompt, before in ((None, None), ("a photo of", None), ("two", ["", ""])):
        options = AnalysisOptions(source="lm", prompt=prompt)
        found = attribute(captioner, batch_of(captioner), options)
        maps = captioner_word_maps(
            captioner, seen(captioner), captions=TEXTS, words=WORDS, how=options.word_method,
            grids=GRIDS, prompts=before,
        )  # fmt: skip
        assert found.matches == []
        for own, expected in zip(found.maps, maps, strict=True):
            assert np.array_equal(own, expected.maps)


def test_a_dual_encoder_gets_images_and_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Pair:
        word_maps = np.zeros((1, *Grid(2, 3)), np.float32)
        unread = ("dog",)

    def explain(encoder: Any, images: Any, texts: Any, *, layer: int | None) -> list[Pair]:
        asked.append((encoder, images, texts, layer))
        return [Pair(), Pair()]

    monkeypatch.setattr(attribution, "explain_pairs", explain)
    options = AnalysisOptions(method="second_order", layer=1)
    words = [caption_words(text) for text in TEXTS]
    encoder: Any = object()
    images = pictures()
    found = attribute(encoder, AttributionBatch(images, TEXTS, words), options)
    assert asked == [(encoder, images, TEXTS, 1)]
    assert [maps.shape for maps in found.maps] == [(1, 2, 3), (1, 2, 3)]
    assert found.unread == [("dog",), ("dog",)]
    # Zero everywhere says nothing of a word, and is counted.
    assert found.silent == [1, 1]
    assert all(np.isnan(maps).all() for maps in found.maps)


def test_a_model_without_attention_is_refused() -> None:
    class OnlyWrites:
        spec = "some/captioner"

    model: Any = OnlyWrites()
    batch = AttributionBatch(pictures(), TEXTS, WORDS, [torch.zeros(2, 8), torch.zeros(2, 8)])
    with pytest.raises(InputError, match="only writes"):
        attribute(model, batch, AnalysisOptions(source="lm"))
