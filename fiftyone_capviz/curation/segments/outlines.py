"""Outlines of stored segments as SVG paths: masks are too heavy to send, boxes too coarse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.curation.dataset.documents import Document, deserialize_array

SCALE = 1000
"""The paths' coordinates run from 0 to this across the image, in both directions."""
_LARGEST = 160
"""Masks are thinned to this many pixels on the longer side before they are traced."""
_TOLERANCE = 0.6
"""How far, in pixels of the thinned mask, an outline may leave the mask's border."""


def segment_outlines(detections: Sequence[Document]) -> list[str]:
    """One SVG path per segment, in a square of `SCALE` x `SCALE` that stands for the image.

    A segment without a mask in the database is outlined by its box.
    """
    return [_outline(each) for each in detections]


def _outline(detection: Document) -> str:
    left, top, width, height = detection.get("bounding_box") or (0, 0, 0, 0)
    stored = detection.get("mask")
    mask = None if stored is None else np.asarray(deserialize_array(stored)).astype(bool)
    if mask is None or mask.ndim != 2 or not mask.any():
        corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], float)
        return _path([corners], left, top, width, height)
    step = max(1, -(-max(mask.shape) // _LARGEST))
    return _path(_contours(mask[::step, ::step]), left, top, width, height)


def _contours(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Closed lines of (y, x), as shares of the mask."""
    from skimage import measure

    untyped: Any = measure
    size = np.array(mask.shape, float)
    lines = untyped.find_contours(np.pad(mask, 1).astype(float), 0.5)
    # Padded by one, and the centre of pixel 0 lies half a pixel inside.
    return [
        ((untyped.approximate_polygon(line, _TOLERANCE) - 0.5) / size).clip(0, 1) for line in lines
    ]


def _path(
    lines: Sequence[NDArray[np.float64]], left: float, top: float, width: float, height: float
) -> str:
    parts = []
    for line in lines:
        points = [
            f"{round((left + x * width) * SCALE)} {round((top + y * height) * SCALE)}"
            for y, x in line.tolist()
        ]
        if len(points) > 2:
            parts.append(f"M{'L'.join(points)}Z")
    return "".join(parts)
