"""The dual encoder equals transformers' own forward pass, and sees the centre of an image."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import BertTokenizer, CLIPImageProcessor, CLIPModel

from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.attribution.pairs.layer_pairs import side_layers
from fiftyone_capviz.errors import CheckpointError, InputError
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.architectures import save_random
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.world import sample_scene
from fiftyone_capviz.settings.pairs import PairMethod
from tests.worlds.dual_encoders import load_encoder, save_clip

METHODS: tuple[PairMethod, ...] = ("second_order", "icam", "itsm_hidden")
ON_CPU: Any = {"device": torch.device("cpu"), "dtype": torch.float32}
TEXTS = ["a man in a red shirt", "a gray wolf in the snow", "sunglasses"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random("clip", tmp_path_factory.mktemp("clip"), seed=3)


def test_similarities_are_those_of_the_stock_model(folder: Path) -> None:
    images = [Image.fromarray(render(sample_scene(seed)).image) for seed in range(3)]
    encoder = load_model("encoder", str(folder), device=torch.device("cpu"), dtype=torch.float32)
    ours = encoder.encode_images(images) @ encoder.encode_texts(TEXTS).T
    stock = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    pixels = CLIPImageProcessor.from_pretrained(folder)(images=images, return_tensors="pt")
    tokens = BertTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        out = stock(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            pixel_values=pixels["pixel_values"],
        )
    expected = out.logits_per_image / stock.logit_scale.exp()
    assert torch.allclose(ours, expected, atol=1e-5)


def test_a_wide_image_is_seen_through_its_centre(folder: Path) -> None:
    encoder = load_model("encoder", str(folder), device=torch.device("cpu"), dtype=torch.float32)
    transform = encoder.transform(400, 200)
    assert tuple(transform.crop) == (100, 0, 300, 200)
    assert encoder.grid == (12, 12)


def _named(folder: Path, target: Path, **layers: object) -> Path:
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    for name in ("capviz_attribution_layer", "capviz_text_attribution_layer"):
        config.pop(name, None)
    (target / "config.json").write_text(json.dumps(config | layers))
    return target


def test_a_checkpoint_names_the_layers_to_attribute_to(folder: Path, tmp_path: Path) -> None:
    plain = load_model("encoder", str(_named(folder, tmp_path / "plain")), **ON_CPU)
    assert (plain.default_layer, plain.default_text_layer) == (1, None)
    assert side_layers(plain, None, None) == (1, 1)
    named = _named(
        folder, tmp_path / "named", capviz_attribution_layer=1, capviz_text_attribution_layer=0
    )
    encoder = load_model("encoder", str(named), **ON_CPU)
    image = Image.fromarray(render(sample_scene(0)).image)
    found = {method: explain_pair(encoder, image, TEXTS[0], method=method) for method in METHODS}
    layers = {method: (each.layer, each.text_layer) for method, each in found.items()}
    # Methods that compare tokens need layers that belong together.
    assert layers == {"second_order": (1, 0), "icam": (1, 0), "itsm_hidden": (1, 1)}
    assert explain_pair(encoder, image, TEXTS[0], text_layer=1).text_layer == 1


@pytest.mark.parametrize("side", ["", "_text"])
@pytest.mark.parametrize("layer", [-1, 2, "0", True])
def test_layers_that_there_are_not(folder: Path, tmp_path: Path, side: str, layer: object) -> None:
    name = f"capviz{side}_attribution_layer"
    encoder = load_model("encoder", str(_named(folder, tmp_path / "x", **{name: layer})), **ON_CPU)
    with pytest.raises(CheckpointError, match=rf"{name} in config.json must be .* from 0 to 1"):
        side_layers(encoder, None, None)


@pytest.mark.parametrize("eos", [2, 3])
def test_the_pooled_token_is_the_one_of_transformers(tmp_path: Path, eos: int) -> None:
    """2 is the legacy of published checkpoints: the largest id is pooled, wherever it stands."""
    encoder = load_encoder(save_clip(tmp_path, eos_token_id=eos))
    tokens = encoder.tokens(TEXTS)
    places = encoder.pooled_positions(tokens)
    ends = (tokens.ids == 3).int().argmax(-1).tolist()
    assert places == (tokens.ids.argmax(-1).tolist() if eos == 2 else ends)
    stock = CLIPModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        pooled = stock.text_model(tokens.ids, attention_mask=tokens.mask).pooler_output
        expected = torch.nn.functional.normalize(stock.text_projection(pooled), dim=-1)
    assert torch.allclose(encoder.encode_texts(TEXTS), expected, atol=1e-6)


def test_a_text_without_its_end_token_is_refused(tmp_path: Path) -> None:
    encoder = load_encoder(save_clip(tmp_path, eos_token_id=60))
    with pytest.raises(InputError, match="end token 60"):
        encoder.encode_texts(["a man"])


def test_a_checkpoint_without_its_projection_is_refused(tmp_path: Path) -> None:
    save_clip(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"visual_projection\.weight"):
        load_encoder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["CLIPVisionModel"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="CLIPVisionModel checkpoint"):
        load_encoder(tmp_path)
