"""Attention as it is read: the row that predicts a token."""

from __future__ import annotations

from fiftyone_capviz.attribution.words.cross_attention import read_captioner_attention
from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from tests.worlds.blip_checkpoints import LAYERS, random_features


def test_attention_belongs_to_the_row_that_predicts(captioner: BlipCaptioner) -> None:
    features = random_features(captioner, 1)
    reading = read_captioner_attention(captioner, features, texts=["a dog"], layers=range(LAYERS))
    ids = captioner.text.batch(["a dog"], first=captioner.text.bos).ids
    out = captioner.model.text_decoder(
        ids, encoder_hidden_states=features, output_attentions=True, use_cache=False
    )
    for layer in range(LAYERS):
        expected = out.cross_attentions[layer][..., 1:]
        error = reading.attention[layer][:, :, 1:] - expected[:, :, :-1]
        assert error.abs().max() < 1e-12  # float64, by transformers' own path
    assert (reading.attention[:, :, :, 0] == 0).all()
