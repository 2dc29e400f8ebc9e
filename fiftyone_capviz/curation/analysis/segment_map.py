"""The map of all segments: their embeddings, projected to 2-D for the App's own Embeddings panel.

The analysis hands over the embeddings that it has just pooled; those of earlier runs, and of a
user's own segments, are computed here.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from bson import ObjectId
from PIL.Image import Image

from fiftyone_capviz.curation.dataset.documents import full_masks
from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.dataset.map_run import register_map, segment_ids
from fiftyone_capviz.curation.dataset.names import SegmentFields
from fiftyone_capviz.curation.dataset.progress import Progress, ProgressCallback
from fiftyone_capviz.curation.dataset.states import Task, read_states
from fiftyone_capviz.curation.inference.batches import Item, PreparedBatches
from fiftyone_capviz.curation.inference.engines import load_captioner, models_in_use
from fiftyone_capviz.curation.inference.memory import free_memory, is_out_of_memory
from fiftyone_capviz.curation.inference.segment_weights import weights_of
from fiftyone_capviz.errors import ImageError, InputError, StoppedError
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.analysis import AnalysisOptions

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache

MIN_SEGMENTS = 2
NO_UMAP = (
    "UMAP needs the package umap-learn: pip install 'fiftyone-capviz[umap]', or choose "
    "map_method='tsne'."
)


@dataclass(frozen=True)
class MapReport:
    """What :func:`map_segments` did.

    Attributes:
        brain_key: where the map is; open it in the Embeddings panel.
        segments: points on the map.
        computed: segments whose embedding was computed by this call (the others were handed in).
        skipped: segments without an embedding (image not readable).
        seconds: wall-clock time.
        method, embeddings, seed: as asked.
    """

    brain_key: str
    segments: int
    computed: int
    skipped: int
    seconds: float
    method: str
    embeddings: str
    seed: int

    def to_dict(self) -> dict[str, str | int | float]:
        """For the provenance run."""
        return dict(self.__dict__)


def has_umap() -> bool:
    """Whether the package that draws maps by UMAP is installed; it is an extra."""
    return importlib.util.find_spec("umap") is not None


def require_map_method(method: str) -> None:
    """Refuse a method whose package is not installed, before anything is computed.

    Raises:
        InputError: how to get it.
    """
    if method == "umap" and not has_umap():
        raise InputError(NO_UMAP)


def map_segments(
    collection: Any,
    options: AnalysisOptions | None = None,
    *,
    embeddings: Mapping[str, FloatArray] | None = None,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
    cache: Any = None,
) -> MapReport:
    """Project the segments of a dataset or view to 2-D and register the brain run.

    Running it again overwrites the run. The same segments in the same order with the same seed
    give the same points.

    Args:
        collection: a dataset or view: the map holds its segments.
        options: segments field, kind of embedding, method, seed, captioner.
        embeddings: label id -> vector, from the run that has just computed them; those that are
            missing are computed from the captioner's image encoder.
        progress, stop: as in ``analyze``.
        cache: where loaded models are kept; default the process's own.

    Raises:
        InputError: fewer than two segments, no such field, or UMAP without its package.
        StoppedError: ``stop`` said so; an older map stays.
    """
    started = time.perf_counter()
    options = (options or AnalysisOptions()).validated()
    dataset = collection._root_dataset
    fields = SegmentFields(options.segments_field)
    require_map_method(options.map_method)
    if options.map_method == "none":
        raise InputError('A map needs a method; got map_method="none". Choose "tsne" or "umap".')
    labels = segment_ids(collection, options.segments_field)
    total = sum(len(ids) for ids in labels.values())
    _require_enough(total, options.segments_field)
    handed = {} if embeddings is None else embeddings
    vectors = dict(handed)
    missing = [s for s, ids in labels.items() if any(one not in vectors for one in ids)]
    if missing:
        found = compute_vectors(
            dataset, missing, options, progress=progress, stop=stop, cache=cache
        )
        vectors = {**found, **vectors}
    wanted = [one for ids in labels.values() for one in ids]
    usable = [one for one in wanted if one in vectors and np.isfinite(vectors[one]).all()]
    _require_enough(len(usable), options.segments_field)
    if stop is not None and stop():
        raise StoppedError("The map was not computed, because the run was stopped.")
    if progress is not None:
        progress(Progress("map", 0, 1, f"projecting {len(usable):,} segments to 2-D"))
    from fiftyone_capviz.segment_embeddings import project_2d

    table = np.stack([np.asarray(vectors[one], np.float32) for one in usable])
    method: Literal["tsne", "umap"] = "umap" if options.map_method == "umap" else "tsne"
    points = project_2d(table, method=method, seed=options.map_seed)
    register_map(dataset, options.segments_field, label_ids=usable, points=points)
    if progress is not None:
        progress(Progress("map", 1, 1, f"{len(usable):,} segments mapped"))
    return MapReport(
        fields.map_key,
        len(usable),
        sum(one not in handed for one in usable),
        total - len(usable),
        time.perf_counter() - started,
        options.map_method,
        options.embeddings,
        options.map_seed,
    )


def _require_enough(count: int, segments_field: str) -> None:
    if count < MIN_SEGMENTS:
        raise InputError(
            f"A map needs at least {MIN_SEGMENTS} segments; {segments_field!r} holds {count} in "
            "this view. Segment more images, or choose a larger view."
        )


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
