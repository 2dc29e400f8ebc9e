"""What a map without any knowledge of image and words reaches: the level to read figures against.

"uniform" is the expected figure of a map drawn by lot; "centre" is one bell around the middle of
the image, where photographs have their subject.

Formulas: docs/methods.md, section 7.6.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.evaluation.grounding import Grounding, energy_inside, ranked_first
from fiftyone_capviz.evaluation.regions import HIT_SHARE, GridRegions
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import FloatArray

REFERENCES = ("uniform", "centre")
WIDTH = 0.25
"""Standard deviation of the bell, as a share of the image's sides."""


def centre_map(transform: PixelTransform) -> NDArray[np.float64]:
    """A bell around the middle of the image, on a grid: "rows columns", at most 1."""
    left, top, right, bottom = transform.crop
    beside, below = ((np.arange(n) + 0.5) / n for n in (transform.columns, transform.rows))
    across = (left + (right - left) * beside) / transform.width - 0.5
    down = (top + (bottom - top) * below) / transform.height - 0.5
    bell: NDArray[np.float64] = np.exp(-(down[:, None] ** 2 + across[None] ** 2) / (2 * WIDTH**2))
    return bell


def ground_references(
    index: Sequence[int], regions: GridRegions, transform: PixelTransform
) -> Grounding:
    """The references' figures on one image.

    Args:
        index: the objects, places among the regions.
        regions: of the image, on the grid of the transform.
        transform: of the image to the grid.

    Returns:
        "references pairs", in the order of `REFERENCES`. Where patches share the largest value a
        hit is the share of them that lie in the object. "uniform" ranks by lot. Without signs.
    """
    shares = regions.shares.reshape(len(regions.shares), -1)[list(index)]
    maps = np.stack([np.ones(transform.grid), centre_map(transform)])
    flat = np.repeat(maps.reshape(len(maps), 1, -1), len(index), axis=1)
    ranked = ranked_first(flat, index, regions)
    count = len(np.unique(regions.numbers))
    ranked[0] = 1 / count if count > 1 else np.nan
    unknown = np.full(ranked.shape, np.nan)
    return Grounding(
        hit=_expected_hits(flat, shares),
        energy=energy_inside(flat, shares),
        ranked=ranked,
        own=unknown,
        cross_negative=unknown,
        cross_count=unknown,
    )


def _expected_hits(maps: FloatArray, shares: FloatArray) -> NDArray[np.float64]:
    """The point game where the largest value is chosen by lot among equal ones."""
    largest = np.isclose(maps, maps.max(axis=-1, keepdims=True), rtol=1e-9)
    hits: NDArray[np.float64] = (largest & (shares >= HIT_SHARE)).sum(axis=-1) / largest.sum(-1)
    return hits
