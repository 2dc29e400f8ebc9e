"""Dual encoders that would be silently wrong are refused; references; what is shared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BlipForImageTextRetrieval, CLIPModel, SiglipModel

from fiftyone_capviz.errors import CheckpointError
from fiftyone_capviz.models.cache import ModelCache
from fiftyone_capviz.models.registry import load_model
from tests.worlds.blip_checkpoints import save_small
from tests.worlds.dual_encoders import CPU, load_small, save_clip, save_siglip
from tests.worlds.pictures import picture

VISION = {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 24, "heads": 3, "layers": 2}


def load(folder: Path) -> Any:
    return load_model("encoder", str(folder), device=CPU, dtype=torch.float32)


def open_clip_encoder(model: Any) -> Any:
    import open_clip

    from fiftyone_capviz.models.dual.open_clip import OpenClipEncoder

    return OpenClipEncoder(
        model.eval(),
        tokenizer=open_clip.SimpleTokenizer(context_length=16),
        spec="open_clip:tiny=weights",
        revision="",
        device=CPU,
        dtype=torch.float32,
    )


def test_coca_is_refused() -> None:
    """Its text side appends a token of its own and pools that."""
    coca = pytest.importorskip("open_clip.coca_model", reason="open_clip is not installed")
    decoder = {"context_length": 16, "vocab_size": 49408, "width": 24, "heads": 3, "layers": 1}
    model = coca.CoCa(
        embed_dim=24,
        vision_cfg={**VISION, "output_tokens": True},
        text_cfg={**TEXT, "embed_cls": True, "output_tokens": True, "context_length": 15},
        multimodal_cfg=decoder,
    )
    with pytest.raises(CheckpointError, match="appends a token of its own"):
        open_clip_encoder(model)


@pytest.mark.parametrize("side", ["image", "text"])
def test_a_model_of_the_same_parts_that_computes_otherwise_is_refused(
    side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = pytest.importorskip("open_clip.model", reason="open_clip is not installed")
    torch.manual_seed(0)
    model = clip.CLIP(embed_dim=24, vision_cfg=VISION, text_cfg=TEXT)
    open_clip_encoder(model)
    method = f"encode_{side}"
    stock = getattr(clip.CLIP, method)

    def otherwise(self: Any, given: torch.Tensor, normalize: bool = False) -> torch.Tensor:
        return stock(self, given.flip(-1), normalize=normalize)

    monkeypatch.setattr(clip.CLIP, method, otherwise)
    with pytest.raises(CheckpointError, match=f"turns {side}s into vectors in a way"):
        open_clip_encoder(model)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("clip", {"crop_size": {"height": 24, "width": 24}}),  # not what the model reads
        ("clip", {"size": {"shortest_edge": 16}}),  # then padded to 32
        ("clip", {"do_center_crop": False}),
        ("siglip", {"size": {"height": 32, "width": 48}}),
        ("siglip", {"size": {"height": 48, "width": 48}}),
        ("siglip", {"do_resize": False}),
    ],
)
def test_a_processor_that_makes_no_squares_is_refused(
    tmp_path: Path, kind: str, told: dict[str, Any]
) -> None:
    {"clip": save_clip, "siglip": save_siglip}[kind](tmp_path)
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))
    with pytest.raises(CheckpointError, match="image processor"):
        load(tmp_path)


def test_a_matcher_and_its_contrastive_head_share_their_weights(tmp_path: Path) -> None:
    folder = str(save_small("matcher", tmp_path))
    cache = ModelCache()
    encoder = cache.get("encoder", folder, device="cpu")
    once = cache.total_bytes
    matcher = cache.get("matcher", folder, device="cpu")
    assert encoder.model is matcher.model
    assert cache.total_bytes == once > 0
    double = cache.get("encoder", folder, device="cpu", dtype="float64")
    assert double.model is not encoder.model


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
