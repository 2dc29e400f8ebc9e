"""The dual encoder equals transformers' own forward pass, and sees the centre of an image."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import BertTokenizer, CLIPImageProcessor, CLIPModel

from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.architectures import save_random
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.world import sample_scene

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
    assert encoder.grid == 12
