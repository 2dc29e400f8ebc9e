"""Embeddings of stored segments, computed anew: after a resumed run, or for a user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from bson import ObjectId
from PIL.Image import Image

from fiftyone_capviz.curation.batches import Item, PreparedBatches
from fiftyone_capviz.curation.compute import free_memory, is_out_of_memory
from fiftyone_capviz.curation.documents import full_masks, stored_weights
from fiftyone_capviz.curation.engines import load_captioner, models_in_use
from fiftyone_capviz.curation.fields import SegmentFields
from fiftyone_capviz.curation.logs import get_logger
from fiftyone_capviz.curation.options import AnalysisOptions
from fiftyone_capviz.curation.plan import Task, read_states
from fiftyone_capviz.curation.report import Progress, ProgressCallback
from fiftyone_capviz.errors import ImageError, StoppedError
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.segments import patch_weights

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache

DEFAULT_BATCH = 16


def compute_vectors(
    dataset: Any,
    ids: Sequence[str],
    options: AnalysisOptions,
    *,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
    cache: ModelCache | None = None,
) -> dict[str, FloatArray]:
    """One vector per segment of these samples, from the captioner's image encoder.

    Args:
        dataset: where the samples are.
        ids: of the samples.
        options: captioner, segments field, and "pooled" or "crops".
        progress, stop, cache: as in ``analyze``.

    Returns:
        Label id -> float32 "hidden"; segments of images that cannot be read are missing.

    Raises:
        StoppedError: ``stop`` said so.
        ModelError: the captioner cannot be had.
    """
    states = read_states(dataset, [ObjectId(one) for one in ids], options)
    tasks = [Task(state, frozenset({"attribute"})) for state in states]
    found: dict[str, FloatArray] = {}
    with models_in_use(cache):
        captioner = load_captioner(options, cache)
        pooled = options.embeddings == "pooled"
        batches = PreparedBatches(
            tasks,
            dataset,
            batch_size=options.batch_size or DEFAULT_BATCH,
            segments=SegmentFields(options.segments_field),
            preparers={"captioner": captioner.preprocess} if pooled else {},
        )
        done = 0
        with batches:
            for items in batches:
                usable = [item for item in items if item.error is None and item.detections]
                found |= _vectors(captioner, usable, pooled=pooled)
                done += len(items)
                if progress is not None:
                    label = f"segments of {done} of {len(tasks)} images embedded"
                    progress(Progress("map", done, len(tasks) + 1, label))
                if done < len(tasks) and stop is not None and stop():
                    raise StoppedError(
                        "The map was not computed, because the run was stopped; an older one stays."
                    )
    return found


def _vectors(captioner: Any, items: Sequence[Item], *, pooled: bool) -> dict[str, FloatArray]:
    """Vectors of a batch; halved while it does not fit into memory."""
    if not items:
        return {}
    try:
        rows = _pooled(captioner, items) if pooled else [_cropped(captioner, i) for i in items]
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        free_memory()
        if len(items) == 1:
            get_logger().exception("embedding %s", items[0].task.sample.filepath)
            return {}
        half = len(items) // 2
        first = _vectors(captioner, items[:half], pooled=pooled)
        return first | _vectors(captioner, items[half:], pooled=pooled)
    found: dict[str, FloatArray] = {}
    for item, vectors in zip(items, rows, strict=True):
        names = (str(one["_id"]) for one in item.detections)
        found |= dict(zip(names, vectors, strict=False))
    return found


def _pooled(captioner: Any, items: Sequence[Item]) -> list[FloatArray]:
    import torch

    from fiftyone_capviz.segment_embeddings import pooled_embeddings

    features = captioner.encode(torch.stack([item.pixels["captioner"] for item in items]))
    rows = features.float().cpu().numpy()
    found = []
    for item, row in zip(items, rows, strict=True):
        weights = weights_of(captioner, item)
        empty = np.zeros((0, row.shape[1]), np.float32)
        found.append(empty if weights is None else pooled_embeddings(row, weights))
    return found


def _cropped(captioner: Any, item: Item) -> FloatArray:
    from fiftyone_capviz.segment_embeddings import crop_embeddings

    def encode(crops: Sequence[Image]) -> FloatArray:
        features = captioner.encode(captioner.preprocess(list(crops)))
        vectors: FloatArray = features[:, 0].float().cpu().numpy()
        return vectors

    if item.image is None:
        return np.zeros((0, 0), np.float32)
    width, height = item.image.size
    try:
        masks = full_masks(item.detections, width=width, height=height)
    except ImageError:
        return np.zeros((0, 0), np.float32)
    return crop_embeddings(item.image, masks, encode=encode)


def weights_of(encoder: Any, item: Item) -> FloatArray | None:
    """Patch weights of an item's segments on a model's grid: the stored ones where they fit.

    Returns:
        "segments p p"; None where a mask file cannot be read.
    """
    if item.image is None:
        return None
    width, height = item.image.size
    transform = encoder.transform(width, height)
    whole = tuple(transform.crop) == (0, 0, width, height)
    weights = stored_weights(item.detections, encoder.grid) if whole else None
    if weights is not None:
        return weights
    try:
        return patch_weights(full_masks(item.detections, width=width, height=height), transform)
    except ImageError:
        return None
