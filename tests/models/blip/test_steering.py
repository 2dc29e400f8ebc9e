"""Steering inside the decoder: oracle 7 of METHODS section 7, method by method."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.decoding_plan import contrast_scores, plan_decoding
from fiftyone_capviz.records import FloatArray, Steering
from tests.worlds.blip_checkpoints import (
    DEFAULT_PROMPT,
    GRID,
    assert_same_caption,
    left_half,
    random_features,
    small_captioner,
    uniform,
)


def rows_of(captioner: BlipCaptioner, text: str = "a red car") -> list[int]:
    return [*captioner.prompt_ids(DEFAULT_PROMPT), *captioner.text.pieces(text)]


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
            captioner.generate(features, [DEFAULT_PROMPT], steering=[s], max_new_tokens=8)[0]
            for s in (None, Steering(weights=uniform(1), method="logits"))
        ]
        assert_same_caption(*captions)  # one without a bias, one with a bias of 0

    def test_weight_zero_is_removal(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        kept = [0, *(1 + i for i in range(GRID**2) if i % GRID >= GRID // 2)]
        got = self.steered(captioner, features, left_half(0))
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
        got = self.steered(captioner, features, left_half(copies))
        assert (got - plain_scores(captioner, features, tokens)).abs().max() < 1e-9

    def test_removal_in_half_precision_is_no_nan(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        half = small_captioner(tmp_path_factory.mktemp("half"), dtype="bfloat16")
        features = random_features(half, 1)
        for weights in (uniform(0), left_half(0), left_half(1e-9), left_half(1e9)):
            scores = self.steered(half, features, weights)
            assert torch.isfinite(scores).all()

    def test_attention_mass_reaches_its_target(self, captioner: BlipCaptioner) -> None:
        """One layer, one step: a log-weight multiplies the odds of attention to its patches."""
        features = random_features(captioner, 1)
        attention = captioner.cross_attentions[0]
        query = torch.randn(1, 1, 16, dtype=torch.float64)
        mask = torch.tensor(np.concatenate([[0], (left_half(2) > 1).ravel()]))
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
        scaled[0, 1:] *= torch.tensor(left_half(3.0).ravel())[:, None]
        steerings = [Steering(weights=left_half(3.0)), None]
        got = captioner.generate(
            features, [DEFAULT_PROMPT] * 2, steering=steerings, max_new_tokens=8
        )
        expected = captioner.generate(scaled, [DEFAULT_PROMPT] * 2, max_new_tokens=8)
        assert [c.text for c in got] == [c.text for c in expected]
        assert torch.equal(features, kept)

    def test_likelihood_is_that_of_the_plain_captioner(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        steering = [Steering(weights=left_half(4.0))]
        (steered,) = captioner.generate(
            features, [DEFAULT_PROMPT], steering=steering, max_new_tokens=6
        )
        start = captioner.prompt_ids(DEFAULT_PROMPT)
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
                [DEFAULT_PROMPT] * 2,
                num_beams=num_beams,
                max_new_tokens=8,
                min_new_tokens=2,
                steering=[Steering(weights=left_half(2), method="contrast", alpha=a)] * 2
                if a
                else None,
            )
            for a in (0.0, 1e-12)
        )
        for one, other in zip(plain, contrast, strict=True):  # one row per image, and two
            assert_same_caption(one, other)

    @pytest.mark.parametrize("num_beams", [1, 3])
    def test_equals_a_slow_greedy_mixture(self, captioner: BlipCaptioner, num_beams: int) -> None:
        features = random_features(captioner, 1)
        steering = Steering(weights=left_half(2), method="contrast", alpha=2.0)
        kept = [0, *(1 + i for i in range(GRID**2) if i % GRID >= GRID // 2)]
        ids = captioner.prompt_ids(DEFAULT_PROMPT)
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
            features, [DEFAULT_PROMPT], steering=[steering], num_beams=1, max_new_tokens=6
        )
        assert got.full_text == captioner.text.read(ids)
        (beams,) = captioner.generate(
            features, [DEFAULT_PROMPT], steering=[steering], num_beams=num_beams, max_new_tokens=6
        )
        assert beams.full_text.startswith(DEFAULT_PROMPT)

    def test_forbidden_words_stay_forbidden(self) -> None:
        full = torch.tensor([[0.0, 1.0, -torch.inf]])
        hidden = torch.tensor([[1.0, 0.0, -torch.inf]])
        mixed = contrast_scores(full, hidden, alpha=1.0)
        assert mixed[0, 2] == -torch.inf
        assert not mixed.isnan().any()
        assert mixed.exp().sum() == pytest.approx(1.0)
