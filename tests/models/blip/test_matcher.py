"""BLIP as matcher against transformers' own code: oracles 9 and 15."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import BlipForImageTextRetrieval

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.blip.attention import attention_bias
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from tests.worlds.blip_checkpoints import GRID, odd_images, random_features


@pytest.mark.parametrize("use_enc", [True, False])
def test_equals_transformers_own_forward(
    matcher: BlipMatcher, plain_matcher: BlipForImageTextRetrieval, use_enc: bool
) -> None:
    pixels = matcher.preprocess(odd_images())
    texts = ["a dog", "a man wearing sunglasses near a red car", "", "snow"]
    inputs = matcher.text.tokenizer(texts, padding=True, return_tensors="pt")
    if use_enc:
        inputs["input_ids"][:, 0] = plain_matcher.config.text_config.vocab_size - 1
    logits = plain_matcher(
        inputs["input_ids"], pixels.double(), attention_mask=inputs["attention_mask"]
    ).itm_score
    scores = matcher.score(matcher.encode(pixels), texts, use_enc=use_enc)
    for score, row in zip(scores, logits, strict=True):
        assert score.logit == pytest.approx(float(row[1]), abs=1e-9)
        assert score.probability == pytest.approx(float(row.softmax(-1)[1]), abs=1e-9)


def test_batch_equals_single_pairs(matcher: BlipMatcher) -> None:
    features = random_features(matcher, 3)
    texts = ["a dog", "a man wearing sunglasses near a red car and a wolf", ""]
    together = matcher.score(features, texts)
    for i, text in enumerate(texts):
        (alone,) = matcher.score(features[i : i + 1], [text])
        assert alone.logit == pytest.approx(together[i].logit, abs=1e-9)


def test_similarity_is_the_contrastive_head(
    matcher: BlipMatcher, plain_matcher: BlipForImageTextRetrieval
) -> None:
    pixels = matcher.preprocess(odd_images())
    texts = ["a dog", "a red car"]
    inputs = matcher.text.tokenizer(texts, padding=True, return_tensors="pt")
    expected = plain_matcher(
        inputs["input_ids"],
        pixels.double(),
        use_itm_head=False,
        attention_mask=inputs["attention_mask"],
    ).itm_score
    got = matcher.similarity(matcher.encode(pixels), texts)
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-6)


def test_texts_longer_than_the_model_are_cut(matcher: BlipMatcher) -> None:
    text = "red " * 500
    tokens = matcher.tokens([text])
    assert tokens.ids.shape == (1, matcher.text.limit)
    (score,) = matcher.score(random_features(matcher, 1), [text])
    assert 0 <= score.probability <= 1
    with pytest.raises(InputError, match="one string per image"):
        matcher.score(random_features(matcher, 2), ["a"])


def test_canary_transformers_still_drops_the_encoder_attention_mask(matcher: BlipMatcher) -> None:
    """Oracle 15. When this fails transformers was mended: look at `attention_bias` again."""
    features = random_features(matcher, 1)
    tokens = matcher.tokens(["a dog"])
    mask = torch.ones(1, 1 + GRID**2)
    mask[0, 5:] = 0
    encode = matcher.model.text_encoder
    plain = encode(tokens.ids, encoder_hidden_states=features).last_hidden_state
    masked = encode(
        tokens.ids, encoder_hidden_states=features, encoder_attention_mask=mask
    ).last_hidden_state
    assert torch.equal(plain, masked)
    bias = torch.zeros(1, 1, 1, 1 + GRID**2, dtype=torch.float64)
    bias[..., 5:] = torch.finfo(torch.float64).min
    with attention_bias(matcher.cross_attentions, bias):
        biased = encode(tokens.ids, encoder_hidden_states=features).last_hidden_state
    kept = encode(tokens.ids, encoder_hidden_states=features[:, :5]).last_hidden_state
    assert (biased - kept).abs().max() < 1e-9 < 1e-3 < (biased - plain).abs().max()
