"""Segmenters of transformers, with a tiny random SamModel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    SamConfig,
    SamHQConfig,
    SamHQModel,
    SamImageProcessor,
    SamModel,
)

from fiftyone_capviz.errors import CheckpointError
from fiftyone_capviz.models.loading import find_checkpoint
from fiftyone_capviz.models.segmenters.automatic_masks import MaskOptions
from fiftyone_capviz.models.segmenters.mask_generation import (
    MaskGenerationSegmenter,
    load_segmenter,
)

CPU = torch.device("cpu")
VISION = {
    "hidden_size": 32,
    "output_channels": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 4,
    "window_size": 4,
    "global_attn_indexes": [1],
    "num_pos_feats": 8,
    "mlp_dim": 64,
}
PROMPT = {"hidden_size": 16, "image_size": 32, "patch_size": 4, "mask_input_channels": 16}
DECODER = {
    "hidden_size": 16,
    "mlp_dim": 32,
    "num_attention_heads": 2,
    "iou_head_hidden_dim": 16,
}
LOOSE = MaskOptions(
    points_per_side=4,
    points_per_batch=7,
    pred_iou_thresh=-100.0,
    stability_score_thresh=0.0,
    stability_score_offset=0.01,
    box_nms_thresh=1.0,
)


def _save(folder: Path, family: str) -> Path:
    torch.manual_seed(0)
    if family == "sam":
        model = SamModel(
            SamConfig(
                vision_config=VISION, prompt_encoder_config=PROMPT, mask_decoder_config=DECODER
            )
        )
    else:
        decoder = {**DECODER, "vit_dim": 32}
        model = SamHQModel(
            SamHQConfig(
                vision_config=VISION, prompt_encoder_config=PROMPT, mask_decoder_config=decoder
            )
        )
    model.save_pretrained(str(folder))
    size = {"longest_edge": 32}
    padded = {"height": 32, "width": 32}
    SamImageProcessor(
        size=size, pad_size=padded, mask_size={"longest_edge": 32}, mask_pad_size=padded
    ).save_pretrained(str(folder))
    return folder


def _load(folder: Path) -> MaskGenerationSegmenter:
    return load_segmenter(find_checkpoint(str(folder)), device=CPU, dtype=torch.float32)


def _image(width: int = 40, height: int = 28) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("family", ["sam", "sam_hq"])
def test_masks_have_the_size_of_the_image(tmp_path: Path, family: str) -> None:
    segmenter = _load(_save(tmp_path / family, family))
    assert segmenter.options == MaskOptions()
    assert not any(parameter.requires_grad for parameter in segmenter.model.parameters())
    segments = segmenter.with_options(LOOSE).segment(_image())
    assert 1 <= len(segments) <= 3 * 16
    assert segments.masks.shape[1:] == (28, 40)
    assert np.isfinite(segments.predicted_iou).all()


def test_options_are_passed_on(tmp_path: Path) -> None:
    segmenter = _load(_save(tmp_path / "sam", "sam"))
    every = segmenter.with_options(LOOSE).segment(_image())
    # Thresholds of 0 and below are off in transformers.
    middle = float(np.median(every.predicted_iou[every.predicted_iou > 0]))
    half = segmenter.with_options(replace(LOOSE, pred_iou_thresh=middle)).segment(_image())
    assert 0 < len(half) < len(every)
    assert (half.predicted_iou > middle).all()
    large = segmenter.with_options(replace(LOOSE, min_area=0.5)).segment(_image())
    assert len(large) == (every.areas >= 0.5).sum()


def test_no_mask_is_an_answer(tmp_path: Path) -> None:
    segmenter = _load(_save(tmp_path / "sam", "sam"))
    none = segmenter.with_options(replace(LOOSE, pred_iou_thresh=1e6)).segment(_image())
    assert none.masks.shape == (0, 28, 40)


def test_other_models_are_refused(tmp_path: Path) -> None:
    folder = _save(tmp_path / "sam", "sam")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointError, match="image processor"):
        _load(folder)
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"model_type": "sam"', '"model_type": "vit"'))
    with pytest.raises(CheckpointError, match=r"works with sam, sam_hq models; .* vit model"):
        _load(folder)
