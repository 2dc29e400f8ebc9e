"""Pixels, grid and image features against transformers' own code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import BlipForConditionalGeneration, BlipImageProcessor, BlipImageProcessorPil

from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from tests.worlds.blip_checkpoints import GRID, odd_images


def test_pixels_are_the_processors_own(captioner: BlipCaptioner, folders: dict[str, Path]) -> None:
    own = BlipImageProcessor.from_pretrained(str(folders["captioner"]))
    expected = own(images=odd_images(), return_tensors="pt")["pixel_values"]
    pixels = captioner.preprocess(odd_images())
    assert torch.equal(pixels, expected)
    assert (pixels.dtype, pixels.device.type) == (torch.float32, "cpu")
    slow = BlipImageProcessorPil.from_pretrained(str(folders["captioner"]))
    reference = slow(images=odd_images(), return_tensors="pt")["pixel_values"]
    assert (pixels - reference).abs().mean() < 0.02


def test_the_grid_shows_the_whole_image(captioner: BlipCaptioner) -> None:
    transform = captioner.transform(200, 20)
    assert captioner.grid == (GRID, GRID)
    assert tuple(transform.crop) == pytest.approx((0, 0, 200, 20))
    bright = np.zeros((20, 200, 3), np.uint8)
    bright[:10, :50] = 255
    pixels = captioner.preprocess([Image.fromarray(bright)])[0, 0]
    top_left = pixels[: 32 // 2, : 32 // 4].mean()
    assert top_left > pixels[32 // 2 :].mean() + 1
    assert top_left > pixels[:, 32 // 4 :].mean() + 1


def test_features_are_transformers_own(
    captioner: BlipCaptioner, plain_captioner: BlipForConditionalGeneration
) -> None:
    pixels = captioner.preprocess(odd_images())
    expected = plain_captioner.vision_model(pixels.double()).last_hidden_state
    features = captioner.encode(pixels)
    assert (features - expected).abs().max() < 1e-10
    assert not features.requires_grad
    single = torch.cat([captioner.encode(p[None]) for p in pixels])
    assert (features - single).abs().max() < 1e-10
