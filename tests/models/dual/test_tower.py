"""Every dual encoder equals the stock model, and says where its patches and tokens are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessor, CLIPModel, SiglipModel

from fiftyone_capviz.errors import CheckpointError, InputError, UnknownModelError
from fiftyone_capviz.models.blip.itc import ItcEncoder
from fiftyone_capviz.models.interfaces import DualEncoder
from fiftyone_capviz.models.registry import load_model
from tests.worlds.blip_checkpoints import small_captioner, small_matcher
from tests.worlds.dual_encoders import CPU, load_small, save_clip
from tests.worlds.pictures import picture

TEXTS = ["a man in a red shirt", "a gray wolf in the snow", "sunglasses"]
IMAGES = [picture(0), picture(1, width=50, height=40)]


def load(folder: Path) -> Any:
    return load_model("encoder", str(folder), device=CPU, dtype=torch.float32)


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


def test_siglip_is_the_stock_model(tmp_path: Path) -> None:
    encoder = load_small("siglip", tmp_path)
    stock = SiglipModel.from_pretrained(tmp_path).eval()
    tokens = encoder.tokens(TEXTS)
    with torch.no_grad():
        out = stock(input_ids=tokens.ids, pixel_values=encoder.preprocess(IMAGES))
    assert torch.allclose(encoder.encode_images(IMAGES), out.image_embeds, atol=1e-6)
    assert torch.allclose(encoder.encode_texts(TEXTS), out.text_embeds, atol=1e-6)
    assert encoder.transform(400, 200).crop == (0, 0, 400, 200)  # squashed
    assert encoder.image_layers == encoder.text_layers + 1  # the pooling head


def test_the_itc_head_gives_the_matchers_similarity(tmp_path: Path) -> None:
    matcher = small_matcher(tmp_path, dtype="float32")
    encoder = ItcEncoder(matcher)
    features = matcher.encode(matcher.preprocess(IMAGES))
    expected = matcher.similarity(features, TEXTS)
    found = encoder.encode_images(IMAGES) @ encoder.encode_texts(TEXTS).T
    assert np.allclose(found.numpy(), expected, atol=1e-6)


def test_a_captioner_has_no_contrastive_head(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no projection head"):
        ItcEncoder(small_captioner(tmp_path))  # type: ignore[arg-type]


@pytest.mark.parametrize("eos", [2, 3])
def test_the_pooled_token_is_the_one_of_transformers(tmp_path: Path, eos: int) -> None:
    """2 is the legacy of published checkpoints: the largest id is pooled, wherever it stands."""
    encoder = load(save_clip(tmp_path, eos_token_id=eos))
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
    encoder = load(save_clip(tmp_path, eos_token_id=60))
    with pytest.raises(InputError, match="end token 60"):
        encoder.encode_texts(["a man"])


@pytest.mark.parametrize(("width", "height"), [(101, 67), (40, 90), (64, 64)])
def test_the_transform_is_what_the_processor_does(tmp_path: Path, width: int, height: int) -> None:
    """A ramp of x (and of y) comes out of the processor as the crop says."""
    encoder = load(save_clip(tmp_path))
    left, top, right, bottom = encoder.transform(width, height).crop
    for axis, (start, stop) in enumerate(((left, right), (top, bottom))):
        centers = np.arange((width, height)[axis]) + 0.5
        shape = (1, width) if axis == 0 else (height, 1)
        ramp = np.broadcast_to(centers.reshape(shape), (height, width)).round().astype(np.uint8)
        image = Image.fromarray(np.repeat(ramp[..., None], 3, axis=2))
        processor = CLIPImageProcessor.from_pretrained(tmp_path)
        pixels = encoder.preprocess([image])[0, 0]
        values = (pixels * processor.image_std[0] + processor.image_mean[0]) * 255
        seen = values.mean(axis).numpy()
        expected = start + (np.arange(32) + 0.5) * (stop - start) / 32
        assert np.abs(seen - expected)[2:-2].max() < 1.2


def test_a_checkpoint_without_its_projection_is_refused(tmp_path: Path) -> None:
    save_clip(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"visual_projection\.weight"):
        load(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["CLIPVisionModel"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="CLIPVisionModel checkpoint"):
        load(tmp_path)


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
