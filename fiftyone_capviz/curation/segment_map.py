"""The map of all segments: embeddings to 2-D, registered for the App's own Embeddings panel."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import fiftyone.brain as fob
import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.curation.fields import SegmentFields
from fiftyone_capviz.curation.options import AnalysisOptions
from fiftyone_capviz.curation.report import Progress, ProgressCallback
from fiftyone_capviz.curation.sample_ids import sample_ids
from fiftyone_capviz.errors import InputError, StoppedError
from fiftyone_capviz.records import FloatArray

MIN_SEGMENTS = 2


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


def map_key(segments_field: str = "segments") -> str:
    """Brain key of a segments field's map."""
    return SegmentFields(segments_field).map_key


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
        InputError: fewer than two segments, or no such field.
        StoppedError: ``stop`` said so; an older map stays.
    """
    started = time.perf_counter()
    options = (options or AnalysisOptions()).validated()
    dataset = collection._root_dataset
    fields = SegmentFields(options.segments_field)
    if options.map_method == "none":
        raise InputError('A map needs a method; got map_method="none". Choose "tsne" or "umap".')
    labels = segment_ids(collection, options.segments_field)
    total = sum(len(ids) for ids in labels.values())
    _require_enough(total, options.segments_field)
    handed = {} if embeddings is None else embeddings
    vectors = dict(handed)
    missing = [s for s, ids in labels.items() if any(one not in vectors for one in ids)]
    if missing:
        from fiftyone_capviz.curation.map_vectors import compute_vectors

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


def register_map(
    dataset: Any,
    segments_field: str,
    *,
    label_ids: Sequence[str],
    points: NDArray[np.floating],
) -> None:
    """Register 2-D points (one row per label id) as the brain run ``<segments>_map``."""
    key = SegmentFields(segments_field).map_key
    # Values must be arrays of their own: a list, or rows of one table given as a list, is read as
    # an array in sample order (brain 0.25).
    named = {one: np.array(row, np.float64) for one, row in zip(label_ids, points, strict=True)}
    fob.compute_visualization(
        dataset,
        patches_field=segments_field,
        points=named,
        brain_key=key,
        method="manual",
        progress=False,
    )


def read_map(dataset: Any, segments_field: str = "segments") -> dict[str, tuple[float, float]]:
    """Label id -> point; empty where there is no map."""
    key = map_key(segments_field)
    if not dataset.has_brain_run(key):
        return {}
    results = dataset.load_brain_results(key)
    if results is None:
        return {}
    return {
        str(label_id): (float(point[0]), float(point[1]))
        for label_id, point in zip(results.label_ids, results.points, strict=True)
    }


def refresh_map(dataset: Any, segments_field: str = "segments") -> None:
    """Make an open Embeddings panel fetch its colors again.

    The server keeps a color column per (run, time stamp of the run, field). So values that change
    under the same field are not seen until the time stamp changes.
    """
    run = dataset._doc.brain_methods.get(map_key(segments_field))
    if run is None or not hasattr(run, "timestamp"):
        return
    run.timestamp = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    run.save()


def segment_ids(collection: Any, segments_field: str) -> dict[str, list[str]]:
    """Sample id -> label ids of its segments, in order; samples without segments are left out.

    Raises:
        InputError: no such field.
    """
    if not collection._root_dataset.has_field(segments_field):
        raise InputError(
            f"The segments field must exist; there is no {segments_field!r}. Run segment_images, "
            "or choose a field with detections."
        )
    ids = sample_ids(collection)
    view = collection._root_dataset.select(ids, ordered=True)
    found = view.values(["id", f"{segments_field}.detections.id"])
    return {sample: list(labels) for sample, labels in zip(*found, strict=True) if labels}


def _require_enough(count: int, segments_field: str) -> None:
    if count < MIN_SEGMENTS:
        raise InputError(
            f"A map needs at least {MIN_SEGMENTS} segments; {segments_field!r} holds {count} in "
            "this view. Segment more images, or choose a larger view."
        )
