"""Which pixels of an image each patch of a model's grid shows.

A vision transformer sees a square; the image is squashed into it, or its middle is cut out. Both
are a crop of the upright image that is spread over a grid of p x p patches. Everything that goes
from pixels to patches or back asks a `PixelTransform`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.errors import InputError

ResizeMode = Literal["bilinear", "bicubic"]
Box = tuple[float, float, float, float]

_CUBIC_A = -0.75
"""The coefficient of PyTorch's (and OpenCV's) cubic kernel."""


@dataclass(frozen=True)
class PixelTransform:
    """The correspondence between the pixels of one image and a patch grid.

    Coordinates are continuous: pixel (0, 0) covers [0, 1) x [0, 1). x runs right, y runs down.

    Attributes:
        width: of the upright image, in pixels.
        height: of the upright image, in pixels.
        crop: left, top, right, bottom of the part that the model sees, in pixels of the upright
            image; may be fractional.
        grid: p, patches per side.
    """

    width: int
    height: int
    crop: Box
    grid: int

    def __post_init__(self) -> None:
        left, top, right, bottom = self.crop
        if self.width < 1 or self.height < 1 or self.grid < 1:
            raise InputError(
                "width, height and grid must be at least 1; got "
                f"{self.width}, {self.height}, {self.grid}."
            )
        if not (right > left and bottom > top):
            raise InputError(f"crop must be left, top, right, bottom, not empty; got {self.crop}.")

    def resize_matrices(
        self, mode: ResizeMode = "bilinear"
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The resize from the patch grid to the image as two matrices.

        For a map C (p x p), ``R_h @ C @ R_w.T`` is C resized to the image, as
        ``F.interpolate(C, mode=mode, align_corners=False)`` does it onto the crop; pixels outside
        the crop get 0.

        Args:
            mode: the interpolation.

        Returns:
            R_h "height p" and R_w "width p", read-only, shared between calls. Rows inside the
            crop sum to 1, rows outside are 0.
        """
        if mode not in ("bilinear", "bicubic"):
            raise InputError(f"mode must be 'bilinear' or 'bicubic'; got {mode!r}.")
        left, top, right, bottom = self.crop
        return (
            _resize_matrix(self.height, top, bottom, self.grid, mode),
            _resize_matrix(self.width, left, right, self.grid, mode),
        )

    def pixel_to_patch(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column of the patch that shows the point (x, y); None if no patch shows it."""
        left, top, right, bottom = self.crop
        inside = left <= x < right and top <= y < bottom
        if not (inside and 0 <= x < self.width and 0 <= y < self.height):
            return None
        row = math.floor((y - top) / (bottom - top) * self.grid)
        column = math.floor((x - left) / (right - left) * self.grid)
        return min(row, self.grid - 1), min(column, self.grid - 1)

    def patch_to_box(self, row: int, column: int) -> Box:
        """Left, top, right, bottom of the patch, in pixels of the upright image."""
        if not (0 <= row < self.grid and 0 <= column < self.grid):
            raise InputError(
                f"row and column must be in 0..{self.grid - 1}; got {row} and {column}."
            )
        left, top, right, bottom = self.crop
        width, height = (right - left) / self.grid, (bottom - top) / self.grid
        x, y = left + column * width, top + row * height
        return x, y, x + width, y + height


def squash(width: int, height: int, grid: int) -> PixelTransform:
    """The whole image, squashed to a square (BLIP)."""
    return PixelTransform(width, height, (0, 0, width, height), grid)


def center_crop(
    width: int, height: int, grid: int, *, size: int | None = None, crop: int | None = None
) -> PixelTransform:
    """The square in the middle (CLIP: shortest edge resized to `size`, then a centre crop).

    Args:
        width: of the upright image.
        height: of the upright image.
        grid: p, patches per side.
        size: what the processor makes of the shortest edge, in pixels; with it, its rounding to
            whole pixels is followed.
        crop: edge of the square that is cut out after that, in pixels; None is `size`.
    """
    short = min(width, height)
    if size is None:
        left, top = (width - short) / 2, (height - short) / 2
        return PixelTransform(width, height, (left, top, left + short, top + short), grid)
    # transformers: the long edge is truncated to whole pixels, and so is half of the margin.
    resized = [size if edge == short else int(size * edge / short) for edge in (width, height)]
    (left, right), (top, bottom) = (
        _scaled_margin(edge, long, crop or size)
        for edge, long in zip((width, height), resized, strict=True)
    )
    return PixelTransform(width, height, (left, top, right, bottom), grid)


def _scaled_margin(edge: int, resized: int, size: int) -> tuple[float, float]:
    start = (resized - size) // 2
    return start * edge / resized, (start + size) * edge / resized


@lru_cache(maxsize=64)
def _resize_matrix(
    length: int, start: float, stop: float, grid: int, mode: ResizeMode
) -> NDArray[np.float64]:
    """One axis of the resize: "length p"."""
    centers = np.arange(length) + 0.5
    inside = (centers >= start) & (centers < stop)
    # Half-pixel centres, as align_corners=False has them.
    source = (centers - start) * (grid / (stop - start)) - 0.5
    if mode == "bilinear":
        source = np.maximum(source, 0)
        offsets = np.arange(2)
    else:
        offsets = np.arange(-1, 3)
    lowest = np.floor(source)
    fraction = source - lowest
    index = np.clip(lowest[:, None] + offsets, 0, grid - 1).astype(int)
    weight = _linear(fraction) if mode == "bilinear" else _cubic(fraction)
    matrix = np.zeros((length, grid))
    # Neighbours beyond the border are the border itself: their weights add up.
    np.add.at(matrix, (np.arange(length)[:, None], index), weight * inside[:, None])
    matrix.setflags(write=False)
    return matrix


def _linear(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([1 - fraction, fraction], axis=1)


def _cubic(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    a = _CUBIC_A

    def near(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    t = fraction
    return np.stack([far(t + 1), near(t), near(1 - t), far(2 - t)], axis=1)
