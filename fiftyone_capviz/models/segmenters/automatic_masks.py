"""All masks of an image from a grid of point prompts: segment_anything's generator, faster.

The masks, boxes and scores are those of ``SamAutomaticMaskGenerator`` (without crops and without
its clean-up of small regions), and so is their order. What is saved:

- masks are judged by their predicted IoU before they are decoded and resized to the image,
- what passes is measured in small pieces, and kept at the decoder's resolution,
- only the masks that non-maximum suppression leaves are made at full size; none is run-length
  encoded and decoded again.

Formulas: docs/methods.md, section 1.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image, Resampling
from segment_anything.modeling import Sam
from segment_anything.utils.amg import (
    batched_mask_to_box,
    build_point_grid,
    calculate_stability_score,
)
from segment_anything.utils.transforms import ResizeLongestSide
from torchvision.ops.boxes import batched_nms

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import BoolArray, FloatArray

IntArray = NDArray[np.int64]

SCRATCH_BYTES = {"cpu": 32 << 20, "gpu": 1 << 30}
"""Full-size logits that are held at a time, by kind of device."""


@dataclass(frozen=True)
class MaskOptions:
    """What ``SamAutomaticMaskGenerator`` is asked for; names and defaults are its own.

    Attributes:
        points_per_side: prompts per side of the grid, at least 1.
        points_per_batch: prompts that are decoded at once; memory grows with it.
        pred_iou_thresh: masks whose predicted IoU (about 0..1) is not above it are dropped.
        stability_score_thresh: smallest stability (0..1) of a mask.
        stability_score_offset: shift of the mask threshold by which stability is measured.
        box_nms_thresh: of two masks whose boxes' IoU is above it, the lower-rated is dropped.
        min_area: smallest share of the image, 0..1; smaller masks are not made. 0 keeps all.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    min_area: float = 0.0

    def __post_init__(self) -> None:
        for name in ("points_per_side", "points_per_batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}.")
        for name in ("box_nms_thresh", "min_area"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be from 0 to 1; got {getattr(self, name)}.")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> MaskOptions:
        """Those of a checkpoint's ``config.json``; what it does not name has its default."""
        return cls(**{f.name: config[f.name] for f in fields(cls) if f.name in config})


@dataclass(frozen=True)
class MaskRecords:
    """Masks of one image, best predicted IoU first.

    Attributes:
        masks: bool "masks height width".
        boxes: int "masks 4": left, top, right, bottom of the outermost pixels (inclusive).
        predicted_iou: float "masks".
        stability: float "masks".
        points: float "masks 2": x, y of the prompt in pixels of the image.
    """

    masks: BoolArray
    boxes: IntArray
    predicted_iou: FloatArray
    stability: FloatArray
    points: FloatArray


@dataclass
class _Candidates:
    """Masks that passed the thresholds; logits stay at the decoder's resolution."""

    logits: torch.Tensor
    boxes: torch.Tensor
    predicted_iou: torch.Tensor
    stability: torch.Tensor
    points: torch.Tensor

    def take(self, index: torch.Tensor) -> _Candidates:
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return _Candidates(**{name: t[index.to(t.device)] for name, t in columns.items()})

    @staticmethod
    def join(parts: list[_Candidates]) -> _Candidates:
        return _Candidates(
            **{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(_Candidates)}
        )


class _Upscaler:
    """Resizes mask logits to one image, a few masks at a time."""

    def __init__(self, model: Sam, *, input_size: tuple[int, int], size: tuple[int, int]) -> None:
        self._model = model
        self._input_size = input_size
        self._size = size
        largest = max(model.image_encoder.img_size**2, size[0] * size[1])
        budget = SCRATCH_BYTES["cpu" if model.device.type == "cpu" else "gpu"]
        self._step = max(1, budget // (4 * largest))

    def pieces(self, logits: torch.Tensor) -> Iterator[torch.Tensor]:
        """Float32 "masks height width", in order."""
        for start in range(0, len(logits), self._step):
            some = logits[start : start + self._step, None]
            yield self._model.postprocess_masks(some, self._input_size, self._size)[:, 0]

    def masks(self, logits: torch.Tensor, *, min_area: float) -> tuple[BoolArray, IntArray]:
        """Those of at least `min_area` (share) as bool "masks height width", and which they are."""
        least = min_area * self._size[0] * self._size[1]
        kept: list[BoolArray] = []
        index: list[int] = []
        seen = 0
        for piece in self.pieces(logits):
            masks = (piece > self._model.mask_threshold).cpu().numpy()
            large = [i for i, mask in enumerate(masks) if np.count_nonzero(mask) >= least]
            kept += [masks[i] for i in large]
            index += [seen + i for i in large]
            seen += len(masks)
        full = np.stack(kept) if kept else np.zeros((0, *self._size), dtype=bool)
        return full, np.array(index, dtype=np.int64)


@torch.no_grad()
def generate_masks(model: Sam, image: Image, options: MaskOptions) -> MaskRecords:
    """Prompt a ``Sam`` with a grid of points and keep the good, distinct masks.

    Args:
        model: in eval mode; its encoder and mask decoder may be in half precision, its prompt
            encoder is in float32.
        image: upright RGB.
        options: grid and thresholds.

    Returns:
        The records of ``SamAutomaticMaskGenerator(model, ...).generate(image)``, in its order.
    """
    size = (image.height, image.width)
    embedding, input_size = encode_image(model, image)
    upscaler = _Upscaler(model, input_size=input_size, size=size)
    points = build_point_grid(options.points_per_side) * np.array([image.width, image.height])
    prompts = ResizeLongestSide(model.image_encoder.img_size).apply_coords(points, size)
    found = []
    for start in range(0, len(points), options.points_per_batch):
        batch = slice(start, start + options.points_per_batch)
        logits, ious, prompt = decode_prompts(
            model, embedding, prompts[batch], iou_above=options.pred_iou_thresh
        )
        spots = torch.as_tensor(points[batch])[prompt.cpu()]
        found.append(_stable(model, upscaler, logits, ious, spots, options))
        del logits
    candidates = _Candidates.join(found)
    keep = batched_nms(
        candidates.boxes.float(),
        candidates.predicted_iou,
        torch.zeros(len(candidates.boxes), device=candidates.boxes.device),  # one category
        iou_threshold=options.box_nms_thresh,
    )
    candidates = candidates.take(keep)
    masks, large = upscaler.masks(candidates.logits, min_area=options.min_area)
    candidates = candidates.take(torch.from_numpy(large))
    return MaskRecords(
        masks=masks,
        boxes=candidates.boxes.cpu().numpy(),
        predicted_iou=candidates.predicted_iou.cpu().numpy(),
        stability=candidates.stability.cpu().numpy(),
        points=candidates.points.numpy(),
    )


def encode_image(model: Sam, image: Image) -> tuple[torch.Tensor, tuple[int, int]]:
    """Image embedding "1 channels grid grid", and height and width of the resized image."""
    long_side = model.image_encoder.img_size
    height, width = ResizeLongestSide.get_preprocess_shape(image.height, image.width, long_side)
    # A sliver 2000 times longer than wide would be resized to nothing.
    size = (max(1, height), max(1, width))
    resized = np.array(image.resize((size[1], size[0]), Resampling.BILINEAR))
    pixels = torch.as_tensor(resized, device=model.device).permute(2, 0, 1).contiguous()[None]
    dtype = model.image_encoder.pos_embed.dtype
    return model.image_encoder(model.preprocess(pixels).to(dtype)), size


def decode_prompts(
    model: Sam, embedding: torch.Tensor, prompts: NDArray[np.floating], *, iou_above: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mask logits of point prompts whose predicted IoU is good.

    ``MaskDecoder.predict_masks``, with its quality head asked first: prompts of which no mask is
    good are spared the mask head.

    Args:
        model: as in `generate_masks`.
        embedding: of the image, "1 channels grid grid".
        prompts: x, y in pixels of the resized image, "prompts 2".
        iou_above: smallest predicted IoU; 0 or below keeps all masks.

    Returns:
        Float32 logits "masks side side" and predicted IoUs "masks", and each mask's prompt.
    """
    decoder, device, dtype = model.mask_decoder, embedding.device, embedding.dtype
    # float64 as in the original, but for Apple's GPUs, which have none.
    exact = torch.float32 if device.type == "mps" else torch.float64
    points = torch.as_tensor(prompts, dtype=exact, device=device)[:, None]
    labels = torch.ones(len(prompts), 1, dtype=torch.int, device=device)
    sparse, dense = model.prompt_encoder(points=(points, labels), boxes=None, masks=None)
    output = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    tokens = torch.cat([output.expand(len(prompts), -1, -1), sparse.to(dtype)], dim=1)
    position = model.prompt_encoder.get_dense_pe().to(dtype).expand(len(prompts), -1, -1, -1)
    found, source = decoder.transformer(embedding + dense.to(dtype), position, tokens)
    # Mask 0 is the single-mask output, which the automatic generator does not ask for.
    ious = decoder.iou_prediction_head(found[:, 0])[:, 1:].float()
    good = ious > iou_above if iou_above > 0 else torch.ones_like(ious, dtype=torch.bool)
    prompt, which = good.nonzero(as_tuple=True)
    used, row = prompt.unique(return_inverse=True)
    upscaled = decoder.output_upscaling(
        source[used].transpose(1, 2).reshape(len(used), *embedding.shape[1:])
    )
    hyper = torch.stack(
        [mlp(found[used, 1 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)], dim=1
    )
    logits = (hyper @ upscaled.flatten(2)).view(*hyper.shape[:2], *upscaled.shape[-2:])
    return logits[row, 1 + which].float(), ious[prompt, which], prompt


def _stable(
    model: Sam,
    upscaler: _Upscaler,
    logits: torch.Tensor,
    ious: torch.Tensor,
    points: torch.Tensor,
    options: MaskOptions,
) -> _Candidates:
    """Measure stability and boxes at the image's size, keep what is stable."""
    measure = _measure if logits.device.type == "cpu" else _measure_on_device
    parts = [
        measure(piece, model.mask_threshold, options.stability_score_offset)
        for piece in upscaler.pieces(logits)
    ]
    parts = parts or [(torch.zeros(0), torch.zeros(0, 4, dtype=torch.long))]
    stability, boxes = (torch.cat(column).to(logits.device) for column in zip(*parts, strict=True))
    candidates = _Candidates(logits, boxes, ious, stability, points)
    if options.stability_score_thresh <= 0:
        return candidates
    return candidates.take((stability >= options.stability_score_thresh).nonzero()[:, 0])


def _measure_on_device(
    logits: torch.Tensor, threshold: float, offset: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stability "masks" and boxes "masks 4" by segment_anything's own functions."""
    stability = calculate_stability_score(logits, threshold, offset)
    return stability, batched_mask_to_box(logits > threshold)


def _measure(
    logits: torch.Tensor, threshold: float, offset: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same numbers on a CPU, mask by mask so that each stays in its cache: 10 times as fast."""
    count = len(logits)
    inner, outer = np.zeros(count, np.float32), np.zeros(count, np.float32)
    boxes = np.zeros((count, 4), np.int64)
    for i, mask in enumerate(logits.numpy()):
        inner[i] = np.count_nonzero(mask > threshold + offset)
        outer[i] = np.count_nonzero(mask > threshold - offset)
        inside = mask > threshold
        rows, columns = inside.any(axis=1).nonzero()[0], inside.any(axis=0).nonzero()[0]
        if len(rows):
            boxes[i] = columns[0], rows[0], columns[-1], rows[-1]
    with np.errstate(invalid="ignore"):  # 0 / 0 = nan, as in the original: never stable
        return torch.from_numpy(inner / outer), torch.from_numpy(boxes)
