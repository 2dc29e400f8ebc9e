"""The patches that a sample's segments own, for sums over a segment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fiftyone_capviz.curation.documents import full_masks
from fiftyone_capviz.curation.pair_sample import PairSample
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.segments import patch_weights


@dataclass(frozen=True, eq=False)
class SegmentRegions:
    """One entry per segment, in the order of the sample's.

    Attributes:
        shares: how much of each patch it owns, 0..1, "segments p p"; those of segments that tile
            the image sum to 1 on every patch, so the parts of a score sum to the whole.
        problems: why it says nothing, such as its size; None where nothing is wrong.
    """

    shares: FloatArray
    problems: tuple[str | None, ...]


def segment_regions(sample: PairSample, transform: PixelTransform) -> SegmentRegions:
    """Where the segments are on the grid, by the rules of any region that a user draws."""
    from fiftyone_capviz.attribution.pair_slices import patch_shares, region_problem

    masks = full_masks(sample.detections, width=transform.width, height=transform.height)
    weights = patch_weights(masks, transform)
    problems = tuple(
        region_problem(transform, pixels=int(np.count_nonzero(mask)), weights=own)
        for mask, own in zip(masks, weights, strict=True)
    )
    return SegmentRegions(patch_shares(weights, transform).clip(0, 1), problems)
