"""The share of each patch that an image's segments own, stored or from their masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fiftyone_capviz.curation.dataset.documents import Document, placed_masks, stored_weights
from fiftyone_capviz.curation.inference.batches import Item
from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.segments import owned_shares, seen_segments

# Stored weights are float16; those of a squashed image sum to the segment's area.
AREA_TOLERANCE = 2e-3


def segment_weights(
    detections: Sequence[Document], transform: PixelTransform
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Patch weights and areas of segments on a model's grid: the stored ones where they fit.

    Stored weights are of the whole image; those of a crop are made anew.

    Returns:
        Float "segments rows columns" and "segments", and bool "segments": which the model sees.

    Raises:
        ImageError: a mask file cannot be read.
        InputError: a box is no box.
    """
    areas = np.array([each.get("area") or np.nan for each in detections], dtype=float)
    weights = stored_weights(detections, transform.grid) if transform.whole else None
    if weights is not None:
        sums = weights.astype(np.float64).sum(axis=(1, 2))
        if np.allclose(sums, areas, rtol=AREA_TOLERANCE, atol=1e-4):
            return weights, areas, np.ones(len(areas), dtype=bool)
    return mask_weights(detections, transform)


def mask_weights(
    detections: Sequence[Document], transform: PixelTransform
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """The same from the masks alone, unrounded: where sums must be exact."""
    masks = placed_masks(detections, width=transform.width, height=transform.height)
    return owned_shares(masks, transform), masks.areas, seen_segments(masks, transform)


def weights_of(encoder: Any, item: Item) -> FloatArray | None:
    """Patch weights of an item's segments; None without an image, or a mask file of one."""
    if item.image is None:
        return None
    try:
        return segment_weights(item.detections, encoder.transform(*item.image.size))[0]
    except ImageError:
        return None
