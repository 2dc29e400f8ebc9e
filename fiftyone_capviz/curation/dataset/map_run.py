"""The brain run that holds the map of a segments field: written, read, shown anew."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import fiftyone as fo
import fiftyone.brain as fob
import numpy as np
from fiftyone.core.collections import SampleCollection
from numpy.typing import NDArray

from fiftyone_capviz.curation.dataset.collection import brain_run_document, root_dataset
from fiftyone_capviz.curation.dataset.names import SegmentFields
from fiftyone_capviz.curation.dataset.samples import sample_ids
from fiftyone_capviz.curation.dataset.schema import MARK
from fiftyone_capviz.errors import InputError


def map_key(segments_field: str = "segments") -> str:
    """Brain key of a segments field's map."""
    return SegmentFields(segments_field).map_key


def register_map(
    dataset: fo.Dataset,
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
    run = brain_run_document(dataset, key)
    run.config[MARK] = True
    run.save()


def read_map(
    dataset: fo.Dataset, segments_field: str = "segments"
) -> dict[str, tuple[float, float]]:
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


def refresh_map(dataset: fo.Dataset, segments_field: str = "segments") -> None:
    """Make an open Embeddings panel fetch its colors again.

    The server keeps a color column per (run, time stamp of the run, field). So values that change
    under the same field are not seen until the time stamp changes.
    """
    run = brain_run_document(dataset, map_key(segments_field))
    if run is None or not hasattr(run, "timestamp"):
        return
    run.timestamp = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    run.save()


def segment_ids(collection: SampleCollection, segments_field: str) -> dict[str, list[str]]:
    """Sample id -> label ids of its segments, in order; samples without segments are left out.

    Raises:
        InputError: no such field.
    """
    if not root_dataset(collection).has_field(segments_field):
        raise InputError(
            f"The segments field must exist; there is no {segments_field!r}. Run segment_images, "
            "or choose a field with detections."
        )
    ids = sample_ids(collection)
    view = root_dataset(collection).select(ids, ordered=True)
    found = view.values(["id", f"{segments_field}.detections.id"])
    return {sample: list(labels) for sample, labels in zip(*found, strict=True) if labels}
