"""Segment Anything: our automatic masks against segment_anything's own, and loading."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from segment_anything import SamAutomaticMaskGenerator, sam_model_registry
from segment_anything.modeling import Sam

from fiftyone_capviz.errors import CheckpointError, InputError
from fiftyone_capviz.models.loading import find_checkpoint
from fiftyone_capviz.models.segmenters import automatic_masks
from fiftyone_capviz.models.segmenters.automatic_masks import (
    MaskOptions,
    decode_prompts,
    encode_image,
)
from fiftyone_capviz.models.segmenters.sam import (
    VARIANTS,
    SamSegmenter,
    load_segmenter,
    load_segmenter_file,
)
from fiftyone_capviz.models.segmenters.sam_architecture import build_sam, infer_config

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {
    "model_type": "segment_anything",
    "image_size": 64,
    "patch_size": 8,
    "encoder_embed_dim": 32,
    "encoder_depth": 3,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [2],
    "encoder_window_size": 3,
    "transformer_dim": 32,
    "decoder_depth": 2,
    "decoder_num_heads": 8,
    "decoder_mlp_dim": 64,
    "iou_head_hidden_dim": 32,
    "pixel_mean": [123.675, 116.28, 103.53],
    "pixel_std": [58.395, 57.12, 57.375],
}


def _random_sam(*, seed: int = 0) -> Sam:
    """Random weights, large enough that masks depend on the image and the point."""
    torch.manual_seed(seed)
    model = build_sam(SMALL).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.data *= 3
    return model


def _noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _logits(model: Sam, image: Image.Image) -> tuple[torch.Tensor, torch.Tensor]:
    embedding, _ = encode_image(model, image)
    grid = (np.indices((8, 8)).reshape(2, -1).T + 0.5) * 8.0
    logits, ious, _ = decode_prompts(model, embedding, grid, iou_above=0)
    return logits, ious


@pytest.fixture(scope="module")
def model() -> Sam:
    """Its threshold is where a twentieth of the pixels is inside, so that boxes differ."""
    model = _random_sam()
    logits, _ = _logits(model, _noise(64, 64))
    model.mask_threshold = float(logits.quantile(0.95))
    return model


@pytest.fixture(scope="module")
def options(model: Sam) -> MaskOptions:
    """Half of the masks are good enough; many duplicates, many survivors."""
    logits, ious = _logits(model, _noise(64, 64))
    return MaskOptions(
        points_per_side=16,
        points_per_batch=50,
        pred_iou_thresh=float(ious.median()),
        stability_score_thresh=0.6,
        stability_score_offset=0.02 * float(logits.std()),
        box_nms_thresh=0.9,
    )


def _stock(model: Sam, image: Image.Image, options: MaskOptions) -> list[dict[str, Any]]:
    generator = SamAutomaticMaskGenerator(
        model,
        points_per_side=options.points_per_side,
        points_per_batch=options.points_per_batch,
        pred_iou_thresh=options.pred_iou_thresh,
        stability_score_thresh=options.stability_score_thresh,
        stability_score_offset=options.stability_score_offset,
        box_nms_thresh=options.box_nms_thresh,
        output_mode="binary_mask",
    )
    found: list[dict[str, Any]] = generator.generate(np.asarray(image))
    return found


def _assert_identical(model: Sam, image: Image.Image, options: MaskOptions) -> int:
    stock = _stock(model, image, options)
    ours = automatic_masks.generate_masks(model, image, options)
    assert len(ours.masks) == len(stock)
    for index, record in enumerate(stock):
        np.testing.assert_array_equal(ours.masks[index], record["segmentation"])
        left, top, right, bottom = ours.boxes[index].tolist()
        assert [left, top, right - left, bottom - top] == record["bbox"]
        assert float(ours.predicted_iou[index]) == record["predicted_iou"]
        np.testing.assert_equal(float(ours.stability[index]), record["stability_score"])  # nan too
        assert [ours.points[index].tolist()] == record["point_coords"]
    return len(stock)


@pytest.mark.parametrize("size", [(64, 64), (150, 90), (70, 200)])
def test_records_are_those_of_the_stock_generator(
    model: Sam, options: MaskOptions, size: tuple[int, int]
) -> None:
    """Oracle 14: masks, boxes, predicted IoUs, stability and points are equal, in order."""
    assert _assert_identical(model, _noise(*size), options) > 10


def test_some_hundred_records_are_identical(model: Sam, options: MaskOptions) -> None:
    many = replace(
        options,
        points_per_side=20,
        stability_score_thresh=0.1,
        pred_iou_thresh=-10.0,
        box_nms_thresh=1.0,
    )
    assert _assert_identical(model, _noise(90, 60), many) > 300


@pytest.mark.parametrize(
    "change",
    [
        {"points_per_batch": 1, "points_per_side": 5},
        {"points_per_batch": 1000},
        {"stability_score_thresh": 0.0},
        {"box_nms_thresh": 0.2},
        {"pred_iou_thresh": 1e6},
        {"stability_score_thresh": 1.1},
    ],
    ids=str,
)
def test_records_are_identical_for_other_options(
    model: Sam, options: MaskOptions, change: dict[str, Any]
) -> None:
    _assert_identical(model, _noise(80, 60), replace(options, **change))


@pytest.mark.parametrize("size", [(1, 1), (600, 9)])
def test_records_are_identical_for_unusual_images(
    model: Sam, options: MaskOptions, size: tuple[int, int]
) -> None:
    _assert_identical(model, _noise(*size), options)


def test_a_sliver_that_the_stock_generator_cannot_resize(model: Sam, options: MaskOptions) -> None:
    """64 pixels for a side 1000 times as long leave no row."""
    masks = automatic_masks.generate_masks(model, _noise(1000, 2), options).masks
    assert masks.shape[1:] == (2, 1000)


def test_the_size_of_the_pieces_changes_nothing(
    model: Sam, options: MaskOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = _noise(90, 70)
    whole = automatic_masks.generate_masks(model, image, options)
    monkeypatch.setitem(automatic_masks.SCRATCH_BYTES, "cpu", 1)
    pieces = automatic_masks.generate_masks(model, image, options)
    np.testing.assert_array_equal(whole.masks, pieces.masks)
    np.testing.assert_array_equal(whole.stability, pieces.stability)


def test_both_ways_to_measure_agree(model: Sam) -> None:
    logits, _ = _logits(model, _noise(64, 64))
    logits[3] = -100.0
    for threshold in (0.0, model.mask_threshold):
        ours = automatic_masks._measure(logits, threshold, 0.1)
        stock = automatic_masks._measure_on_device(logits, threshold, 0.1)
        for one, other in zip(ours, stock, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_small_masks_need_not_be_made(model: Sam, options: MaskOptions) -> None:
    image = _noise(90, 70)
    every = automatic_masks.generate_masks(model, image, options)
    areas = every.masks.mean(axis=(1, 2))
    middle = float(np.median(areas))
    large = automatic_masks.generate_masks(model, image, replace(options, min_area=middle))
    chosen = areas >= middle
    assert 0 < len(large.masks) < len(every.masks)
    np.testing.assert_array_equal(large.masks, every.masks[chosen])
    np.testing.assert_array_equal(large.predicted_iou, every.predicted_iou[chosen])


def test_the_model_stays_as_it_was(model: Sam, options: MaskOptions) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    automatic_masks.generate_masks(model, _noise(64, 64), options)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_the_published_sizes_are_read_from_their_weights(name: str) -> None:
    with torch.device("meta"):
        stock = sam_model_registry[name]()
        ours = build_sam(infer_config(stock.state_dict(), name=name))
    shapes = {key: tensor.shape for key, tensor in stock.state_dict().items()}
    assert {key: tensor.shape for key, tensor in ours.state_dict().items()} == shapes
    for block, twin in zip(stock.image_encoder.blocks, ours.image_encoder.blocks, strict=True):
        assert block.window_size == twin.window_size
        assert block.attn.num_heads == twin.attn.num_heads
    layer, twin_layer = (m.mask_decoder.transformer.layers[0] for m in (stock, ours))
    assert layer.self_attn.num_heads == twin_layer.self_attn.num_heads


def test_the_small_one_is_read_from_its_weights() -> None:
    assert infer_config(build_sam(SMALL).state_dict(), name="small") == SMALL


def _save_folder(folder: Path, model: Sam, **config: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**SMALL, **config}))
    state = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, str(folder / "model.safetensors"))
    return folder


def _load_folder(folder: Path) -> SamSegmenter:
    return load_segmenter(find_checkpoint(str(folder)), device=CPU, dtype=torch.float32)


def test_a_folder_brings_its_options_and_the_stock_generator_drives_it(tmp_path: Path) -> None:
    folder = _save_folder(tmp_path / "sam", _random_sam(), points_per_side=7, pred_iou_thresh=-5.0)
    segmenter = _load_folder(folder)
    assert segmenter.options == MaskOptions(points_per_side=7, pred_iou_thresh=-5.0)
    assert (segmenter.spec, segmenter.dtype) == (str(folder), torch.float32)
    loose = replace(segmenter.options, stability_score_thresh=0.0)
    assert _assert_identical(segmenter.model, _noise(80, 50), loose) >= 1
    segments = segmenter.with_options(loose).segment(_noise(80, 50))
    assert segments.masks.shape[1:] == (50, 80)
    assert (np.diff(segments.predicted_iou) <= 0).all()
    assert segmenter.options.stability_score_thresh == 0.95


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_file_of_weights_is_enough(tmp_path: Path, model: Sam, suffix: str) -> None:
    path = tmp_path / f"small.{suffix}"
    if suffix == "pth":
        torch.save(model.state_dict(), path)
    else:
        save_file(model.state_dict(), str(path))
    loaded = load_segmenter_file(path, device=CPU, dtype=torch.float32)
    for one, other in zip(model.parameters(), loaded.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(model.pixel_std, loaded.model.pixel_std)
    assert loaded.options == MaskOptions()
    assert len(loaded.revision) == 12
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    loaded.segment(_noise(20, 30))


def test_half_precision_gives_nearly_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_sam(SMALL).eval()
    path = tmp_path / "small.pth"
    torch.save(model.state_dict(), path)
    loaded = load_segmenter_file(path, device=CPU, dtype=torch.bfloat16)
    assert loaded.dtype == torch.bfloat16
    image = _noise(64, 64)
    exact, rough = (_logits(m, image)[1] for m in (model, loaded.model))
    assert float((exact - rough).abs().max()) < 0.1 * float(exact.abs().max())
    loose = MaskOptions(points_per_side=4, pred_iou_thresh=-9.0, stability_score_thresh=0.0)
    assert len(loaded.with_options(loose).segment(image))


class _Intruder:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return (Path.touch, (Path("intruded"),))  # type: ignore[return-value]


def _write_code(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": _Intruder()}))


def _write_half(path: Path) -> None:
    torch.save(_random_sam().state_dict(), path)
    path.write_bytes(path.read_bytes()[:5000])


def _write_other(path: Path) -> None:
    torch.save({"backbone.layers.0.weight": torch.zeros(3, 3)}, path)


def _write_lacking(path: Path) -> None:
    state = _random_sam().state_dict()
    del state["mask_decoder.iou_token.weight"]
    torch.save(state, path)


def _write_extra(path: Path) -> None:
    """SAM-HQ's file is SAM's with more in it."""
    state = _random_sam().state_dict()
    state["mask_decoder.hf_token.weight"] = torch.zeros(1, 32)
    torch.save(state, path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_write_code, "pickle"),
        (_write_half, "whole|damaged"),
        (_write_other, "backbone.layers.0.weight"),
        (_write_lacking, "iou_token"),
        (_write_extra, "hf_token"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, write: Callable[[Path], None], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    write(path)
    with pytest.raises(CheckpointError, match=message):
        load_segmenter_file(path, device=CPU, dtype=torch.float32)
    assert not (tmp_path / "intruded").exists()


def test_a_file_must_be_the_variant_that_it_is_said_to_be(tmp_path: Path, model: Sam) -> None:
    path = tmp_path / "small.pth"
    torch.save(model.state_dict(), path)
    with pytest.raises(CheckpointError, match=r"must hold vit_b weights .* another size \(32\)"):
        load_segmenter_file(path, device=CPU, dtype=torch.float32, variant="vit_b")


def test_a_folder_that_does_not_fit_is_refused(tmp_path: Path, model: Sam) -> None:
    with pytest.raises(CheckpointError, match="do not fit"):
        _load_folder(_save_folder(tmp_path / "deeper", model, encoder_depth=4))
    with pytest.raises(CheckpointError, match="describes no Segment Anything"):
        _load_folder(_save_folder(tmp_path / "odd", model, patch_size="eight"))
    folder = _save_folder(tmp_path / "bare", model)
    (folder / "config.json").write_text('{"model_type": "segment_anything"}')
    with pytest.raises(CheckpointError, match="lacks image_size"):
        _load_folder(folder)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(InputError, match="points_per_side must be at least 1; got 0"):
        MaskOptions(points_per_side=0)
    with pytest.raises(InputError, match="box_nms_thresh must be from 0 to 1"):
        MaskOptions(box_nms_thresh=7)


@pytest.mark.gpu
def test_records_of_a_gpu_are_those_of_the_stock_generator_there(
    model: Sam, options: MaskOptions
) -> None:
    import copy

    on_gpu = copy.deepcopy(model).cuda()
    on_gpu.mask_threshold = model.mask_threshold
    assert _assert_identical(on_gpu, _noise(150, 90), options) > 10
