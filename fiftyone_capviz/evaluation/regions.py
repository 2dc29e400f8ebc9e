"""Labelled regions on a patch grid: what a map is compared with.

A patch belongs to the region that holds its centre (`patch_centres`): the rule of the point game,
and of whatever is trained for it. The share of its pixels (`patch_shares`) is for energies, and for
the lenient rule beside it.

Formulas: docs/methods.md, sections 7.1, 7.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.segments import SEEN_SHARE, mask_areas, owned_shares

LENIENT_SHARE = 0.2
"""Of a patch's pixels that must be the object's for a hit by the lenient rule."""


def patch_centres(masks: BoolArray, transform: PixelTransform) -> NDArray[np.bool_]:
    """Whether the pixel under each patch's centre is a mask's.

    Args:
        masks: bool "regions height width", in pixels of the upright image.
        transform: of the image to the grid; a centre outside the image is in no region.

    Returns:
        Bool "regions rows columns".

    Raises:
        InputError: masks of another size than the image.
    """
    _require_size(masks, transform)
    rows, columns = transform.centre_pixels()
    down = (rows >= 0) & (rows < transform.height)
    across = (columns >= 0) & (columns < transform.width)
    near = rows.clip(0, transform.height - 1), columns.clip(0, transform.width - 1)
    owned: NDArray[np.bool_] = masks[:, near[0]][:, :, near[1]].astype(bool)
    return owned & down[:, None] & across


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
    _require_size(masks, transform)
    left, top, right, bottom = transform.crop
    down = _overlaps(transform.height, top, bottom, transform.rows)
    across = _overlaps(transform.width, left, right, transform.columns)
    shares: NDArray[np.float64] = down @ masks.astype(np.float64) @ across.T
    return shares.clip(0, 1)


def _require_size(masks: BoolArray, transform: PixelTransform) -> None:
    size = (transform.height, transform.width)
    if masks.ndim != 3 or masks.shape[1:] != size:
        raise InputError(
            f"masks must be (regions, height, width) with height and width {size}; got "
            f"{masks.shape}. Labels belong to another image, or it was resized."
        )


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
        centres: which patches have their centre in each region, bool "regions rows columns".
        weights: share of the image's pixels per patch through the resize (docs/methods.md, 1.3),
            "regions rows columns".
        areas: share of the image that each region owns, "regions".
    """

    shares: FloatArray
    centres: BoolArray
    weights: FloatArray
    areas: FloatArray

    @classmethod
    def of(cls, masks: BoolArray, transform: PixelTransform) -> GridRegions:
        """From masks "regions height width" in pixels of the upright image."""
        weights = owned_shares(masks, transform, dtype=np.float64)
        shares, centres = patch_shares(masks, transform), patch_centres(masks, transform)
        return cls(shares, centres, weights, mask_areas(masks))

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
        """Which regions own more than one patch in all: "regions"."""
        found: BoolArray = self.shares.reshape(len(self.shares), -1).sum(axis=1) > 1
        return found

    @property
    def central(self) -> BoolArray:
        """Which regions own the centre of a patch, so that a map can point at them: "regions"."""
        found: BoolArray = np.any(self.centres.reshape(len(self.centres), -1), axis=1)
        return found

    @property
    def counted(self) -> BoolArray:
        """Which regions count, by whichever rule hits are told: "regions"."""
        return self.large & self.central
