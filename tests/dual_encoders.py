"""Small random dual encoders, saved as hub folders are, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.architectures import save_tokenizer, vocabulary
from tests.blip_checkpoints import save_small

CPU = torch.device("cpu")
SIZE, PATCH, GRID, LAYERS = 32, 8, 4, 3


def save_clip(folder: Path, *, seed: int = 0, **text: Any) -> Path:
    """A CLIP of a few thousand weights; `text` changes its text configuration."""
    words = vocabulary()
    same = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "projection_dim": 24,
    }
    settings = {
        "vocab_size": len(words),
        "max_position_embeddings": 16,
        "bos_token_id": words.index("[CLS]"),
        "eos_token_id": words.index("[SEP]"),
        "pad_token_id": words.index("[PAD]"),
    }
    config = CLIPConfig(
        text_config={**same, **settings, **text},
        vision_config={**same, "image_size": SIZE, "patch_size": PATCH},
        projection_dim=24,
    )
    torch.manual_seed(seed)
    model = CLIPModel(config).eval()
    _spread(model)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    crop = {"height": SIZE, "width": SIZE}
    CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size=crop).save_pretrained(folder)
    return folder


def save_siglip(folder: Path, *, seed: int = 0) -> Path:
    """A SigLIP of a few thousand weights."""
    same = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
    }
    ids = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    config = SiglipConfig(
        text_config={
            **same,
            **ids,
            "vocab_size": len(vocabulary()),
            "max_position_embeddings": 16,
            "projection_size": 32,
        },
        vision_config={**same, "image_size": SIZE, "patch_size": PATCH},
    )
    torch.manual_seed(seed)
    model = SiglipModel(config).eval()
    _spread(model)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    SiglipImageProcessor(size={"height": SIZE, "width": SIZE}).save_pretrained(folder)
    return folder


def _spread(model: torch.nn.Module) -> None:
    """Weights large enough that attention is far from uniform."""
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2:
            torch.nn.init.normal_(parameter, std=0.1)
        elif "bias" in name:
            torch.nn.init.normal_(parameter, std=0.05)


def load_small(kind: str, folder: Path, *, dtype: torch.dtype = torch.float32) -> Any:
    """Save and load a small encoder: "clip", "siglip" or "blip"."""
    if kind == "blip":
        save_small("matcher", folder)
    else:
        {"clip": save_clip, "siglip": save_siglip}[kind](folder)
    return load_model("encoder", str(folder), device=CPU, dtype=dtype)
