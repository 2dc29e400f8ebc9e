"""Word maps pooled over the segments of one image, new ones or those that are stored.

Formulas: docs/methods.md, sections 1.3, 3.1, 3.5.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.curation.analysis.results import SampleResult, SegmentResult
from fiftyone_capviz.curation.dataset.documents import (
    full_masks,
    segments_signature,
    stored_weights,
)
from fiftyone_capviz.curation.inference.batches import Item
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.segments import owned_shares, score_table, seen_segments

if TYPE_CHECKING:
    import torch

    from fiftyone_capviz.models.interfaces import DualEncoder, ImageEncoder

# Stored weights are float16; those of a squashed image sum to the segment's area.
AREA_TOLERANCE = 2e-3


def score_segments(
    item: Item,
    result: SampleResult,
    *,
    encoder: ImageEncoder | DualEncoder,
    segment_hash: str,
    top_k: int,
) -> None:
    """Fill a result's scores, coverage and signature from its word maps.

    Segments that the model does not see have no scores, and do not count.

    Patch weights are rounded to float16 before use, as they are stored, so that a later run over
    the stored segments finds the same scores. Those of a centre crop are not kept: what is stored
    is of the whole image.

    Args:
        item: the image, and its stored segments if they are to be used.
        result: with word maps; with segments if they have just been made.
        encoder: whose patch grid the maps are on.
        segment_hash: of the configuration that new segments come from.
        top_k: how many segments a word may cover.

    Raises:
        ImageError: a mask file of a stored segment cannot be read.
        InputError: a box of a stored segment is no box.
    """
    if item.image is None or result.maps is None or result.words is None:
        return
    width, height = item.image.size
    transform = encoder.transform(width, height)
    segments = result.segments
    if segments is None:
        segments = _stored_segments(item, transform)
        result.signature = segments_signature(item.task.sample.segments_stage, item.detections)
    else:
        result.signature = segments_signature(segment_hash, [{}] * len(segments))
    seen = np.ones(len(segments), dtype=bool)
    if segments.weights is None:
        masks = item.masks
        if masks is None:
            masks = full_masks(item.detections, width=width, height=height)
            segments.areas = _areas(masks)
        segments.weights = owned_shares(masks, transform).astype(np.float16)
        seen = seen_segments(masks, transform)
    weights = segments.weights.astype(np.float32)
    result.scores = score_table(weights, segments.areas, result.maps, seen)
    result.coverage = measure_coverage(result.scores, top_k=top_k, seen=seen)
    if not transform.whole:
        segments.weights = None
    if len(segments):
        result.segments = segments


def embed_segments(result: SampleResult, features: torch.Tensor) -> None:
    """Give new segments the mean of their patches' features, for the map.

    Args:
        result: with scored segments.
        features: of the image, "1+patches hidden", on the grid of the weights; rows after those of
            the image's own patches are padding.
    """
    segments = result.segments
    if segments is None or segments.masks is None or segments.weights is None:
        return
    from fiftyone_capviz.segment_embeddings import pooled_embeddings

    own = features[: 1 + math.prod(segments.weights.shape[1:])]
    segments.embeddings = pooled_embeddings(own.float().cpu().numpy(), segments.weights)


def _stored_segments(item: Item, transform: PixelTransform) -> SegmentResult:
    """The stored segments, with their stored weights if these are on the same grid.

    Weights of a crop are made anew.
    """
    detections = item.detections
    areas = np.array([each.get("area") or np.nan for each in detections], dtype=float)
    weights = stored_weights(detections, transform.grid) if transform.whole else None
    if weights is not None and len(weights):
        sums = weights.astype(np.float64).sum(axis=(1, 2))
        if not np.allclose(sums, areas, rtol=AREA_TOLERANCE, atol=1e-4):
            weights = None
    return SegmentResult(
        areas,
        np.full(len(detections), np.nan),
        ids=[each["_id"] for each in detections],
        kept_labels=item.task.sample.segments_stage is None,
        weights=weights,
    )


def _areas(masks: BoolArray) -> FloatArray:
    areas: FloatArray = masks.reshape(len(masks), -1).mean(axis=1) if len(masks) else np.zeros(0)
    return areas
