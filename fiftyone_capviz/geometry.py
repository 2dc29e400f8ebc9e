"""Which pixels of an image each patch of a model's grid shows.

A vision transformer sees the image squashed into its own shape, or a part that is cut out of the
middle. Both are a crop of the upright image that is spread over a grid of patches, in rows and
columns; a model's grid may differ from image to image. Everything that goes from pixels to patches
or back asks the image's `PixelTransform`.

Formulas: docs/methods.md, sections 1.1, 1.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.errors import InputError

ResizeMode = Literal["bilinear", "bicubic"]
Box = tuple[float, float, float, float]

_CUBIC_A = -0.75
"""The coefficient of PyTorch's (and OpenCV's) cubic kernel."""


class Grid(NamedTuple):
    """How many patches of an image there are, downwards and across; patches go row by row."""

    rows: int
    columns: int

    @property
    def patches(self) -> int:
        """Rows times columns."""
        return self.rows * self.columns

    @property
    def side(self) -> int:
        """Patches per side, for what is drawn or stored for square grids only.

        Raises:
            InputError: the grid is not square.
        """
        if self.rows != self.columns:
            raise InputError(
                f"Only square patch grids can be shown here; this image has {self.rows} rows and "
                f"{self.columns} columns. Use a model that sees squares, or Python."
            )
        return self.rows


@dataclass(frozen=True)
class PixelTransform:
    """The correspondence between the pixels of one image and a patch grid.

    Coordinates are continuous: pixel (0, 0) covers [0, 1) x [0, 1). x runs right, y runs down.

    Attributes:
        width: of the upright image, in pixels.
        height: of the upright image, in pixels.
        crop: left, top, right, bottom of the part that the model sees, in pixels of the upright
            image; may be fractional.
        rows: of the patch grid.
        columns: of the patch grid; 0, the default, stands for as many as rows.
    """

    width: int
    height: int
    crop: Box
    rows: int
    columns: int = 0

    def __post_init__(self) -> None:
        left, top, right, bottom = self.crop
        if self.columns == 0:
            object.__setattr__(self, "columns", self.rows)
        if min(self.width, self.height, self.rows, self.columns) < 1:
            raise InputError(
                "width, height, rows and columns must be at least 1; got "
                f"{self.width}, {self.height}, {self.rows}, {self.columns}."
            )
        if not (right > left and bottom > top):
            raise InputError(f"crop must be left, top, right, bottom, not empty; got {self.crop}.")

    @property
    def grid(self) -> Grid:
        """Rows and columns of the patch grid."""
        return Grid(self.rows, self.columns)

    @property
    def whole(self) -> bool:
        """Whether the grid shows the whole image, and nothing beside it."""
        return tuple(self.crop) == (0, 0, self.width, self.height)

    def resize_matrices(
        self, mode: ResizeMode = "bilinear"
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The resize from the patch grid to the image as two matrices.

        For a map C (rows x columns), ``R_h @ C @ R_w.T`` is C resized to the image, as
        ``F.interpolate(C, mode=mode, align_corners=False)`` does it onto the crop; pixels outside
        the crop get 0.

        Args:
            mode: the interpolation.

        Returns:
            R_h "height rows" and R_w "width columns", read-only, shared between calls. Rows of a
            matrix that lie inside the crop sum to 1, those outside are 0.
        """
        if mode not in ("bilinear", "bicubic"):
            raise InputError(f"mode must be 'bilinear' or 'bicubic'; got {mode!r}.")
        left, top, right, bottom = self.crop
        return (
            _resize_matrix(self.height, top, bottom, self.rows, mode),
            _resize_matrix(self.width, left, right, self.columns, mode),
        )

    def pixel_to_patch(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column of the patch that shows the point (x, y); None if no patch shows it."""
        left, top, right, bottom = self.crop
        inside = left <= x < right and top <= y < bottom
        if not (inside and 0 <= x < self.width and 0 <= y < self.height):
            return None
        row = math.floor((y - top) / (bottom - top) * self.rows)
        column = math.floor((x - left) / (right - left) * self.columns)
        return min(row, self.rows - 1), min(column, self.columns - 1)

    def centre_pixels(self) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
        """The pixels under the patches' centres: their rows "rows", their columns "columns".

        A centre on the line between two pixels lies in the right or lower one, as in
        `pixel_to_patch`. A crop that reaches beyond the image has centres outside it.
        """
        left, top, right, bottom = self.crop
        return _centres(top, bottom, self.rows), _centres(left, right, self.columns)

    def patch_to_box(self, row: int, column: int) -> Box:
        """Left, top, right, bottom of the patch, in pixels of the upright image."""
        if not (0 <= row < self.rows and 0 <= column < self.columns):
            raise InputError(
                f"row and column must be in 0..{self.rows - 1} and 0..{self.columns - 1}; got "
                f"{row} and {column}."
            )
        left, top, right, bottom = self.crop
        width, height = (right - left) / self.columns, (bottom - top) / self.rows
        x, y = left + column * width, top + row * height
        return x, y, x + width, y + height


def _centres(start: float, stop: float, patches: int) -> NDArray[np.int_]:
    """The pixel under each patch's centre along one axis."""
    centres = start + (stop - start) * (2 * np.arange(patches) + 1) / (2 * patches)
    # A centre that rounding puts a hair before the line between pixels lies on it.
    return np.floor(centres + 1e-9).astype(int)


def squash(width: int, height: int, rows: int, columns: int = 0) -> PixelTransform:
    """The whole image on a grid, squashed to the model's shape (BLIP: a square).

    Args:
        width: of the upright image, in pixels.
        height: of the upright image, in pixels.
        rows: of the patch grid.
        columns: of the patch grid; 0 stands for as many as rows.
    """
    return PixelTransform(width, height, (0, 0, width, height), rows, columns)


def center_crop(
    width: int,
    height: int,
    rows: int,
    columns: int = 0,
    *,
    size: int | None = None,
    crop: int | None = None,
) -> PixelTransform:
    """The square in the middle (CLIP: shortest edge resized to `size`, then a centre crop).

    Args:
        width: of the upright image.
        height: of the upright image.
        rows: of the patch grid.
        columns: of the patch grid; 0 stands for as many as rows.
        size: what the processor makes of the shortest edge, in pixels; with it, its rounding to
            whole pixels is followed.
        crop: edge of the square that is cut out after that, in pixels; None is `size`.
    """
    short = min(width, height)
    if size is None:
        left, top = (width - short) / 2, (height - short) / 2
        return PixelTransform(width, height, (left, top, left + short, top + short), rows, columns)
    # transformers: the long edge is truncated to whole pixels, and so is half of the margin.
    resized = [size if edge == short else int(size * edge / short) for edge in (width, height)]
    (left, right), (top, bottom) = (
        _scaled_margin(edge, long, crop or size)
        for edge, long in zip((width, height), resized, strict=True)
    )
    return PixelTransform(width, height, (left, top, right, bottom), rows, columns)


def _scaled_margin(edge: int, resized: int, size: int) -> tuple[float, float]:
    start = (resized - size) // 2
    return start * edge / resized, (start + size) * edge / resized


@lru_cache(maxsize=64)
def _resize_matrix(
    length: int, start: float, stop: float, patches: int, mode: ResizeMode
) -> NDArray[np.float64]:
    """One axis of the resize: "length patches"."""
    centers = np.arange(length) + 0.5
    inside = (centers >= start) & (centers < stop)
    # Half-pixel centres, as align_corners=False has them.
    source = (centers - start) * (patches / (stop - start)) - 0.5
    if mode == "bilinear":
        source = np.maximum(source, 0)
        offsets = np.arange(2)
    else:
        offsets = np.arange(-1, 3)
    lowest = np.floor(source)
    fraction = source - lowest
    index = np.clip(lowest[:, None] + offsets, 0, patches - 1).astype(int)
    weight = _linear(fraction) if mode == "bilinear" else _cubic(fraction)
    matrix = np.zeros((length, patches))
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
