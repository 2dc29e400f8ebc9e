"""Gradients of attention: oracles 1 to 3 of METHODS section 7, and what a failure leaves behind."""

from __future__ import annotations

import pytest
import torch

from fiftyone_capviz.attribution.words.cross_attention import (
    read_captioner_attention,
    read_matcher_attention,
)
from fiftyone_capviz.attribution.words.gradcam import read_itm_gradients, read_lm_gradients
from fiftyone_capviz.attribution.words.methods import relevance_of
from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from fiftyone_capviz.models.patching import replaced
from tests.worlds.blip_checkpoints import LAYERS, assert_untouched, random_features, snapshot
from tests.worlds.captioned import TEXTS


def reference_itm(
    matcher: BlipMatcher, features: torch.Tensor, texts: list[str], *, margin: bool = False
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The slow way: transformers' own output_attentions, and a graph through the whole model."""
    tokens = matcher.tokens(texts)
    out = matcher.model.text_encoder(
        tokens.ids,
        attention_mask=tokens.mask,
        encoder_hidden_states=features.clone().requires_grad_(True),
        output_attentions=True,
    )
    logits = matcher.model.itm_head(out.last_hidden_state[:, 0])
    target = logits[:, 1].sum() - (logits[:, 0].sum() if margin else 0)
    return list(out.cross_attentions), list(torch.autograd.grad(target, out.cross_attentions))


class TestMatcher:
    @pytest.mark.parametrize("target", ["logit", "margin"])
    def test_tap_equals_the_gradient_through_output_attentions(
        self, matcher: BlipMatcher, target: str
    ) -> None:
        features = random_features(matcher, 3)
        attention, gradient = reference_itm(matcher, features, TEXTS, margin=target == "margin")
        mask = matcher.tokens(TEXTS).mask[:, None, :, None]
        for layer in range(LAYERS):
            got = read_itm_gradients(matcher, features, texts=TEXTS, layers=[layer], target=target)
            assert got.gradient is not None
            # Float64 through another graph: the same sums, perhaps in another order.
            assert (got.attention[0] - attention[layer][..., 1:]).abs().max() < 1e-12
            assert (got.gradient[0] - gradient[layer][..., 1:] * mask).abs().max() < 1e-12
        together = read_itm_gradients(
            matcher, features, texts=TEXTS, layers=range(LAYERS), target=target
        )
        assert together.gradient is not None
        for layer in range(LAYERS):
            error = together.gradient[layer] - gradient[layer][..., 1:] * mask
            assert error.abs().max() < 1e-12

    def test_gradient_equals_finite_differences_of_the_attention(
        self, matcher: BlipMatcher
    ) -> None:
        features, layer, step = random_features(matcher, 1), 1, 1e-5
        text = [TEXTS[0]]
        got = read_itm_gradients(matcher, features, texts=text, layers=[layer])
        assert got.gradient is not None
        tokens = matcher.tokens(text)

        class Nudge(torch.nn.Module):
            place: tuple[int, ...] = ()
            amount = 0.0

            def forward(self, attention: torch.Tensor) -> torch.Tensor:
                attention = attention.clone()
                attention[self.place] += self.amount
                return attention

        nudge = Nudge()
        with replaced([matcher.cross_attentions[layer]], "dropout", [nudge]), torch.no_grad():
            for head, token, patch in [(0, 0, 0), (1, 3, 7), (0, 5, 15), (1, 8, 2)]:
                nudge.place = (0, head, token, patch + 1)
                values = []
                for nudge.amount in (step, -step):
                    values.append(matcher.match_logits(features, tokens)[0, 1])
                numeric = (values[0] - values[1]) / (2 * step)
                assert abs(got.gradient[0, 0, head, token, patch] - numeric) < 1e-6

    def test_rows_of_padding_are_zero(self, matcher: BlipMatcher) -> None:
        got = read_itm_gradients(
            matcher, random_features(matcher, 3), texts=TEXTS, layers=range(LAYERS)
        )
        relevance = relevance_of(got).sum((0, 2))
        assert (got.mask == 0).any()
        assert (relevance[got.mask == 0] == 0).all()
        assert (relevance[got.mask == 1].abs().sum(-1) > 0).all()

    def test_last_layer_moves_only_the_first_row(self, matcher: BlipMatcher) -> None:
        got = read_itm_gradients(
            matcher, random_features(matcher, 1), texts=TEXTS[:1], layers=[LAYERS - 1]
        )
        assert got.gradient is not None
        assert (got.gradient[0, 0, :, 1:] == 0).all()
        assert (got.gradient[0, 0, :, 0] != 0).any()


class TestCaptioner:
    def test_one_backward_pass_equals_one_per_word(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 2)
        texts = [f"a picture of {text}" for text in (TEXTS[0], TEXTS[2])]
        got = read_lm_gradients(captioner, features, texts=texts, layers=range(LAYERS))
        assert got.gradient is not None
        tokens = captioner.text.batch(texts, first=captioner.text.bos)
        out = captioner.model.text_decoder(
            tokens.ids,
            attention_mask=tokens.mask,
            encoder_hidden_states=features.clone().requires_grad_(True),
            output_attentions=True,
            use_cache=False,
        )
        scores = out.logits.log_softmax(-1)
        for image in range(2):
            for token in range(1, int(tokens.mask[image].sum())):
                log_p = scores[image, token - 1, tokens.ids[image, token]]
                slow = torch.autograd.grad(log_p, out.cross_attentions, retain_graph=True)
                for layer in range(LAYERS):
                    expected = slow[layer][image, :, token - 1, 1:]
                    error = got.gradient[layer, image, :, token] - expected
                    assert error.abs().max() < 1e-6
                    same = out.cross_attentions[layer][image, :, token - 1, 1:]
                    assert (got.attention[layer, image, :, token] - same).abs().max() < 1e-12
        # The sum of all log-probabilities alone would be wrong in all layers but the last.
        total = sum(
            scores[i, t - 1, tokens.ids[i, t]]
            for i in range(2)
            for t in range(1, int(tokens.mask[i].sum()))
        )
        naive = torch.autograd.grad(total, out.cross_attentions)
        gaps = [
            float((naive[layer][0, :, 2, 1:] - got.gradient[layer, 0, :, 3]).abs().max())
            for layer in range(LAYERS)
        ]
        assert gaps[-1] < 1e-9 < 1e-4 < gaps[0]


class TestBothSides:
    def test_models_are_left_as_they_were_after_an_error(
        self, matcher: BlipMatcher, captioner: BlipCaptioner
    ) -> None:
        models = [matcher.model, captioner.model]
        before = [snapshot(model) for model in models]
        wrong = torch.zeros(3, 5, 7, dtype=torch.float64)  # another hidden size
        for read_matcher in (read_itm_gradients, read_matcher_attention):
            with pytest.raises(RuntimeError):
                read_matcher(matcher, wrong, texts=TEXTS, layers=[0, 1])
        for read_captioner in (read_lm_gradients, read_captioner_attention):
            with pytest.raises(RuntimeError):
                read_captioner(captioner, wrong, texts=TEXTS, layers=[0, 1])
        for model, old in zip(models, before, strict=True):
            assert_untouched(model, old)

    def test_backward_that_fails_leaves_no_tap(
        self, matcher: BlipMatcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = snapshot(matcher.model)

        def fail(*_: object) -> None:
            raise MemoryError("no room for the gradient")

        monkeypatch.setattr(torch.autograd, "grad", fail)
        with pytest.raises(MemoryError):
            read_itm_gradients(matcher, random_features(matcher, 3), texts=TEXTS, layers=[0])
        assert_untouched(matcher.model, before)
