"""Weights on image patches, made from segments.

Formulas: docs/methods.md, sections 5.2 to 5.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import FloatArray


def coverage_of_segments(owned_shares: FloatArray) -> FloatArray:
    """How much of each patch the chosen segments cover.

    Args:
        owned_shares: share of the image's pixels per patch that each segment owns
            (docs/methods.md, 1.3), float "segments rows columns" or "rows columns".

    Returns:
        Float64 "rows columns", 0..1; each segment's best covered patch counts as 1, so that a thin
        segment can be steered too.

    Raises:
        InputError: no segment, or an array of another shape.
    """
    shares = np.asarray(owned_shares, dtype=np.float64)
    shares = shares[None] if shares.ndim == 2 else shares
    if shares.ndim != 3 or not len(shares):
        raise InputError(
            "owned_shares must be (segments, rows, columns) with a segment or more; got "
            f"{shares.shape}."
        )
    largest = shares.max(axis=(1, 2), keepdims=True)
    normalised = np.divide(shares, largest, out=np.zeros_like(shares), where=largest > 0)
    covered: FloatArray = normalised.max(axis=0).clip(0, 1)
    return covered


@dataclass(frozen=True, eq=False)
class PatchSelection:
    """Patches that share one dial.

    Attributes:
        coverage: how much of each patch is meant, 0..1, float "rows columns".
        weight: where the dial stands: at least 0, 1 changes nothing.
    """

    coverage: FloatArray
    weight: float

    @property
    def changes_something(self) -> bool:
        """Whether it holds a patch, and its dial has left 1."""
        return self.weight != 1 and bool((np.asarray(self.coverage) > 0).any())


def combined_weights(selections: Sequence[PatchSelection]) -> FloatArray:
    """The weights of several selections on one grid; where they overlap, their product.

    Args:
        selections: one or more, all on the same grid.

    Returns:
        Float64 "rows columns".

    Raises:
        InputError: no selection, or grids that differ.
    """
    shapes = {np.shape(one.coverage) for one in selections}
    if len(shapes) != 1:
        raise InputError(
            "Selections must lie on one patch grid; got "
            f"{', '.join(map(str, sorted(shapes))) or 'no selection'}."
        )
    product: FloatArray = np.ones(shapes.pop())
    for one in selections:
        product = product * weights_at(one.coverage, one.weight)
    return product


def weights_at(coverage: FloatArray, weight: float) -> FloatArray:
    if not np.isfinite(weight) or weight < 0:
        raise InputError(f"A weight must be at least 0; got {weight}.")
    covered = np.asarray(coverage, dtype=np.float64)
    if weight == 0:
        # 0 to a small power would remove a patch that the segment only touches.
        return 1 - covered
    weights: FloatArray = weight**covered
    return weights
