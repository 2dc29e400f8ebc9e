"""Steered captions: batches, settings, and the search for a weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from fiftyone_capviz.records import Steering
from fiftyone_capviz.settings.steering import STEERING_METHODS
from fiftyone_capviz.steering.recaption import (
    caption_images,
    find_weight,
    recaption,
    says_word,
    steer_patches,
    word_probability,
)
from tests.worlds.blip_checkpoints import (
    DEFAULT_PROMPT,
    GRID,
    assert_same_caption,
    assert_untouched,
    left_half,
    random_features,
    snapshot,
    uniform,
)


class TestBatches:
    @pytest.mark.parametrize("num_beams", [1, 3])
    def test_mixed_steerings_equal_one_by_one(
        self, captioner: BlipCaptioner, num_beams: int
    ) -> None:
        features = random_features(captioner, 6)
        steerings = [
            None,
            Steering("the man is wearing", left_half(4.0), "logits"),
            Steering(weights=left_half(3.0)),
            Steering(weights=left_half(2.0), method="contrast", alpha=1.5),
            Steering("a dog"),
            Steering("sunglasses", left_half(0), "logits"),
        ]
        together = recaption(
            captioner, features, steerings=steerings, num_beams=num_beams, max_new_tokens=7
        )
        for i, steering in enumerate(steerings):
            (alone,) = recaption(
                captioner,
                features[i : i + 1],
                steerings=[steering],
                num_beams=num_beams,
                max_new_tokens=7,
            )
            assert alone.full_text == together[i].full_text
            assert alone.log_likelihood == pytest.approx(together[i].log_likelihood, abs=1e-9)

    def test_streaming_takes_every_method(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        before = snapshot(captioner.model)
        for method in STEERING_METHODS:
            steering = Steering(weights=left_half(3.0), method=method, alpha=1.0)
            (greedy,) = captioner.generate(
                features, [DEFAULT_PROMPT], steering=[steering], num_beams=1, max_new_tokens=60
            )
            assert (
                list(captioner.stream(features, DEFAULT_PROMPT, steering=steering))[-1]
                == greedy.text
            )
        assert_untouched(captioner.model, before)

    def test_the_model_is_left_as_it_was_after_an_error(
        self, captioner: BlipCaptioner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = snapshot(captioner.model)

        def fail(*_: object, **__: object) -> None:
            raise MemoryError("no room")

        with monkeypatch.context() as patch:
            patch.setattr(type(captioner.model.text_decoder.cls), "forward", fail)
            with pytest.raises(MemoryError):
                recaption(
                    captioner,
                    random_features(captioner, 1),
                    steerings=[Steering(weights=left_half(3.0), method="logits")],
                )
        assert_untouched(captioner.model, before)

    def test_one_steering_for_all_images(self, captioner: BlipCaptioner) -> None:
        random = np.random.default_rng(0)
        pictures = [
            Image.fromarray(random.integers(0, 256, (40, 60, 3), np.uint8)) for _ in range(3)
        ]
        same = Steering("the man is", left_half(2.0), "logits")
        one = caption_images(captioner, pictures, steering=same, max_new_tokens=4)
        each = caption_images(captioner, pictures, steering=[same] * 3, max_new_tokens=4)
        assert one == each
        with pytest.raises(InputError, match="one entry per image"):
            caption_images(captioner, pictures, steering=[same])


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "rule"),
        [
            ({"method": "shout"}, "method"),
            ({"alpha": -1.0}, "alpha"),
            ({"alpha": float("nan")}, "alpha"),
            ({"weights": np.full((GRID, GRID), -1.0)}, "Patch weights"),
            ({"weights": np.full((GRID, GRID), np.nan)}, "Patch weights"),
            ({"weights": np.ones(GRID)}, "Patch weights"),
        ],
    )
    def test_bad_settings_are_named(self, settings: dict[str, Any], rule: str) -> None:
        with pytest.raises(InputError, match=rule):
            Steering(**settings)

    def test_weights_of_another_grid(self, captioner: BlipCaptioner) -> None:
        wrong = Steering(weights=np.ones((5, 5)))
        with pytest.raises(InputError, match=r"grid \(4, 4\); got \(5, 5\)"):
            recaption(captioner, random_features(captioner, 1), steerings=[wrong])
        with pytest.raises(InputError, match="one entry per image"):
            recaption(captioner, random_features(captioner, 1), steerings=[])

    def test_the_dial_stands_at_one_where_nothing_changes(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        cover = left_half(2) - 1
        plain, *dialled = (
            recaption(captioner, features, steerings=[s], max_new_tokens=7)[0]
            for s in (None, *(steer_patches(cover, 1.0, method=m) for m in STEERING_METHODS))
        )
        assert all(caption == plain for caption in dialled)
        with pytest.raises(InputError, match="contrast"):
            steer_patches(cover, 0.5, method="contrast")


class TestWordProbability:
    @pytest.mark.parametrize("word", ["hat", "sunglasses"])
    def test_equals_a_slow_search(self, captioner: BlipCaptioner, word: str) -> None:
        features = random_features(captioner, 2)
        captions = captioner.generate(features, [DEFAULT_PROMPT, "the man"], max_new_tokens=5)
        got = word_probability(captioner, features, captions=captions, word=word)
        pieces = captioner.text.pieces(word)
        for i, caption in enumerate(captions):
            ids = [captioner.text.bos, *captioner.text.pieces(caption.full_text)]
            start = len(captioner.prompt_ids(caption.prompt))
            best = (-1.0, 0.0)
            for place in range(start, len(ids) + 1):
                prefix, product, first = ids[:place], 1.0, 0.0
                for n, piece in enumerate(pieces):
                    logits = captioner.model.text_decoder(
                        torch.tensor([prefix]), encoder_hidden_states=features[i : i + 1]
                    ).logits
                    p = float(logits[0, -1].softmax(-1)[piece])
                    first = p if n == 0 else first
                    product *= p
                    prefix = [*prefix, piece]
                best = max(best, (first, product))
            assert got[i] == pytest.approx(best[1], rel=1e-9)

    def test_a_word_without_a_spelling_has_none(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        captions = captioner.generate(features, [DEFAULT_PROMPT], max_new_tokens=3)
        for word in ("zebra", "", "  "):
            assert word_probability(captioner, features, captions=captions, word=word) == [0.0]

    def test_says_word(self) -> None:
        assert says_word("two dogs in the snow", "dog")
        assert says_word("a dog", "dogs")
        assert says_word("a man with a red hat", "red hat")
        assert not says_word("a man with a red bag", "red hat")
        assert not says_word("a hotdog", "dog")
        assert not says_word("a dog", "")


class TestFindWeight:
    def test_the_smallest_accepted_weight(
        self, captioner: BlipCaptioner, matcher: BlipMatcher
    ) -> None:
        features = random_features(captioner, 8)
        found = None
        for i in range(8):
            one = features[i : i + 1]
            plain, strong = recaption(
                captioner,
                one.expand(2, -1, -1),
                steerings=[None, steer_patches(left_half(2) - 1, 8.0, method="logits")],
                max_new_tokens=8,
            )
            new = sorted(set(strong.text.split()) - set(plain.text.split()))
            new = [w for w in new if says_word(strong.text, w) and not says_word(plain.text, w)]
            if new:
                found = (one, new[0])
                break
        assert found is not None
        one, word = found
        search = find_weight(
            captioner,
            one,
            coverage=left_half(2) - 1,
            wanted_word=word,
            matcher=matcher,
            match_features=random_features(matcher, 1),
            weights=(8.0, 2.0, 4.0),
            max_match_loss=1.0,
            max_likelihood_loss=100.0,
            max_new_tokens=8,
        )
        assert [t.weight for t in search.trials] == [1, 2, 4, 8]
        assert not search.trials[0].says_word
        assert search.best is not None
        assert search.weight == search.trials[search.best].weight
        assert not any(t.accepted for t in search.trials[: search.best])
        for trial in search.trials:
            (alone,) = recaption(
                captioner,
                one,
                steerings=[steer_patches(left_half(2) - 1, trial.weight, method="logits")],
                max_new_tokens=8,
            )
            assert alone.text == trial.caption.text
            assert 0 <= trial.probability <= 1
            assert trial.match is not None
        strict = find_weight(
            captioner, one, coverage=left_half(2) - 1, wanted_word=word, weights=(2.0, 4.0, 8.0),
            max_likelihood_loss=-100.0, max_new_tokens=8,
        )  # fmt: skip
        assert strict.best is None
        assert strict.weight is None
        assert strict.trials[0].match is None

    def test_a_word_that_is_said_anyway_needs_no_weight(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        (plain,) = captioner.generate(features, ["the man with a hat"], max_new_tokens=4)
        search = find_weight(
            captioner,
            features,
            coverage=left_half(2) - 1,
            wanted_word="hat",
            prompt="the man with a hat",
            max_new_tokens=4,
        )
        assert search.weight == 1.0
        assert_same_caption(search.trials[0].caption, plain)  # in a batch of weights, and alone

    def test_bad_input_is_named(self, captioner: BlipCaptioner, matcher: BlipMatcher) -> None:
        features = random_features(captioner, 2)
        with pytest.raises(InputError, match="one image"):
            find_weight(captioner, features, coverage=uniform(1), wanted_word="hat")
        with pytest.raises(InputError, match="match_features"):
            find_weight(
                captioner, features[:1], coverage=uniform(1), wanted_word="hat", matcher=matcher
            )
        with pytest.raises(InputError, match="wanted_word"):
            find_weight(captioner, features[:1], coverage=uniform(1), wanted_word=" ")
