"""The share of each patch that an image's segments own, stored or from their masks."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.dataset.documents import placed_masks, stored_weights
from fiftyone_capviz.curation.inference.batches import Item
from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.segments import owned_shares


def weights_of(encoder: Any, item: Item) -> FloatArray | None:
    """Patch weights of an item's segments on a model's grid: the stored ones where they fit.

    Returns:
        "segments rows columns"; None where a mask file cannot be read.
    """
    if item.image is None:
        return None
    width, height = item.image.size
    transform = encoder.transform(width, height)
    weights = stored_weights(item.detections, transform.grid) if transform.whole else None
    if weights is not None:
        return weights
    try:
        return owned_shares(placed_masks(item.detections, width=width, height=height), transform)
    except ImageError:
        return None
