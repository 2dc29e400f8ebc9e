"""How much of a captioner's attention falls on chosen patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from fiftyone_capviz.attribution.cross_attention import read_captioner_attention
from fiftyone_capviz.models.interfaces import Captioner
from fiftyone_capviz.records import Caption, FloatArray


@torch.no_grad()
def attention_mass(
    captioner: Captioner,
    features: torch.Tensor,
    *,
    captions: Sequence[Caption],
    coverage: Sequence[FloatArray],
) -> FloatArray:
    """Share of the cross-attention that falls on patches while a caption is written.

    Mean over layers, heads and the caption's own tokens; the image's CLS token has its share too.

    Args:
        captioner: which wrote the captions.
        features: "images 1+p*p hidden".
        captions: one per image.
        coverage: of each patch, 0..1, one "p p" per image.

    Returns:
        Float64 "images", 0..1.
    """
    reading = read_captioner_attention(
        captioner,
        features,
        texts=[caption.full_text for caption in captions],
        layers=range(captioner.layer_count),
    )
    cover = torch.as_tensor(np.stack([np.ravel(c) for c in coverage]), device=features.device)
    mass = torch.einsum("lbhtp,bp->bt", reading.attention.double(), cover.double())
    mass = mass / (reading.attention.shape[0] * reading.attention.shape[2])
    counted = reading.mask.double().cpu()
    for row, caption in zip(counted, captions, strict=True):
        row[: len(captioner.prompt_ids(caption.prompt))] = 0
    total = (mass.cpu() * counted).sum(1) / counted.sum(1).clamp_min(1)
    found: FloatArray = total.numpy()
    return found
