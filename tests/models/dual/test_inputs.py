"""What a processor does to an image, and processors that would be silently wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers import CLIPImageProcessor

from fiftyone_capviz.errors import CheckpointError
from tests.worlds.dual_encoders import load_encoder, save_clip, save_siglip


@pytest.mark.parametrize(("width", "height"), [(101, 67), (40, 90), (64, 64)])
def test_the_transform_is_what_the_processor_does(tmp_path: Path, width: int, height: int) -> None:
    """A ramp of x (and of y) comes out of the processor as the crop says."""
    encoder = load_encoder(save_clip(tmp_path))
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
        load_encoder(tmp_path)
