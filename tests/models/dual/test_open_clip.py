"""open_clip models by name and file; those that compute otherwise are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from fiftyone_capviz.errors import CheckpointError, UnknownModelError
from fiftyone_capviz.models.registry import load_model
from tests.worlds.dual_encoders import CPU
from tests.worlds.pictures import picture

VISION = {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 24, "heads": 3, "layers": 2}

IMAGES = [picture(0), picture(1, width=50, height=40)]


def test_an_open_clip_name_needs_its_weights(tmp_path: Path) -> None:
    for spec, message in (
        ("open_clip:ViT-B-32", "needs its weights"),
        (f"open_clip:ViT-B-32={tmp_path / 'none.safetensors'}", "No weights"),
    ):
        with pytest.raises(UnknownModelError, match=message):
            load_model("encoder", spec, device=CPU, dtype=torch.float32)


def test_an_open_clip_model_is_loaded_by_name_and_file(tmp_path: Path) -> None:
    open_clip = pytest.importorskip("open_clip", reason="open_clip is not installed")
    config = {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": 32,
            "layers": 2,
            "width": 32,
            "head_width": 8,
            "patch_size": 8,
            "ls_init_value": 0.3,
        },
        "text_cfg": {
            "context_length": 16,
            "vocab_size": 49408,
            "width": 24,
            "heads": 3,
            "layers": 2,
        },
    }
    (tmp_path / "tiny-for-tests.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "tiny-for-tests.json")
    torch.manual_seed(0)
    stock = open_clip.create_model("tiny-for-tests", pretrained=None, load_weights=False).eval()
    path = tmp_path / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in stock.state_dict().items()}, path)
    encoder = load_model(
        "encoder", f"open_clip:tiny-for-tests={path}", device=CPU, dtype=torch.float32
    )
    with torch.no_grad():
        expected = stock.encode_image(encoder.preprocess(IMAGES), normalize=True)
    assert torch.allclose(encoder.encode_images(IMAGES), expected, atol=1e-6)
    assert encoder.transform(50, 40).crop[2] < 50  # scaled and cropped
    closed = encoder.image_side(encoder.preprocess(IMAGES))[0].closed
    assert closed is not None  # layer scale is folded in
    with pytest.raises(CheckpointError, match="knows no model"):
        load_model("encoder", f"open_clip:ViT-Z={path}", device=CPU, dtype=torch.float32)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_model("encoder", f"open_clip:ViT-B-32={path}", device=CPU, dtype=torch.float32)


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
