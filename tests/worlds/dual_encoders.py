"""Small random dual encoders, saved as hub folders are, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import (
    BlipForImageTextRetrieval,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

from fiftyone_capviz.models.dual.sides import Side
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.architectures import save_tokenizer, vocabulary
from tests.worlds.blip_checkpoints import save_small
from tests.worlds.pictures import picture

CPU = torch.device("cpu")
SIZE, PATCH, GRID, LAYERS = 32, 8, 4, 3
KINDS = ("clip", "siglip", "blip")


def save_clip(folder: Path, *, seed: int = 0, blocks: int = LAYERS, **text: Any) -> Path:
    """A CLIP of a few thousand weights.

    Args:
        folder: where to.
        seed: of the weights.
        blocks: of the vision transformer.
        text: changes of the text configuration.
    """
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
        vision_config={
            **same,
            "image_size": SIZE,
            "patch_size": PATCH,
            "num_hidden_layers": blocks,
        },
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


def save_siglip(folder: Path, *, seed: int = 0, blocks: int = LAYERS) -> Path:
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
        vision_config={
            **same,
            "image_size": SIZE,
            "patch_size": PATCH,
            "num_hidden_layers": blocks,
        },
    )
    torch.manual_seed(seed)
    model = SiglipModel(config).eval()
    _spread(model)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    SiglipImageProcessor(size={"height": SIZE, "width": SIZE}).save_pretrained(folder)
    return folder


def save_matcher(folder: Path) -> Path:
    """A BLIP matcher of a few thousand weights, as smooth a function as the other two."""
    save_small("matcher", folder)
    model = BlipForImageTextRetrieval.from_pretrained(folder).eval()
    torch.manual_seed(0)
    _spread(model, std=0.2)
    model.save_pretrained(folder)
    return folder


def save_unigram(folder: Path, **told: Any) -> list[str]:
    """SigLIP's kind of tokenizer as the hub stores it: Unigram, declared as the slow class.

    Args:
        folder: of a checkpoint whose tokenizer it replaces.
        told: changes of ``tokenizer_config.json``.

    Returns:
        The vocabulary.
    """
    for name in ("tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    words = ["a", "man", "in", "red", "hat", "dog", "its", "wellknown", "shirt", "with"]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -6.0)]
    pieces += [(f"\u2581{word}", -3.0) for word in words]
    pieces += [(letter, -8.0) for letter in "abcdefghijklmnopqrstuvwxyz.,'!-é"]
    made = Tokenizer(models.Unigram(pieces, unk_id=2))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    made.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "SiglipTokenizer",
        "do_lower_case": True,
        "eos_token": "</s>",
        "pad_token": "</s>",
        "unk_token": "<unk>",
        "model_max_length": 64,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config | told))
    (folder / "spiece.model").write_bytes(b"what the slow tokenizer reads")
    return [piece for piece, _ in pieces]


def _spread(model: torch.nn.Module, *, std: float = 0.1) -> None:
    """Weights large enough that attention is far from uniform."""
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2:
            torch.nn.init.normal_(parameter, std=std)
        elif "bias" in name:
            torch.nn.init.normal_(parameter, std=0.05)


def load_small(kind: str, folder: Path, *, dtype: torch.dtype = torch.float32) -> Any:
    """Save and load a small encoder: "clip", "siglip" or "blip"."""
    {"clip": save_clip, "siglip": save_siglip, "blip": save_matcher}[kind](folder)
    return load_model("encoder", str(folder), device=CPU, dtype=dtype)


def load_encoder(folder: Path) -> Any:
    """A saved encoder, loaded as a user's would be."""
    return load_model("encoder", str(folder), device=CPU, dtype=torch.float32)


def sides_of(encoder: Any, layer: int | None = None) -> tuple[Side, Side]:
    """Text and image side of one pair."""
    text = encoder.text_side(encoder.tokens(["a man in a red shirt with a dog"]), layer=layer)[0]
    return text, encoder.image_side(encoder.preprocess([picture()]), layer=layer)[0]
