"""Masks in boxes: cropped, placed in the image without an array of its size each, and whole.

Formulas: docs/methods.md, section 1.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import BoolArray, FloatArray

RelativeBox = tuple[float, float, float, float]
"""Left, top, width, height as shares of the image: FiftyOne's bounding box."""


def crop_mask(mask: BoolArray) -> tuple[RelativeBox, BoolArray]:
    """Cut a mask to its bounding box; `masks_from_boxes` is the exact inverse.

    Args:
        mask: bool "height width".

    Returns:
        The box as shares of the image, and the mask inside it. An empty mask gives an empty box
        and a 0 x 0 mask.
    """
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return (0.0, 0.0, 0.0, 0.0), np.zeros((0, 0), dtype=bool)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    box = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    return box, np.ascontiguousarray(mask[top:bottom, left:right])


@dataclass(frozen=True, eq=False)
class PlacedMasks:
    """Masks as cells over pixels of the image, without an array of the image's size each.

    What is summed over a segment's pixels is summed over its cells: a box is one cell, so that
    hundreds of them on a large photograph cost nothing.

    Attributes:
        cells: bool "rows columns", one per mask.
        row_edges, column_edges: of each mask the pixel at which each of its rows of cells begins,
            and the one behind its last: "rows+1", "columns+1". Cells may be empty of pixels.
        height, width: of the upright image.
    """

    cells: tuple[BoolArray, ...]
    row_edges: tuple[NDArray[np.intp], ...]
    column_edges: tuple[NDArray[np.intp], ...]
    height: int
    width: int

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, index: int) -> BoolArray:
        """One of them as bool "height width"."""
        cells, rows, columns = self.cells[index], self.row_edges[index], self.column_edges[index]
        mask = np.zeros((self.height, self.width), dtype=bool)
        spread = cells.repeat(np.diff(rows), axis=0).repeat(np.diff(columns), axis=1)
        mask[rows[0] : rows[-1], columns[0] : columns[-1]] = spread
        return mask

    @property
    def pixels(self) -> NDArray[np.int64]:
        """How many pixels each mask has."""
        counts = [
            np.diff(rows) @ cells.astype(np.int64) @ np.diff(columns)
            for cells, rows, columns in self.parts()
        ]
        return np.array(counts, dtype=np.int64)

    @property
    def areas(self) -> FloatArray:
        """Share of the image that each mask owns, 0..1."""
        return self.pixels / max(1, self.height * self.width)

    def dense(self) -> BoolArray:
        """As bool "masks height width"."""
        masks = np.zeros((len(self), self.height, self.width), dtype=bool)
        for index in range(len(self)):
            masks[index] = self[index]
        return masks

    def parts(self) -> Iterator[tuple[BoolArray, NDArray[np.intp], NDArray[np.intp]]]:
        """Cells, row edges and column edges of each mask."""
        return zip(self.cells, self.row_edges, self.column_edges, strict=True)


def place_masks(
    boxes: Sequence[Sequence[float]],
    cropped_masks: Sequence[NDArray[np.generic] | None] | None = None,
    *,
    height: int,
    width: int,
) -> PlacedMasks:
    """Where bounding boxes with or without instance masks lie in an image.

    Args:
        boxes: left, top, width, height as shares of the image; may reach outside it.
        cropped_masks: for each box the mask inside it (2-D, non-zero = inside), resized to the
            box by nearest neighbour where it has another size; None: the whole box.
        height: of the upright image.
        width: of the upright image.

    Returns:
        One mask per box. A box that covers a part of a pixel has at least one pixel in each
        direction; an empty box has none.

    Raises:
        InputError: boxes that are not four finite numbers, or not as many masks as boxes.
    """
    shares = np.asarray(boxes, dtype=float) if len(boxes) else np.zeros((0, 4))
    if shares.ndim != 2 or shares.shape[1] != 4 or not np.isfinite(shares).all():
        raise InputError(
            "boxes must be left, top, width, height as shares of the image; got an array of shape "
            f"{shares.shape} with {np.count_nonzero(~np.isfinite(shares))} entries not finite."
        )
    crops = [None] * len(boxes) if cropped_masks is None else list(cropped_masks)
    if len(crops) != len(boxes):
        raise InputError(
            f"There must be one mask (or None) per box; got {len(crops)} for {len(boxes)} boxes."
        )
    cells, row_edges, column_edges = [], [], []
    for (left, top, across, down), crop in zip(shares.tolist(), crops, strict=True):
        inside = np.ones((1, 1), bool) if crop is None else np.asarray(crop) != 0
        cells.append(inside)
        row_edges.append(_edges(_pixel_span(top, down, height), inside.shape[0], height))
        column_edges.append(_edges(_pixel_span(left, across, width), inside.shape[1], width))
    return PlacedMasks(tuple(cells), tuple(row_edges), tuple(column_edges), height, width)


def masks_from_boxes(
    boxes: Sequence[Sequence[float]],
    cropped_masks: Sequence[NDArray[np.generic] | None] | None = None,
    *,
    height: int,
    width: int,
) -> BoolArray:
    """Full-size masks from bounding boxes with or without instance masks: `place_masks`, dense.

    Returns:
        bool "boxes height width".

    Raises:
        InputError: as `place_masks`.
    """
    return place_masks(boxes, cropped_masks, height=height, width=width).dense()


def _pixel_span(start: float, share: float, length: int) -> tuple[int, int]:
    if share <= 0:
        return 0, 0
    first, last = round(start * length), round((start + share) * length)
    # Thinner than a pixel: the pixel that its middle lies in.
    return (first, last) if last > first else _around((start + share / 2) * length)


def _around(middle: float) -> tuple[int, int]:
    return math.floor(middle), math.floor(middle) + 1


def _clip(span: tuple[int, int], length: int) -> tuple[int, int]:
    return min(max(span[0], 0), length), min(max(span[1], 0), length)


def _edges(span: tuple[int, int], cells: int, length: int) -> NDArray[np.intp]:
    """At which pixel each of the cells over a span begins, and where the last ends.

    A pixel belongs to the cell that its centre lies in. What lies outside the image is cut off,
    from the mask as from the box.
    """
    first, last = _clip(span, length)
    if last <= first or not cells:
        return np.full(cells + 1, first, dtype=np.intp)
    centers = np.arange(first, last) + 0.5 - span[0]
    owners = np.minimum(centers * cells / (span[1] - span[0]), cells - 1).astype(np.intp)
    edges: NDArray[np.intp] = first + np.searchsorted(owners, np.arange(cells + 1))
    return edges
