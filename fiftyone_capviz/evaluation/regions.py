"""Labelled regions on a patch grid: what a map is compared with.

Formulas: docs/methods.md, section 7.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.segments import SEEN_SHARE, mask_areas, owned_shares

HIT_SHARE = 0.2
"""Of a patch's pixels that must be the object's for the patch to count as a hit."""


def patch_shares(masks: BoolArray, transform: PixelTransform) -> NDArray[np.float64]:
    """Share of each patch's pixels that a mask owns; patches may cut pixels.

    Args:
        masks: bool "regions height width", in pixels of the upright image.
        transform: of the image to the grid; what it crops away counts for nothing.

    Returns:
        "regions rows columns", 0..1.

    Raises:
        InputError: masks of another size than the image.
    """
    size = (transform.height, transform.width)
    if masks.ndim != 3 or masks.shape[1:] != size:
        raise InputError(
            f"masks must be (regions, height, width) with height and width {size}; got "
            f"{masks.shape}. Labels belong to another image, or it was resized."
        )
    left, top, right, bottom = transform.crop
    down = _overlaps(transform.height, top, bottom, transform.rows)
    across = _overlaps(transform.width, left, right, transform.columns)
    shares: NDArray[np.float64] = down @ masks.astype(np.float64) @ across.T
    return shares.clip(0, 1)


def _overlaps(length: int, start: float, stop: float, patches: int) -> NDArray[np.float64]:
    """Share of each patch that lies in each pixel, along one axis: "patches length"."""
    edges = start + (stop - start) * np.arange(patches + 1) / patches
    pixels = np.arange(length)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    shares: NDArray[np.float64] = np.maximum(high - low, 0) * patches / (stop - start)
    return shares


@dataclass(frozen=True, eq=False)
class GridRegions:
    """The regions of one image on one grid.

    Attributes:
        shares: of each patch's pixels, float "regions rows columns".
        weights: share of the image's pixels per patch through the resize (docs/methods.md, 1.3),
            "regions rows columns".
        areas: share of the image that each region owns, "regions".
    """

    shares: FloatArray
    weights: FloatArray
    areas: FloatArray

    @classmethod
    def of(cls, masks: BoolArray, transform: PixelTransform) -> GridRegions:
        """From masks "regions height width" in pixels of the upright image."""
        shares = patch_shares(masks, transform)
        return cls(shares, owned_shares(masks, transform, dtype=np.float64), mask_areas(masks))

    @property
    def numbers(self) -> NDArray[np.intp]:
        """What tells regions apart: equal for those that are the same to the pixel, "regions"."""
        seen: dict[tuple[bytes, float], int] = {}
        keys = zip(self.weights, self.areas, strict=True)
        return np.array([seen.setdefault((w.tobytes(), float(a)), len(seen)) for w, a in keys], int)

    @property
    def seen(self) -> BoolArray:
        """Which regions lie with half of their pixels at least inside what the model sees."""
        inside = self.weights.sum(axis=(1, 2))
        found: BoolArray = np.asarray(inside >= SEEN_SHARE * np.asarray(self.areas) - 1e-9)
        return found

    @property
    def large(self) -> BoolArray:
        """Which regions own more than one patch, and a fifth of one patch at least: "regions"."""
        flat = self.shares.reshape(len(self.shares), -1)
        found: BoolArray = (flat.sum(axis=1) > 1) & (flat.max(axis=1, initial=0) >= HIT_SHARE)
        return found
