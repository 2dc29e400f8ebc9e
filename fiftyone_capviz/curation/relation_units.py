"""Images and captions of a view on their way through a dual encoder, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from bson import ObjectId
from PIL.Image import Image

from fiftyone_capviz.curation.documents import Document
from fiftyone_capviz.curation.pair_settings import PairSettings
from fiftyone_capviz.curation.report import Failure, Progress, ProgressCallback
from fiftyone_capviz.errors import ImageError, InputError, StoppedError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import FloatArray

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pair_factors import DatasetFactors
    from fiftyone_capviz.models.cache import ModelCache

BATCH = 16
"""Images, or captions, per pass of the encoder."""


@dataclass
class PairSource:
    """Where the images and segments of the relations are.

    Attributes:
        rows: sample id -> its path and caption, in the order of the view.
    """

    dataset: Any
    settings: PairSettings
    cache: ModelCache | None
    segments_field: str | None
    rows: dict[str, Document] = field(default_factory=dict)

    def read(self, ids: Sequence[ObjectId], caption_field: str) -> None:
        wanted = {"filepath": 1, caption_field: 1}
        found = self.dataset._sample_collection.find({"_id": {"$in": list(ids)}}, wanted)
        rows = {row["_id"]: row for row in found}
        self.rows = {str(one): rows[one] for one in ids if one in rows}

    def detections(self, sample_id: str) -> list[Document]:
        if self.segments_field is None:
            raise InputError(
                "Segments need a field of Detections; the dataset has none. Run 'Segment images' "
                "first."
            )
        path = f"{self.segments_field}.detections"
        row = self.dataset._sample_collection.find_one({"_id": ObjectId(sample_id)}, {path: 1})
        return list(((row or {}).get(self.segments_field) or {}).get("detections") or [])


class UnitRun:
    """Batches through the encoder, until they end or somebody stops them."""

    def __init__(
        self,
        factors: DatasetFactors,
        told: Callable[[], bool],
        progress: ProgressCallback | None,
    ) -> None:
        self.factors, self.told, self.progress = factors, told, progress
        self.failures: list[Failure] = []
        self.stopped = False

    def text_units(self, captions: Sequence[str]) -> FloatArray:
        """Unit vectors "captions dimensions" of those that were done."""
        units: list[Any] = []
        for start in range(0, len(captions), BATCH):
            part = captions[start : start + BATCH]
            found = self._tried(partial(self._text_units, part))
            if found is None:
                break
            units += found
            self._tell("captions", len(units), len(captions))
        return _stacked(units)

    def image_units(self, source: PairSource) -> tuple[list[str], FloatArray]:
        """Ids of the images that were done, and their unit vectors "images dimensions"."""
        ids: list[str] = []
        units: list[Any] = []
        keys = list(source.rows)
        for start in range(0, len(keys), BATCH):
            opened = self._opened(source, keys[start : start + BATCH])
            if opened:
                found = self._tried(partial(self._image_units, opened))
                if found is None:
                    break
                units += found
                ids += opened
            self._tell("images", min(start + BATCH, len(keys)), len(keys))
        return ids, _stacked(units)

    def _text_units(self, captions: Sequence[str]) -> list[Any]:
        return [factors.unit for factors in self.factors.text_factors(captions)]

    def _image_units(self, opened: dict[str, Image]) -> list[Any]:
        kept, images = self.factors.images, list(opened.values())
        each = kept.nbytes / len(kept) if len(kept) else 0
        if kept.nbytes + each * len(images) > kept.max_bytes:  # explained when they are asked for
            return list(self.factors.encoder.encode_images(images).cpu())
        return [one.unit for one in self.factors.image_factors(images, keys=list(opened))]

    def _opened(self, source: PairSource, keys: Sequence[str]) -> dict[str, Image]:
        opened = {}
        for key in keys:
            path = source.rows[key]["filepath"]
            try:
                opened[key] = open_image(path)
            except ImageError as error:
                self.failures.append(Failure(key, path, str(error)))
        return opened

    def _tried(self, work: Callable[[], list[Any]]) -> list[Any] | None:
        """The batch, or None where it was stopped before or in it."""
        try:
            if not self.stopped and not self.told():
                return work()
        except StoppedError:
            pass
        self.stopped = True
        return None

    def _tell(self, label: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(Progress("models", done, total, label))


def _stacked(units: Sequence[Any]) -> FloatArray:
    if not units:
        return np.zeros((0, 0), dtype=np.float32)
    stacked: FloatArray = np.stack([unit.float().numpy() for unit in units])
    return stacked
