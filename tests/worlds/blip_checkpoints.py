"""Small random BLIP checkpoints, saved as hub folders are, for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
)

from fiftyone_capviz.models.blip.captioner import BlipCaptioner, load_captioner
from fiftyone_capviz.models.blip.matcher import BlipMatcher, load_matcher
from fiftyone_capviz.models.loading import find_checkpoint
from fiftyone_capviz.records import Caption, FloatArray
from fiftyone_capviz.scenes.architectures import save_tokenizer, vocabulary

LAYERS, HEADS, GRID = 3, 2, 4
CPU = torch.device("cpu")
DEFAULT_PROMPT = "a picture of"


def small_config(**text: Any) -> BlipConfig:
    """A BLIP of a few thousand weights whose attention is far from uniform."""
    words = vocabulary()
    settings = {
        "vocab_size": len(words),
        "hidden_size": 16,
        "encoder_hidden_size": 24,
        "intermediate_size": 32,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": 40,
        "initializer_range": 0.6,
        "bos_token_id": words.index("[DEC]"),
        "sep_token_id": words.index("[SEP]"),
        "pad_token_id": words.index("[PAD]"),
    }
    return BlipConfig(
        text_config=settings | text,
        vision_config={
            "hidden_size": 24,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 32 // GRID,
            "initializer_range": 0.5,
        },
        image_text_hidden_size=8,
        initializer_range=0.6,
    )


def save_small(kind: str, folder: Path, *, seed: int = 0, **text: Any) -> Path:
    """Save a small random "captioner" or "matcher", and return its folder."""
    torch.manual_seed(seed)
    classes = {"captioner": BlipForConditionalGeneration, "matcher": BlipForImageTextRetrieval}
    model = classes[kind](small_config(**text))
    save_tokenizer(folder)
    BlipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(str(folder))
    model.save_pretrained(str(folder))
    return folder


def small_captioner(folder: Path, *, seed: int = 0, dtype: str = "float64") -> BlipCaptioner:
    """A small random captioner, loaded as a user's would be."""
    checkpoint = find_checkpoint(str(save_small("captioner", folder, seed=seed)))
    return load_captioner(checkpoint, device=CPU, dtype=getattr(torch, dtype))


def small_matcher(folder: Path, *, seed: int = 0, dtype: str = "float64") -> BlipMatcher:
    """A small random matcher, loaded as a user's would be."""
    checkpoint = find_checkpoint(str(save_small("matcher", folder, seed=seed)))
    return load_matcher(checkpoint, device=CPU, dtype=getattr(torch, dtype))


def random_features(
    model: BlipCaptioner | BlipMatcher, count: int, *, seed: int = 1
) -> torch.Tensor:
    """Features of random images, in the model's precision."""
    generator = torch.Generator().manual_seed(seed)
    return model.encode(torch.randn(count, 3, 32, 32, generator=generator))


def snapshot(model: torch.nn.Module) -> tuple[list[str], dict[str, torch.Tensor], int]:
    """What must be the same after a model was used: modules, weights, number of hooks."""
    modules = [
        f"{name}:{type(module).__name__}:{id(module)}" for name, module in model.named_modules()
    ]
    hooks = sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in model.modules()
    )
    return modules, {k: v.clone() for k, v in model.state_dict().items()}, hooks


def assert_untouched(
    model: torch.nn.Module, before: tuple[list[str], dict[str, torch.Tensor], int]
) -> None:
    """The model is bit-identical, with the same modules and no new hook or gradient."""
    modules, weights, hooks = snapshot(model)
    assert modules == before[0]
    assert hooks == before[2]
    assert all(torch.equal(weights[name], old) for name, old in before[1].items())
    assert all(p.grad is None and not p.requires_grad for p in model.parameters())


def assert_same_caption(found: Caption, expected: Caption) -> None:
    """Word for word; the likelihood but for float64 sums that are taken in another order."""
    same = pytest.approx(expected.log_likelihood, abs=1e-9)
    assert found == replace(expected, log_likelihood=found.log_likelihood)
    assert found.log_likelihood == same


def odd_images(count: int = 4) -> list[Image.Image]:
    """Noise of unlike shapes, down to a single pixel."""
    random = np.random.default_rng(0)
    sizes = [(64, 48), (31, 90), (200, 20), (1, 1)][:count]
    return [Image.fromarray(random.integers(0, 256, (h, w, 3), np.uint8)) for w, h in sizes]


def uniform(weight: float) -> FloatArray:
    """One weight for every patch."""
    return np.full((GRID, GRID), weight)


def left_half(weight: float) -> FloatArray:
    """A weight for the patches of the left half, 1 for the others."""
    weights = uniform(1.0)
    weights[:, : GRID // 2] = weight
    return weights
