"""Attribution and steering of models that are built in another way than BLIP.

The reference is a second implementation, without batches, padding and heads that are stacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
import torch

from fiftyone_capviz.attribution.words.cross_attention import (
    read_captioner_attention,
    read_matcher_attention,
)
from fiftyone_capviz.attribution.words.gradcam import read_itm_gradients, read_lm_gradients
from fiftyone_capviz.attribution.words.methods import (
    all_method_maps,
    captioner_word_maps,
    matcher_word_maps,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.models.interfaces import (
    AttentionAccess,
    Captioner,
    Matcher,
    caption_attention,
    match_attention,
)
from fiftyone_capviz.records import Steering
from fiftyone_capviz.settings.words import WordMethod
from fiftyone_capviz.steering.recaption import recaption
from tests.worlds.second_models import (
    GRIDS,
    HEADS,
    HIDDEN,
    LAYERS,
    TEXTS,
    WORDS,
    SecondCaptioner,
    SecondMatcher,
    SecondModel,
    Text,
    seen,
)


@pytest.fixture
def captioner() -> SecondCaptioner:
    return SecondCaptioner()


@pytest.fixture
def matcher() -> SecondMatcher:
    return SecondMatcher()


def reference(
    text: Text, features: torch.Tensor, ids: Sequence[int]
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Attention "heads tokens image-tokens" of each layer and the outputs, for one image."""
    hidden = torch.stack([text.words.weight[i] + text.places.weight[n] for n, i in enumerate(ids)])
    hidden = hidden.clone().requires_grad_(True)
    size = HIDDEN // HEADS
    attentions = []
    listen: Any
    look: Any
    for listen, look in zip(text.listens, text.looks, strict=True):
        heard = []
        for n in range(len(ids)):
            to = range(n + 1 if text.causal else len(ids))
            scores = torch.stack([listen.ask(hidden[n]) @ listen.offer(hidden[m]) for m in to])
            shares = scores.softmax(0)
            heard.append(sum(s * listen.give(hidden[m]) for s, m in zip(shares, to, strict=True)))
        hidden = hidden + torch.tanh(torch.stack(heard))
        by_head = [slice(h * size, (h + 1) * size) for h in range(HEADS)]
        attention = torch.stack(
            [(look.ask(hidden)[:, p] @ look.offer(features)[:, p].T).softmax(-1) for p in by_head]
        )
        attentions.append(attention)
        mixed = [a @ look.give(features)[:, p] for a, p in zip(attention, by_head, strict=True)]
        hidden = hidden + torch.tanh(torch.cat(mixed, dim=-1))
    return attentions, text.out(hidden)


def own_features(model: SecondModel, image: int) -> torch.Tensor:
    """Without padding, of one image."""
    return seen(model)[image, : 1 + GRIDS[image].patches]


def test_nothing_in_them_is_called_as_in_blip(
    captioner: SecondCaptioner, matcher: SecondMatcher
) -> None:
    assert isinstance(captioner, Captioner)
    assert isinstance(matcher, Matcher)
    for model in (captioner, matcher):
        names = {name.split(".")[-1] for name, _ in model.model.named_modules()}
        assert not names & {"dropout", "self", "crossattention", "attention"}
        assert not hasattr(model, "cross_attentions")


@pytest.mark.parametrize("image", [0, 1])
def test_itm_attention_and_gradient(matcher: SecondMatcher, image: int) -> None:
    tokens = matcher.tokens(TEXTS)
    ids = tokens.ids[image][tokens.mask[image].bool()].tolist()
    attentions, outputs = reference(matcher.model, own_features(matcher, image), ids)
    slow = torch.autograd.grad(outputs[0, 1], attentions)
    together = read_itm_gradients(matcher, seen(matcher), texts=TEXTS, layers=range(LAYERS))
    plain = read_matcher_attention(matcher, seen(matcher), texts=TEXTS, layers=range(LAYERS))
    for layer in range(LAYERS):
        alone = read_itm_gradients(matcher, seen(matcher), texts=TEXTS, layers=[layer])
        for reading, at in ((together, layer), (alone, 0), (plain, layer)):
            part = (at, image, slice(None), slice(len(ids)), slice(GRIDS[image].patches))
            assert torch.allclose(reading.attention[part], attentions[layer][..., 1:], atol=1e-12)
            if reading.gradient is not None:
                assert torch.allclose(reading.gradient[part], slow[layer][..., 1:], atol=1e-12)


@pytest.mark.parametrize("image", [0, 1])
def test_lm_gradient_of_each_token_is_that_of_its_own_pass(
    captioner: SecondCaptioner, image: int
) -> None:
    tokens = captioner.tokens(TEXTS)
    ids = tokens.ids[image][tokens.mask[image].bool()].tolist()
    attentions, outputs = reference(captioner.model, own_features(captioner, image), ids)
    scores = outputs.log_softmax(-1)
    reading = read_lm_gradients(captioner, seen(captioner), texts=TEXTS, layers=range(LAYERS))
    plain = read_captioner_attention(captioner, seen(captioner), texts=TEXTS, layers=range(LAYERS))
    assert reading.gradient is not None
    patches = slice(GRIDS[image].patches)
    for token in range(1, len(ids)):
        slow = torch.autograd.grad(scores[token - 1, ids[token]], attentions, retain_graph=True)
        for layer in range(LAYERS):
            own = slow[layer][:, token - 1, 1:]
            assert torch.allclose(reading.gradient[layer, image, :, token, patches], own)
            where = attentions[layer][:, token - 1, 1:]
            assert torch.allclose(reading.attention[layer, image, :, token, patches], where)
            assert torch.allclose(plain.attention[layer, image, :, token, patches], where)


@pytest.mark.parametrize("method", ["gradcam", "cross_attention"])
def test_maps_have_the_grid_of_their_image(
    captioner: SecondCaptioner, matcher: SecondMatcher, method: str
) -> None:
    maps, scores = matcher_word_maps(
        matcher,
        seen(matcher),
        captions=TEXTS,
        words=WORDS,
        grids=GRIDS,
        how=WordMethod(method=method),
    )
    written = captioner_word_maps(
        captioner,
        seen(captioner),
        captions=TEXTS,
        words=WORDS,
        grids=GRIDS,
        how=WordMethod("lm", method=method),
    )
    every = all_method_maps(
        captioner, seen(captioner), captions=TEXTS, words=WORDS, grids=GRIDS, methods=(method,)
    )[method]
    plain = matcher.score(seen(matcher), TEXTS)
    for i, grid in enumerate(GRIDS):
        count = len(WORDS[i].words)
        assert maps[i].maps.shape == written[i].maps.shape == (count, *grid)
        assert every[i].shape == (LAYERS, 1, count, *grid)
        assert np.allclose(every[i][1, 0], written[i].maps)
        assert scores[i].logit == pytest.approx(plain[i].logit)
        features = own_features(matcher, i)[None]
        alone, _ = matcher_word_maps(
            matcher,
            features,
            captions=[TEXTS[i]],
            words=[WORDS[i]],
            grids=[grid],
            how=WordMethod(method=method),
        )
        assert np.allclose(alone[0].maps, maps[i].maps, atol=1e-7)


def test_grids_that_are_missing_or_too_large_are_refused(matcher: SecondMatcher) -> None:
    for grids, message in (
        (None, "give grids"),
        ([Grid(3, 5)], "one .* per image"),
        ([Grid(3, 5), Grid(9, 9)], "at most 15"),
    ):
        with pytest.raises(InputError, match=message):
            matcher_word_maps(matcher, seen(matcher), captions=TEXTS, words=WORDS, grids=grids)


class TestSteering:
    ROWS = ((1, 5, 6, 7), (1, 7))

    def scores(
        self, captioner: SecondCaptioner, features: torch.Tensor, steering: list[Steering | None]
    ) -> torch.Tensor:
        return captioner.teacher_log_probabilities(features, self.ROWS, steering=steering)

    def test_a_weight_on_logits_counts_as_so_many_copies_of_the_patch(
        self, captioner: SecondCaptioner
    ) -> None:
        weights = np.ones(GRIDS[0])
        weights[2, 1], weights[0, 3] = 5, 0
        place, gone = 1 + 2 * 5 + 1, 1 + 3
        steered = self.scores(
            captioner, seen(captioner), [Steering(weights=weights, method="logits"), None]
        )
        features = seen(captioner)
        copies = torch.zeros(2, 4, HIDDEN, dtype=torch.float64)
        copies[0] = features[0, place]
        features[0, gone] = 0
        same = self.scores(captioner, torch.cat([features, copies], 1), [None, None])
        assert torch.allclose(steered, same, atol=1e-12)
        assert not torch.allclose(steered, self.scores(captioner, seen(captioner), [None, None]))

    def test_a_scale_multiplies_the_patch(self, captioner: SecondCaptioner) -> None:
        weights = np.ones(GRIDS[1])
        weights[3, 1] = 4
        steered = self.scores(captioner, seen(captioner), [None, Steering(weights=weights)])
        features = seen(captioner)
        features[1, 1 + 3 * 2 + 1] *= 4
        assert torch.allclose(steered, self.scores(captioner, features, [None, None]))

    def test_contrast_mixes_with_the_patch_hidden(self, captioner: SecondCaptioner) -> None:
        weights = np.ones(GRIDS[0])
        weights[1, 2] = np.e
        steered = self.scores(
            captioner, seen(captioner), [Steering(weights=weights, method="contrast"), None]
        )
        features = seen(captioner)
        features[0, 1 + 1 * 5 + 2] = 0
        plain = self.scores(captioner, seen(captioner), [None, None])
        hidden = self.scores(captioner, features, [None, None])
        assert torch.allclose(steered[0], (2 * plain - hidden)[0].log_softmax(-1), atol=1e-12)
        assert torch.allclose(steered[1], plain[1])

    def test_captions_are_written_anew(self, captioner: SecondCaptioner) -> None:
        weights = np.ones(GRIDS[0])
        weights[0] = 50
        plain = recaption(captioner, seen(captioner), steerings=[None, None], prompt="a")
        steered = recaption(
            captioner,
            seen(captioner),
            steerings=[Steering("two", weights, "logits"), Steering("red")],
        )
        assert [c.text.split()[0] for c in plain] == ["a", "a"]
        assert [c.text.split()[0] for c in steered] == ["two", "red"]

    def test_weights_of_more_patches_than_the_image_has_are_refused(
        self, captioner: SecondCaptioner
    ) -> None:
        with pytest.raises(InputError, match="grid"):
            self.scores(captioner, seen(captioner), [Steering(weights=np.ones((9, 9))), None])


def managers(model: SecondModel) -> list[AbstractContextManager[None]]:
    found: list[AbstractContextManager[None]]
    found = [model.tapped({0: lambda p: p * 0}), model.weighted(torch.ones(1, 1, 1, 16))]
    return [*found, model.own_rows()] if isinstance(model, SecondCaptioner) else found


def test_the_models_are_as_before_even_after_an_exception(captioner: SecondCaptioner) -> None:
    before = captioner.token_logits(seen(captioner), captioner.tokens(TEXTS))
    for manager in managers(captioner):
        with pytest.raises(ZeroDivisionError), manager:
            raise ZeroDivisionError
    wrong = seen(captioner)[:, :, :3]
    with pytest.raises(RuntimeError):
        read_lm_gradients(captioner, wrong, texts=TEXTS, layers=[0, 1])
    after = captioner.token_logits(seen(captioner), captioner.tokens(TEXTS))
    assert torch.equal(before, after)


def test_a_model_that_hides_its_attention_is_refused_by_name() -> None:
    class OnlyWrites:
        spec = "some/captioner"

    with pytest.raises(InputError, match=r"some/captioner.*only writes"):
        caption_attention(OnlyWrites())
    with pytest.raises(InputError, match=r"some/captioner.*only scores"):
        match_attention(OnlyWrites())


def test_both_kinds_satisfy_the_protocol_of_access(
    captioner: SecondCaptioner, matcher: SecondMatcher
) -> None:
    access: list[AttentionAccess] = [caption_attention(captioner), match_attention(matcher)]
    assert [model.layer_count for model in access] == [LAYERS, LAYERS]
