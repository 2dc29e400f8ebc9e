"""Images, decoded once and prepared while the models compute."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import fiftyone as fo
from PIL.Image import Image

from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import Document
from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.dataset.names import SegmentFields
from fiftyone_capviz.curation.dataset.states import Task
from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import BoolArray

if TYPE_CHECKING:
    import torch

Preparer = Callable[[Sequence[Image]], "torch.Tensor"]
MAX_WORKERS = 8


@dataclass
class Item:
    """One sample on its way through the stages.

    Attributes:
        task: what is stored, and what to do.
        image: upright RGB; None when it cannot be read.
        pixels: model kind -> its input "3 size size".
        detections: the stored segments' raw documents, where a stage needs them.
        masks: fresh segments, bool "segments height width", until they are pooled.
        error: why the sample cannot be used.
    """

    task: Task
    image: Image | None = None
    pixels: dict[str, torch.Tensor] = field(default_factory=dict)
    detections: list[Document] = field(default_factory=list)
    masks: BoolArray | None = None
    error: str | None = None


class ItemLoader:
    """Makes batches of tasks ready: decoded on a few threads, preprocessed for each model.

    Args:
        dataset: where the samples are.
        batch_size: images that are decoded at a time.
        segments: names of the segments field, whose stored labels a stage may need.
        preparers: model kind -> images to pixels.
        shared: model kind -> another kind that sees the same pixels.
        pixel_range: as of `AnalysisOptions`.
    """

    def __init__(
        self,
        dataset: fo.Dataset,
        *,
        batch_size: int,
        segments: SegmentFields,
        preparers: Mapping[str, Preparer],
        shared: Mapping[str, str] | None = None,
        pixel_range: str = "file",
    ) -> None:
        self._pixel_range = pixel_range
        self._dataset = dataset
        self._segments = segments
        self._preparers = dict(preparers)
        self._shared = dict(shared or {})
        workers = max(1, min(MAX_WORKERS, (os.cpu_count() or 2) - 1, batch_size))
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="capviz-decode")

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def prepare(self, tasks: Sequence[Task]) -> list[Item]:
        """Items of these tasks, in order; what cannot be read says so."""
        items = list(self._pool.map(partial(_decode, pixel_range=self._pixel_range), tasks))
        self._read_detections(items)
        readable = [item for item in items if item.image is not None]
        for kind, preparer in self._preparers.items():
            _preprocess(readable, kind, preparer)
        for kind, source in self._shared.items():
            for item in readable:
                if source in item.pixels:
                    item.pixels[kind] = item.pixels[source]
        return items

    def _read_detections(self, items: Sequence[Item]) -> None:
        """Stored segments of the samples whose words are attributed to them as they are."""
        wanted = {
            item.task.sample.id: item
            for item in items
            if "attribute" in item.task.stages
            and "segment" not in item.task.stages
            and item.task.sample.segment_count
        }
        if not wanted:
            return
        path = self._segments.detections
        for row in sample_documents(self._dataset).find({"_id": {"$in": [*wanted]}}, {path: 1}):
            item = wanted[row["_id"]]
            item.detections = (row.get(self._segments.segments) or {}).get("detections") or []


def _decode(task: Task, *, pixel_range: str) -> Item:
    try:
        return Item(task, image=open_image(task.sample.filepath, pixel_range=pixel_range))
    except ImageError as error:
        return Item(task, error=str(error))
    except MemoryError:
        return Item(task, error=f"The image {task.sample.filepath} does not fit into memory.")
    except Exception as error:  # a decoder's own failure must not end the run
        get_logger().exception("decoding %s", task.sample.filepath)
        return Item(task, error=f"The image cannot be read: {type(error).__name__}: {error}.")


def _preprocess(items: Sequence[Item], kind: str, preparer: Preparer) -> None:
    images = [item.image for item in items if item.image is not None and item.error is None]
    if not images:
        return
    try:
        rows = list(preparer(images))
    except Exception:
        get_logger().exception("preprocessing a batch; trying its images one by one")
        rows = []
        for item in items:
            if item.image is not None and item.error is None:
                try:
                    rows.append(preparer([item.image])[0])
                except Exception as error:
                    item.error = f"The image cannot be prepared for the {kind}: {error}."
                    item.image = None
    usable = (item for item in items if item.image is not None and item.error is None)
    for item, row in zip(usable, rows, strict=True):
        item.pixels[kind] = row
