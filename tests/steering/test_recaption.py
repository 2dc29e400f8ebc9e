"""Steering: oracle 7 of METHODS section 7, batches, and the search for a weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from fiftyone_capviz.models.decoding_plan import contrast_scores, plan_decoding
from fiftyone_capviz.records import FloatArray, Steering
from fiftyone_capviz.settings.steering import STEERING_METHODS
from fiftyone_capviz.steering.recaption import (
    caption_images,
    find_weight,
    recaption,
    says_word,
    steer_patches,
    word_probability,
)
from fiftyone_capviz.steering.weighting import (
    coverage_of_segments,
    weights_at,
)
from tests.worlds.blip_checkpoints import (
    GRID,
    assert_untouched,
    random_features,
    small_captioner,
    small_matcher,
    snapshot,
)

DEFAULT = "a picture of"


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> BlipCaptioner:
    return small_captioner(tmp_path_factory.mktemp("captioner"))


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> BlipMatcher:
    return small_matcher(tmp_path_factory.mktemp("matcher"))


def uniform(weight: float) -> FloatArray:
    return np.full((GRID, GRID), weight)


def left(weight: float) -> FloatArray:
    weights = uniform(1.0)
    weights[:, : GRID // 2] = weight
    return weights


def rows_of(captioner: BlipCaptioner, text: str = "a red car") -> list[int]:
    return [*captioner.prompt_ids(DEFAULT), *captioner.text.pieces(text)]


def plain_scores(
    captioner: BlipCaptioner, features: torch.Tensor, tokens: list[int]
) -> torch.Tensor:
    """Log-probabilities by transformers' decoder over some image tokens, repeated or left out."""
    logits = captioner.model.text_decoder(
        torch.tensor([rows_of(captioner)]), encoder_hidden_states=features[:, tokens]
    ).logits
    return logits.log_softmax(-1)


class TestLogits:
    """S1: log weights on the cross-attention logits."""

    def steered(
        self, captioner: BlipCaptioner, features: torch.Tensor, weights: FloatArray
    ) -> torch.Tensor:
        steering = Steering(weights=weights, method="logits")
        return captioner.teacher_log_probabilities(
            features, [rows_of(captioner)], steering=[steering]
        )

    def test_weight_one_changes_nothing(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        expected = plain_scores(captioner, features, list(range(1 + GRID**2)))
        assert (self.steered(captioner, features, uniform(1)) - expected).abs().max() < 1e-12
        captions = [
            captioner.generate(features, [DEFAULT], steering=[s], max_new_tokens=8)[0]
            for s in (None, Steering(weights=uniform(1), method="logits"))
        ]
        assert captions[0] == captions[1]

    def test_weight_zero_is_removal(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        kept = [0, *(1 + i for i in range(GRID**2) if i % GRID >= GRID // 2)]
        got = self.steered(captioner, features, left(0))
        expected = plain_scores(captioner, features, kept)
        assert (got - expected).abs().max() < 1e-9
        everything = plain_scores(captioner, features, list(range(1 + GRID**2)))
        assert (got - everything).abs().max() > 1e-3

    @pytest.mark.parametrize("copies", [2, 5])
    def test_a_whole_weight_is_that_many_copies(
        self, captioner: BlipCaptioner, copies: int
    ) -> None:
        features = random_features(captioner, 1)
        tokens = [0]
        for i in range(GRID**2):
            tokens += [1 + i] * (copies if i % GRID < GRID // 2 else 1)
        got = self.steered(captioner, features, left(copies))
        assert (got - plain_scores(captioner, features, tokens)).abs().max() < 1e-9

    def test_removal_in_half_precision_is_no_nan(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        half = small_captioner(tmp_path_factory.mktemp("half"), dtype="bfloat16")
        features = random_features(half, 1)
        for weights in (uniform(0), left(0), left(1e-9), left(1e9)):
            scores = self.steered(half, features, weights)
            assert torch.isfinite(scores).all()

    def test_attention_mass_reaches_its_target(self, captioner: BlipCaptioner) -> None:
        """One layer, one step: a log-weight multiplies the odds of attention to its patches."""
        features = random_features(captioner, 1)
        attention = captioner.cross_attentions[0]
        query = torch.randn(1, 1, 16, dtype=torch.float64)
        mask = torch.tensor(np.concatenate([[0], (left(2) > 1).ravel()]))
        _, before = attention(query, encoder_hidden_states=features)
        mass = (before * mask).sum(-1)
        odds = float(mass[0, 0, 0] / (1 - mass[0, 0, 0]))
        weight = 9 / odds
        bias = np.log(weight) * mask.double()
        _, after = attention(
            query, encoder_hidden_states=features, encoder_attention_mask=bias[None, None, None]
        )
        assert float((after * mask).sum(-1)[0, 0, 0]) == pytest.approx(0.9, abs=1e-12)


class TestScale:
    """S0: the seed paper's scaling of patch features."""

    def test_equals_scaled_features(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 2)
        kept = features.clone()
        scaled = features.clone()
        scaled[0, 1:] *= torch.tensor(left(3.0).ravel())[:, None]
        steerings = [Steering(weights=left(3.0)), None]
        got = captioner.generate(features, [DEFAULT] * 2, steering=steerings, max_new_tokens=8)
        expected = captioner.generate(scaled, [DEFAULT] * 2, max_new_tokens=8)
        assert [c.text for c in got] == [c.text for c in expected]
        assert torch.equal(features, kept)

    def test_likelihood_is_that_of_the_plain_captioner(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        steering = [Steering(weights=left(4.0))]
        (steered,) = captioner.generate(features, [DEFAULT], steering=steering, max_new_tokens=6)
        start = captioner.prompt_ids(DEFAULT)
        plan = plan_decoding(features, steering, grid=Grid(GRID, GRID))
        (new,) = captioner.decoder.decode(
            plan,
            [start],
            projected=captioner.decoder.project(plan.features),
            num_beams=3,
            max_new_tokens=6,
            min_new_tokens=0,
        )
        scores = captioner.teacher_log_probabilities(features, [start + new])[0]
        expected = np.mean([float(scores[len(start) - 1 + n, t]) for n, t in enumerate(new)])
        assert steered.log_likelihood == pytest.approx(expected, abs=1e-9)


class TestContrast:
    """S4: words that depend on the chosen patches are raised."""

    @pytest.mark.parametrize("num_beams", [1, 3])
    def test_alpha_zero_changes_nothing(self, captioner: BlipCaptioner, num_beams: int) -> None:
        features = random_features(captioner, 2)
        plain, contrast = (
            captioner.generate(
                features,
                [DEFAULT] * 2,
                num_beams=num_beams,
                max_new_tokens=8,
                min_new_tokens=2,
                steering=[Steering(weights=left(2), method="contrast", alpha=a)] * 2 if a else None,
            )
            for a in (0.0, 1e-12)
        )
        assert plain == contrast

    @pytest.mark.parametrize("num_beams", [1, 3])
    def test_equals_a_slow_greedy_mixture(self, captioner: BlipCaptioner, num_beams: int) -> None:
        features = random_features(captioner, 1)
        steering = Steering(weights=left(2), method="contrast", alpha=2.0)
        kept = [0, *(1 + i for i in range(GRID**2) if i % GRID >= GRID // 2)]
        ids = captioner.prompt_ids(DEFAULT)
        for _ in range(6):
            full, hidden = (
                captioner.model.text_decoder(torch.tensor([ids]), encoder_hidden_states=f)
                .logits[0, -1]
                .log_softmax(-1)
                for f in (features, features[:, kept])
            )
            ids = [*ids, int((3 * full - 2 * hidden).argmax())]
            if ids[-1] == captioner.text.sep:
                break
        (got,) = captioner.generate(
            features, [DEFAULT], steering=[steering], num_beams=1, max_new_tokens=6
        )
        assert got.full_text == captioner.text.read(ids)
        (beams,) = captioner.generate(
            features, [DEFAULT], steering=[steering], num_beams=num_beams, max_new_tokens=6
        )
        assert beams.full_text.startswith(DEFAULT)

    def test_forbidden_words_stay_forbidden(self) -> None:
        full = torch.tensor([[0.0, 1.0, -torch.inf]])
        hidden = torch.tensor([[1.0, 0.0, -torch.inf]])
        mixed = contrast_scores(full, hidden, alpha=1.0)
        assert mixed[0, 2] == -torch.inf
        assert not mixed.isnan().any()
        assert mixed.exp().sum() == pytest.approx(1.0)


class TestBatches:
    @pytest.mark.parametrize("num_beams", [1, 3])
    def test_mixed_steerings_equal_one_by_one(
        self, captioner: BlipCaptioner, num_beams: int
    ) -> None:
        features = random_features(captioner, 6)
        steerings = [
            None,
            Steering("the man is wearing", left(4.0), "logits"),
            Steering(weights=left(3.0)),
            Steering(weights=left(2.0), method="contrast", alpha=1.5),
            Steering("a dog"),
            Steering("sunglasses", left(0), "logits"),
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
            steering = Steering(weights=left(3.0), method=method, alpha=1.0)
            (greedy,) = captioner.generate(
                features, [DEFAULT], steering=[steering], num_beams=1, max_new_tokens=60
            )
            assert list(captioner.stream(features, DEFAULT, steering=steering))[-1] == greedy.text
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
                    steerings=[Steering(weights=left(3.0), method="logits")],
                )
        assert_untouched(captioner.model, before)

    def test_one_steering_for_all_images(self, captioner: BlipCaptioner) -> None:
        random = np.random.default_rng(0)
        pictures = [
            Image.fromarray(random.integers(0, 256, (40, 60, 3), np.uint8)) for _ in range(3)
        ]
        same = Steering("the man is", left(2.0), "logits")
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

    def test_coverage_of_segments(self) -> None:
        shares = np.zeros((2, GRID, GRID))
        shares[0, 0, 0], shares[0, 0, 1] = 1 / 16, 1 / 32
        shares[1, 3, 3] = 1 / 160  # thin: covers a tenth of its patch
        cover = coverage_of_segments(shares)
        assert (cover[0, 0], cover[0, 1], cover[3, 3], cover[2, 2]) == (1, 0.5, 1, 0)
        weights = weights_at(cover, 4.0)
        assert (weights[0, 0], weights[0, 1], weights[2, 2]) == (4, 2, 1)
        np.testing.assert_allclose(weights_at(cover, 1.0), 1)
        np.testing.assert_allclose(weights_at(cover, 0.0), 1 - cover)
        np.testing.assert_array_equal(
            coverage_of_segments(shares[0]), coverage_of_segments(shares[:1])
        )
        for wrong in (np.zeros((0, 4, 4)), np.zeros(4)):
            with pytest.raises(InputError, match="owned_shares"):
                coverage_of_segments(wrong)
        for weight in (-1.0, float("inf")):
            with pytest.raises(InputError, match="at least 0"):
                weights_at(cover, weight)
        assert (coverage_of_segments(np.zeros((1, 4, 4))) == 0).all()

    def test_the_dial_stands_at_one_where_nothing_changes(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        cover = left(2) - 1
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
        captions = captioner.generate(features, [DEFAULT, "the man"], max_new_tokens=5)
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
        captions = captioner.generate(features, [DEFAULT], max_new_tokens=3)
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
                steerings=[None, steer_patches(left(2) - 1, 8.0, method="logits")],
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
            coverage=left(2) - 1,
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
                steerings=[steer_patches(left(2) - 1, trial.weight, method="logits")],
                max_new_tokens=8,
            )
            assert alone.text == trial.caption.text
            assert 0 <= trial.probability <= 1
            assert trial.match is not None
        strict = find_weight(
            captioner, one, coverage=left(2) - 1, wanted_word=word, weights=(2.0, 4.0, 8.0),
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
            coverage=left(2) - 1,
            wanted_word="hat",
            prompt="the man with a hat",
            max_new_tokens=4,
        )
        assert search.weight == 1.0
        assert search.trials[0].caption == plain

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
