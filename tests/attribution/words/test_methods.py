"""Word maps by every method: batches, heads, layers, prompts, and models that stay as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fiftyone_capviz.attribution.words.gradcam import read_itm_gradients
from fiftyone_capviz.attribution.words.methods import (
    CLAMPS,
    all_method_maps,
    captioner_word_maps,
    matcher_word_maps,
    relevance_of,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from fiftyone_capviz.settings.words import WordMethod
from fiftyone_capviz.text.words import caption_words
from tests.worlds.blip_checkpoints import (
    GRID,
    HEADS,
    LAYERS,
    assert_untouched,
    random_features,
    small_matcher,
    snapshot,
)
from tests.worlds.captioned import TEXTS, WORDS


class TestMatcher:
    @pytest.mark.parametrize("method", ["gradcam", "cross_attention"])
    def test_batch_equals_single_images(self, matcher: BlipMatcher, method: str) -> None:
        features = random_features(matcher, 3)
        together, scores = matcher_word_maps(
            matcher, features, captions=TEXTS, words=WORDS, how=WordMethod(method=method)
        )
        for i in range(3):
            (alone,), (score,) = matcher_word_maps(
                matcher,
                features[i : i + 1],
                captions=TEXTS[i : i + 1],
                words=WORDS[i : i + 1],
                how=WordMethod(method=method),
            )
            assert alone.words == together[i].words == WORDS[i].words
            np.testing.assert_allclose(alone.maps, together[i].maps, atol=1e-6)
            assert abs(score.logit - scores[i].logit) < 1e-6
        plain = matcher.score(features, TEXTS)
        assert [s.probability for s in plain] == pytest.approx([s.probability for s in scores])
        assert max(np.abs(m.maps).max() for m in together) > 1e-3

    def test_clamps(self, matcher: BlipMatcher) -> None:
        reading = read_itm_gradients(
            matcher, random_features(matcher, 2), texts=TEXTS[:2], layers=[1]
        )
        assert reading.gradient is not None
        signed = reading.attention * reading.gradient
        assert (signed < 0).any()
        assert torch.equal(relevance_of(reading, clamp="none"), signed)
        expected = reading.attention * reading.gradient.clamp(0)
        assert torch.equal(relevance_of(reading, clamp="grad"), expected)
        assert torch.equal(relevance_of(reading, clamp="product"), signed.clamp(0))

    def test_heads_average_to_the_default(self, matcher: BlipMatcher) -> None:
        features = random_features(matcher, 3)
        mean, _ = matcher_word_maps(matcher, features, captions=TEXTS, words=WORDS)
        heads = [
            matcher_word_maps(
                matcher, features, captions=TEXTS, words=WORDS, how=WordMethod(head=h)
            )[0]
            for h in range(HEADS)
        ]
        for i in range(3):
            np.testing.assert_allclose(
                np.mean([h[i].maps for h in heads], axis=0), mean[i].maps, atol=1e-7
            )

    def test_first_token_is_a_choice(self, matcher: BlipMatcher) -> None:
        features = random_features(matcher, 1)
        tokens = [matcher.tokens(["a dog"], use_enc=use).ids[0, 0] for use in (True, False)]
        assert tokens[0] == matcher.model.config.text_config.vocab_size - 1
        assert tokens[1] == matcher.text.tokenizer.cls_token_id
        a, b = (matcher.score(features, ["a dog"], use_enc=use)[0] for use in (True, False))
        assert a.logit != b.logit
        _, (same,) = matcher_word_maps(
            matcher, features, captions=["a dog"], words=[WORDS[1]], how=WordMethod(use_enc=False)
        )
        assert same.logit == pytest.approx(b.logit)


class TestCaptioner:
    def test_a_single_layer_equals_all_at_once(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 3)
        layers = all_method_maps(captioner, features, captions=TEXTS, words=WORDS)["gradcam"]
        for layer in range(LAYERS):
            single = captioner_word_maps(
                captioner, features, captions=TEXTS, words=WORDS, how=WordMethod("lm", layer=layer)
            )
            for i in range(3):
                np.testing.assert_allclose(layers[i][layer, 0], single[i].maps, atol=1e-7)

    @pytest.mark.parametrize("method", ["gradcam", "cross_attention"])
    def test_batch_equals_single_images(self, captioner: BlipCaptioner, method: str) -> None:
        features = random_features(captioner, 3)
        together = captioner_word_maps(
            captioner, features, captions=TEXTS, words=WORDS, how=WordMethod("lm", method=method)
        )
        for i in range(3):
            (alone,) = captioner_word_maps(
                captioner,
                features[i : i + 1],
                captions=TEXTS[i : i + 1],
                words=WORDS[i : i + 1],
                how=WordMethod("lm", method=method),
            )
            np.testing.assert_allclose(alone.maps, together[i].maps, atol=1e-6)
        assert max(np.abs(m.maps).max() for m in together) > 1e-3

    def test_a_prompt_moves_the_words_not_their_maps(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        text = "a red car"
        (cut,) = captioner_word_maps(
            captioner, features, captions=[text], words=[caption_words(text)]
        )
        whole = f"a picture of {text}"
        words = caption_words(whole)
        (full,) = captioner_word_maps(
            captioner, features, captions=[whole], words=[words], prompts=[""]
        )
        chosen = [words.words.index(w) for w in cut.words]
        np.testing.assert_allclose(cut.maps, full.maps[chosen], atol=1e-9)


class TestBothSides:
    def test_all_layers_and_heads(self, matcher: BlipMatcher, captioner: BlipCaptioner) -> None:
        for model in (matcher, captioner):
            features = random_features(model, 3)
            for method in ("gradcam", "cross_attention"):
                per_head = all_method_maps(
                    model, features, captions=TEXTS, words=WORDS, methods=(method,), per_head=True
                )[method]
                mean = all_method_maps(
                    model, features, captions=TEXTS, words=WORDS, methods=(method,)
                )[method]
                for a, b, w in zip(per_head, mean, WORDS, strict=True):
                    assert a.shape == (LAYERS, HEADS, len(w.words), GRID, GRID)
                    np.testing.assert_allclose(a.mean(1, keepdims=True), b, atol=1e-6)

    def test_nothing_and_wordless_captions(
        self, matcher: BlipMatcher, captioner: BlipCaptioner
    ) -> None:
        assert matcher_word_maps(
            matcher, random_features(matcher, 1)[:0], captions=[], words=[]
        ) == ([], [])
        assert (
            captioner_word_maps(captioner, random_features(captioner, 1)[:0], captions=[], words=[])
            == []
        )
        for text in ("", "of the"):
            words = caption_words(text)
            (maps,), (match,) = matcher_word_maps(
                matcher, random_features(matcher, 1), captions=[text], words=[words]
            )
            assert maps.maps.shape == (0, GRID, GRID)
            assert 0 < match.probability < 1
            (maps,) = captioner_word_maps(
                captioner, random_features(captioner, 1), captions=[text], words=[words]
            )
            assert maps.maps.shape == (0, GRID, GRID)

    def test_bad_choices_are_named(self, matcher: BlipMatcher) -> None:
        features = random_features(matcher, 3)
        for wrong in (
            {"layer": LAYERS},
            {"head": HEADS},
            {"clamp": "relu"},
            {"method": "magic"},
            {"target": "probability"},
        ):
            with pytest.raises(InputError, match=str(next(iter(wrong)))):
                matcher_word_maps(
                    matcher, features, captions=TEXTS, words=WORDS, how=WordMethod(**wrong)
                )
        with pytest.raises(InputError, match="one entry per image"):
            matcher_word_maps(matcher, features[:2], captions=TEXTS, words=WORDS)
        assert CLAMPS[0] == "none"

    def test_models_are_left_as_they_were(
        self, matcher: BlipMatcher, captioner: BlipCaptioner
    ) -> None:
        models = [matcher.model, captioner.model]
        before = [snapshot(model) for model in models]
        f, g = random_features(matcher, 3), random_features(captioner, 3)
        all_method_maps(matcher, f, captions=TEXTS, words=WORDS)
        matcher_word_maps(
            matcher, f, captions=TEXTS, words=WORDS, how=WordMethod(method="cross_attention")
        )
        all_method_maps(captioner, g, captions=TEXTS, words=WORDS)
        captioner_word_maps(
            captioner,
            g,
            captions=TEXTS,
            words=WORDS,
            how=WordMethod("lm", method="cross_attention"),
        )
        for model, old in zip(models, before, strict=True):
            assert_untouched(model, old)


def test_precision_does_not_matter(tmp_path: Path) -> None:
    """float32 and float64 agree: the maps are no product of rounding."""
    precise = small_matcher(tmp_path / "m")
    coarse = small_matcher(tmp_path / "m", dtype="float32")
    a, _ = matcher_word_maps(precise, random_features(precise, 3), captions=TEXTS, words=WORDS)
    b, _ = matcher_word_maps(coarse, random_features(coarse, 3), captions=TEXTS, words=WORDS)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x.maps, y.maps, atol=1e-4 * np.abs(x.maps).max())
