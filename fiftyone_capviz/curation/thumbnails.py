"""Small pictures with the segments that no word covers marked, as data addresses."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fiftyone_capviz.curation.documents import Document, full_masks
from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import BoolArray

SIDE = 280
MARK = np.array([255, 96, 0], np.float32)
_TINT, _EDGE, _DIMMED = 0.28, 0.95, 0.72


def marked_thumbnail(filepath: str, uncovered: Sequence[Document], *, side: int = SIDE) -> str:
    """The image at thumbnail size, the uncovered segments tinted and outlined, the rest dimmed.

    Args:
        filepath: of the image.
        uncovered: raw documents of the segments to mark.
        side: pixels of the longer side.

    Returns:
        A ``data:image/jpeg`` address; empty where the image cannot be read.
    """
    try:
        image = open_image(Path(filepath))
    except ImageError:
        return ""
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image.convert("RGB"), np.float32)
    height, width = pixels.shape[:2]
    try:
        masks = full_masks(uncovered, width=width, height=height)
    except ImageError:
        masks = np.zeros((0, height, width), bool)
    if len(masks):
        inside = np.logical_or.reduce(masks, axis=0)
        pixels = np.where(inside[..., None], pixels, pixels * _DIMMED)
        pixels[inside] = pixels[inside] * (1 - _TINT) + MARK * _TINT
        edges = np.zeros((height, width), bool)
        for mask in masks:
            edges |= _outline(mask)
        pixels[edges] = pixels[edges] * (1 - _EDGE) + MARK * _EDGE
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _outline(mask: BoolArray) -> BoolArray:
    """Pixels of a mask at its border; not at the image's."""
    inner = mask
    for _ in range(2):  # two pixels wide
        padded = np.pad(inner, 1, mode="edge")
        sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
        inner = inner & np.logical_and.reduce(sides)
    outline: BoolArray = mask & ~inner
    return outline
