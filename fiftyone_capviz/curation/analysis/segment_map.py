"""The map of all segments: their embeddings, projected to 2-D for the App's own Embeddings panel.

The analysis hands over the embeddings that it has just pooled; those of earlier runs, and of a
user's own segments, are computed here.
"""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

import fiftyone as fo
import numpy as np
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from PIL.Image import Image

from fiftyone_capviz.curation.dataset.collection import root_dataset
from fiftyone_capviz.curation.dataset.documents import placed_masks
from fiftyone_capviz.curation.dataset.job import Job, JobKeywords, long_run
from fiftyone_capviz.curation.dataset.map_run import register_map, segment_ids
from fiftyone_capviz.curation.dataset.names import SegmentFields
from fiftyone_capviz.curation.dataset.ownership import refuse_their_map
from fiftyone_capviz.curation.dataset.progress import Failure, listed_failures
from fiftyone_capviz.curation.dataset.states import Task, read_states
from fiftyone_capviz.curation.dataset.store import clear_stop
from fiftyone_capviz.curation.inference.batch_loop import Work, Worker, run_batches
from fiftyone_capviz.curation.inference.batches import Item, ItemLoader
from fiftyone_capviz.curation.inference.loaded_models import load_captioner
from fiftyone_capviz.curation.inference.segment_weights import weights_of
from fiftyone_capviz.errors import ImageError, InputError, StoppedError
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.analysis import AnalysisOptions

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import Captioner

MIN_SEGMENTS = 2
STOPPED = "The map was not computed, because the run was stopped; an older one stays."
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
        failures: samples whose segments could not be embedded.
    """

    stopped: ClassVar[bool] = False  # stopped, it raises: there is no half of a map

    brain_key: str
    segments: int
    computed: int
    skipped: int
    seconds: float
    method: str
    embeddings: str
    seed: int
    failures: list[Failure] = field(default_factory=list)

    def summary(self) -> str:
        """A sentence or two for people."""
        text = f"{self.segments:,} segments mapped in {self.seconds:.1f} s."
        return f"{text} {self.skipped:,} have no embedding." if self.skipped else text

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self) | {"failures": listed_failures(self.failures)}


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
    collection: SampleCollection,
    options: AnalysisOptions | None = None,
    *,
    embeddings: Mapping[str, FloatArray] | None = None,
    **job: Unpack[JobKeywords],
) -> MapReport:
    """Project the segments of a dataset or view to 2-D and register the brain run.

    Running it again overwrites the run. The same segments in the same order with the same seed
    give the same points.

    Args:
        collection: a dataset or view: the map holds its segments.
        options: segments field, kind of embedding, method, seed, captioner.
        embeddings: label id -> vector, from the run that has just computed them; those that are
            missing are computed from the captioner's image encoder.
        job: progress, stop, cache, as in ``analyze``.

    Raises:
        InputError: fewer than two segments, no such field, or UMAP without its package.
        StoppedError: it was stopped; an older map stays.
        DatabaseError: MongoDB went away.
    """
    with long_run():
        clear_stop(root_dataset(collection))
        return make_map(collection, options, embeddings=embeddings, job=Job(**job))


def make_map(
    collection: SampleCollection,
    options: AnalysisOptions | None = None,
    *,
    embeddings: Mapping[str, FloatArray] | None = None,
    job: Job,
) -> MapReport:
    """`map_segments` as a part of a longer run."""
    started = time.perf_counter()
    options = (options or AnalysisOptions()).validated()
    dataset = root_dataset(collection)
    fields = SegmentFields(options.segments_field)
    require_map_method(options.map_method)
    if options.map_method == "none":
        raise InputError('A map needs a method; got map_method="none". Choose "tsne" or "umap".')
    refuse_their_map(dataset, options.segments_field)
    labels = segment_ids(collection, options.segments_field)
    total = sum(len(ids) for ids in labels.values())
    _require_enough(total, options.segments_field)
    handed = {} if embeddings is None else embeddings
    vectors = dict(handed)
    missing = [s for s, ids in labels.items() if any(one not in vectors for one in ids)]
    failures: list[Failure] = []
    if missing:
        computed = compute_vectors(dataset, missing, options, job, failed=failures.append)
        vectors = {**computed, **vectors}
    wanted = [one for ids in labels.values() for one in ids]
    usable = [one for one in wanted if one in vectors and np.isfinite(vectors[one]).all()]
    _require_enough(len(usable), options.segments_field)
    if job.asked_to_stop(dataset):
        raise StoppedError(STOPPED)
    job.tell("map", 0, 1, f"projecting {len(usable):,} segments to 2-D")
    from fiftyone_capviz.segment_embeddings import project_2d

    table = np.stack([np.asarray(vectors[one], np.float32) for one in usable])
    method: Literal["tsne", "umap"] = "umap" if options.map_method == "umap" else "tsne"
    points = project_2d(table, method=method, seed=options.map_seed)
    register_map(dataset, options.segments_field, label_ids=usable, points=points)
    job.tell("map", 1, 1, f"{len(usable):,} segments mapped")
    return MapReport(
        fields.map_key,
        len(usable),
        sum(one not in handed for one in usable),
        total - len(usable),
        time.perf_counter() - started,
        options.map_method,
        options.embeddings,
        options.map_seed,
        failures,
    )


def _require_enough(count: int, segments_field: str) -> None:
    if count < MIN_SEGMENTS:
        raise InputError(
            f"A map needs at least {MIN_SEGMENTS} segments; {segments_field!r} holds {count} in "
            "this view. Segment more images, or choose a larger view."
        )


DEFAULT_BATCH = 16


def compute_vectors(
    dataset: fo.Dataset,
    ids: Sequence[str],
    options: AnalysisOptions,
    job: Job,
    *,
    failed: Callable[[Failure], None] = lambda failure: None,
) -> dict[str, FloatArray]:
    """One vector per segment of these samples, from the captioner's image encoder.

    Args:
        dataset: where the samples are.
        ids: of the samples.
        options: captioner, segments field, and "pooled" or "crops".
        job: who follows.
        failed: called with each sample that cannot be used.

    Returns:
        Label id -> float32 "hidden"; segments of images that cannot be read are missing.

    Raises:
        StoppedError: it was stopped.
        ModelError: the captioner cannot be had.
    """
    states = read_states(dataset, [ObjectId(one) for one in ids], options)
    tasks = [Task(state, frozenset({"attribute"})) for state in states]
    found: dict[str, FloatArray] = {}

    def collect(result: SegmentVectors) -> None:
        found.update(result.vectors)
        if result.failure is not None:
            failed(result.failure)

    loop = run_batches(
        VectorWork(dataset.name, options),
        tasks,
        job,
        dataset=dataset,
        stored=collect,
        rejected=lambda result, reason: None,
    )
    if loop.stopped:
        raise StoppedError(STOPPED)
    return found


@dataclass(frozen=True)
class SegmentVectors:
    """The vectors of one image's segments, by label id; or why there are none."""

    vectors: Mapping[str, FloatArray] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def error(self) -> str | None:
        """Why there are none."""
        return None if self.failure is None else self.failure.message


@dataclass(frozen=True)
class VectorWork(Work[Task, Item, SegmentVectors]):
    """Embeds the stored segments of images.

    Attributes:
        dataset: its name.
        options: captioner, segments field, and "pooled" or "crops".
    """

    dataset: str
    options: AnalysisOptions
    stage = "segments"
    noun = "images embedded"

    def open(self, cache: ModelCache | None) -> VectorWorker:
        """Load the captioner."""
        captioner = load_captioner(self.options, cache)
        return VectorWorker(fo.load_dataset(self.dataset), captioner, self.options)


class VectorWorker(Worker[Task, Item, SegmentVectors]):
    """Embeds batches of images' segments."""

    def __init__(self, dataset: fo.Dataset, captioner: Captioner, options: AnalysisOptions) -> None:
        self._captioner, self._pooled = captioner, options.embeddings == "pooled"
        self.batch_size = options.batch_size or DEFAULT_BATCH
        self._loader = ItemLoader(
            dataset,
            batch_size=self.batch_size,
            segments=SegmentFields(options.segments_field),
            preparers={"captioner": captioner.preprocess} if self._pooled else {},
            pixel_range=options.pixel_range,
        )

    def prepare(self, units: Sequence[Task]) -> list[Item]:
        return self._loader.prepare(units)

    def compute(self, items: Sequence[Item]) -> list[SegmentVectors]:
        usable = [item for item in items if item.detections]
        if not usable:
            return []
        if self._pooled:
            rows = _pooled(self._captioner, usable)
        else:
            rows = [_cropped(self._captioner, item) for item in usable]
        return [
            SegmentVectors(dict(zip(_label_ids(item), vectors, strict=False)))
            for item, vectors in zip(usable, rows, strict=True)
        ]

    def failed(self, item: Item, message: str) -> SegmentVectors:
        sample = item.task.sample
        return SegmentVectors(failure=Failure(str(sample.id), sample.filepath, message))

    def close(self) -> None:
        self._loader.close()


def _label_ids(item: Item) -> Iterator[str]:
    return (str(one["_id"]) for one in item.detections)


def _pooled(captioner: Any, items: Sequence[Item]) -> list[FloatArray]:
    import torch

    from fiftyone_capviz.segment_embeddings import pooled_embeddings

    features = captioner.encode(torch.stack([item.pixels["captioner"] for item in items]))
    rows = features.float().cpu().numpy()
    found = []
    for item, row in zip(items, rows, strict=True):
        weights = weights_of(captioner, item)
        if weights is None:
            found.append(np.zeros((0, row.shape[1]), np.float32))
        else:  # what follows an image's own patches is padding
            own = row[: 1 + math.prod(weights.shape[1:])]
            found.append(pooled_embeddings(own, weights))
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
        masks = placed_masks(item.detections, width=width, height=height)
    except ImageError:
        return np.zeros((0, 0), np.float32)
    return crop_embeddings(item.image, masks, encode=encode)
