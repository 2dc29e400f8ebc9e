"""Word maps pooled over the segments of one image, new ones or those that are stored.

Formulas: docs/methods.md, sections 1.3, 3.1, 3.5.
"""

from __future__ import annotations

import math
from collections.abc import Container
from typing import TYPE_CHECKING

import numpy as np

from fiftyone_capviz.coverage import in_all_words, kept_words, measure_coverage
from fiftyone_capviz.curation.analysis.results import SampleResult, SegmentResult
from fiftyone_capviz.curation.dataset.documents import segments_signature
from fiftyone_capviz.curation.inference.batches import Item
from fiftyone_capviz.curation.inference.segment_weights import segment_weights
from fiftyone_capviz.segments import owned_shares, score_table, seen_segments

if TYPE_CHECKING:
    import torch

    from fiftyone_capviz.models.interfaces import DualEncoder, ImageEncoder


def score_segments(
    item: Item,
    result: SampleResult,
    *,
    encoder: ImageEncoder | DualEncoder,
    segment_hash: str,
    top_k: int,
    stop: Container[str] = (),
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
        stop: words that cover nothing: the dataset's own stop words.

    Raises:
        ImageError: a mask file of a stored segment cannot be read.
        InputError: a box of a stored segment is no box.
    """
    if item.image is None or result.maps is None or result.words is None:
        return
    transform = encoder.transform(*item.image.size)
    segments, sample = result.segments, item.task.sample
    if segments is not None and item.masks is not None:
        found = owned_shares(item.masks, transform)
        result.signature = segments_signature(segment_hash, [{}] * len(segments))
        seen = seen_segments(item.masks, transform)
    else:
        found, areas, seen = segment_weights(item.detections, transform)
        segments = SegmentResult(
            areas,
            np.full(len(areas), np.nan),
            ids=[each["_id"] for each in item.detections],
            kept_labels=sample.segments_stage is None,
        )
        result.signature = segments_signature(sample.segments_stage, item.detections)
    weights = found.astype(np.float16)
    result.scores = score_table(weights.astype(np.float32), segments.areas, result.maps, seen)
    kept = kept_words(result.words.words, stop)
    covered = measure_coverage(result.scores[:, kept], top_k=top_k, seen=seen)
    result.coverage = in_all_words(covered, kept)
    segments.weights = weights if transform.whole else None
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
