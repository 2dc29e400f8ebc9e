"""Every dual encoder by its towers: what it embeds, and what it makes of nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BlipForImageTextRetrieval, CLIPModel, SiglipModel

from fiftyone_capviz.models.interfaces import DualEncoder
from tests.worlds.dual_encoders import load_small
from tests.worlds.pictures import picture

TEXTS = ["a man in a red shirt", "a gray wolf in the snow", "sunglasses"]
IMAGES = [picture(0), picture(1, width=50, height=40)]


@pytest.mark.parametrize("kind", ["clip", "siglip", "blip"])
def test_each_architecture_is_a_dual_encoder(tmp_path: Path, kind: str) -> None:
    encoder = load_small(kind, tmp_path)
    assert isinstance(encoder, DualEncoder)
    sides = encoder.image_side(encoder.preprocess(IMAGES))
    assert encoder.grid is not None
    assert len(sides[0].hidden) == encoder.grid.patches + sides[0].has_cls
    for side, unit in zip(sides, encoder.encode_images(IMAGES), strict=True):
        assert torch.allclose(side.embedding / side.norm, unit, atol=1e-5)
    for layer in range(encoder.text_layers):
        for side, unit in zip(
            encoder.text_side(encoder.tokens(TEXTS), layer=layer),
            encoder.encode_texts(TEXTS),
            strict=True,
        ):
            assert torch.allclose(side.tail(side.hidden[None])[0] / side.norm, unit, atol=1e-5)


@pytest.mark.parametrize("kind", ["clip", "siglip", "blip"])
@pytest.mark.parametrize("layer", [None, 0])
def test_a_reference_is_what_the_stock_model_makes_of_nothing(
    tmp_path: Path, kind: str, layer: int | None
) -> None:
    """Grey pixels, and fillers between the special tokens, through the stock model's own layers."""
    encoder = load_small(kind, tmp_path)
    text = "a man in a red shirt"
    image_side = encoder.image_side(encoder.preprocess([picture()]), layer=layer)[0]
    text_side = encoder.text_side(encoder.tokens([text]), layer=layer)[0]
    length = len(text_side.hidden)
    grey = torch.zeros(1, 3, 32, 32)
    cls, sep, pad = 2, 3, 0
    with torch.no_grad():
        if kind == "clip":
            stock: Any = CLIPModel.from_pretrained(tmp_path).eval()
            ids = torch.tensor([[cls, 0, sep, *[0] * 13]])
            said = stock.text_model(ids, output_hidden_states=True).hidden_states
            seen = stock.vision_model(grey, output_hidden_states=True).hidden_states
        elif kind == "siglip":
            stock = SiglipModel.from_pretrained(tmp_path).eval()
            ids = torch.tensor([[cls, sep, *[pad] * 14]])
            said = stock.text_model(ids, output_hidden_states=True).hidden_states
            seen = stock.vision_model(grey, output_hidden_states=True).hidden_states
        else:
            stock = BlipForImageTextRetrieval.from_pretrained(tmp_path).eval()
            ids = torch.tensor([[cls, *[pad] * (length - 2), sep]])
            said = stock.text_encoder(
                ids, attention_mask=torch.ones_like(ids), output_hidden_states=True
            ).hidden_states
            seen = stock.vision_model(grey, output_hidden_states=True).hidden_states
    blocks = encoder.image_layers - (kind == "siglip")
    image_layer = encoder.image_layers - 1 if layer is None else layer
    text_layer = encoder.text_layers - 1 if layer is None else layer
    assert len(seen) == blocks + 1
    assert torch.allclose(image_side.reference, seen[image_layer][0], atol=1e-5)
    assert torch.allclose(text_side.reference, said[text_layer][0, :length], atol=1e-5)
