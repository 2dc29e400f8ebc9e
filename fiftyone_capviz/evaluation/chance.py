"""What a map without any knowledge of image and words reaches: the level to read figures against.

"random" is the expected figure of a map drawn by lot; "centre" is one bell around the middle of
the image, where photographs have their subject.

Formulas: docs/methods.md, sections 7.6, 7.15.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.evaluation.grounding import (
    Grounding,
    energy_inside,
    point_game,
    ranked_first,
)
from fiftyone_capviz.evaluation.regions import LENIENT_SHARE, GridRegions
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import FloatArray

REFERENCES = ("random", "centre")
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
        "references pairs", in the order of `REFERENCES`. "random" hits by the share of the patches
        that are the object's, and ranks by lot. Without signs.
    """
    shares = regions.shares.reshape(len(regions.shares), -1)[list(index)]
    maps = np.stack([np.ones(transform.grid), centre_map(transform)])
    flat = np.repeat(maps.reshape(len(maps), 1, -1), len(index), axis=1)
    ranked = ranked_first(flat, index, regions)
    count = len(np.unique(regions.numbers))
    ranked[0] = 1 / count if count > 1 else np.nan
    unknown = np.full(ranked.shape, np.nan)
    owned = [regions.centres.reshape(regions.shares.shape[0], -1)[list(index)]]
    owned.append(shares >= LENIENT_SHARE)
    hit, lenient = (point_game(flat, each) for each in owned)
    hit[0], lenient[0] = (each.mean(axis=-1) for each in owned)
    return Grounding(
        hit=hit,
        lenient=lenient,
        energy=energy_inside(flat, shares),
        ranked=ranked,
        own=unknown,
        cross_negative=unknown,
        cross_count=unknown,
    )


def beats_controls(
    hits: FloatArray, controls: FloatArray, intervals: GroupIntervals
) -> bool | None:
    """Whether a method hits more often than each control on the same objects, beyond chance.

    Args:
        hits: of the method, "objects"; nan where an object does not count.
        controls: "controls objects".
        intervals: over the objects.

    Returns:
        None where there are too few images to tell.
    """
    found = [intervals.difference(hits, control) for control in controls]
    if not all(np.isfinite(one.low) for one in found):
        return None
    return all(one.low > 0 for one in found)
