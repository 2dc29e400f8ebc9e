"""Likelihoods and the keys of the cache against transformers' own decoder, word by word."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import BlipForConditionalGeneration

from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.blip.decoder import project_image
from fiftyone_capviz.models.decoding_plan import plan_decoding
from tests.worlds.blip_checkpoints import DEFAULT_PROMPT, GRID, random_features


def test_equals_the_slow_sum(
    captioner: BlipCaptioner, plain_captioner: BlipForConditionalGeneration
) -> None:
    features = random_features(captioner, 2)
    texts = ["a red car", "two dogs in snow"]
    got = captioner.log_likelihood(features, texts)
    for i, text in enumerate(texts):
        start = captioner.prompt_ids(DEFAULT_PROMPT)
        ids = [*start, *captioner.text.pieces(text), captioner.text.sep]
        total = 0.0
        for place in range(len(start), len(ids)):
            logits = plain_captioner.text_decoder(
                torch.tensor([ids[:place]]), encoder_hidden_states=features[i : i + 1]
            ).logits
            total += float(logits[0, -1].log_softmax(-1)[ids[place]])
        assert got[i] == pytest.approx(total / (len(ids) - len(start)), abs=1e-9)


def test_a_caption_carries_its_own(
    captioner: BlipCaptioner, plain_captioner: BlipForConditionalGeneration
) -> None:
    features = random_features(captioner, 3)
    captions = captioner.generate(features, [DEFAULT_PROMPT] * 3, max_new_tokens=8)
    start = captioner.prompt_ids(DEFAULT_PROMPT)
    written = captioner.decoder.decode(
        plan_decoding(features, None, grid=captioner.grid),
        [start] * 3,
        projected=captioner.decoder.project(features),
        num_beams=3,
        max_new_tokens=8,
        min_new_tokens=0,
    )
    for i, new in enumerate(written):
        scores = (
            plain_captioner.text_decoder(
                torch.tensor([start + new]), encoder_hidden_states=features[i : i + 1]
            )
            .logits[0]
            .log_softmax(-1)
        )
        expected = np.mean([float(scores[len(start) - 1 + n, t]) for n, t in enumerate(new)])
        assert captions[i].log_likelihood == pytest.approx(expected, abs=1e-9)


def test_beams_find_likelier_captions(captioner: BlipCaptioner) -> None:
    features = random_features(captioner, 6)
    means = [
        np.mean(
            [
                c.log_likelihood
                for c in captioner.generate(
                    features, [DEFAULT_PROMPT] * 6, num_beams=beams, max_new_tokens=6
                )
            ]
        )
        for beams in (1, 4)
    ]
    assert means[1] >= means[0]


def test_no_room_is_nan(captioner: BlipCaptioner) -> None:
    assert captioner.log_likelihood(random_features(captioner, 1)[:0], []).shape == (0,)
    (empty,) = captioner.log_likelihood(random_features(captioner, 1), [""])
    assert empty < 0  # the end alone


def test_projected_keys_are_those_of_the_layer(captioner: BlipCaptioner) -> None:
    features = random_features(captioner, 2)
    for attention, (keys, values) in zip(
        captioner.cross_attentions, project_image(captioner.cross_attentions, features), strict=True
    ):
        heads = attention.num_attention_heads
        assert keys.shape == (2, heads, 1 + GRID**2, attention.attention_head_size)
        flat = keys.transpose(1, 2).flatten(2)
        assert torch.equal(flat, attention.key(features))
        assert torch.equal(values.transpose(1, 2).flatten(2), attention.value(features))
