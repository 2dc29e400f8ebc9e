"""What is stored for each sample, read by one query: no sample object is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
from bson import ObjectId

from fiftyone_capviz.curation.dataset.captions import (
    ABSENT,
    CaptionPlaces,
    Place,
    root_expression,
    root_of,
)
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import Document, segments_signature, text_hash
from fiftyone_capviz.curation.dataset.names import ERROR_FIELD, CaptionFields, SegmentFields
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage


@dataclass(frozen=True)
class SampleState:
    """What is stored for one sample.

    Attributes:
        text: the caption that counts, None if there is none.
        place: where it stands, or would stand; None where no text can stand.
        replaced: earlier captions are kept for undo.
        stages: the sample's ``<caption>_stages``.
        segments_stage: the sample's ``<segments>_stage``, None for a user's own segments.
        segment_count: how many segments are stored, None if the field is empty.
        signature: what the present segments are recognised by.
    """

    id: ObjectId
    filepath: str
    text: str | None
    stages: Mapping[str, str]
    segments_stage: str | None
    segment_count: int | None
    signature: str
    failed: bool
    place: Place | None = None
    replaced: bool = False

    @property
    def edited(self) -> bool:
        """Whether the text is not as the pipeline wrote it."""
        return "written" in self.stages and text_hash(self.text) != self.stages["written"]

    @property
    def has_text(self) -> bool:
        """Whether there is a caption; a blank one is none."""
        return bool((self.text or "").strip())

    @property
    def theirs(self) -> bool:
        """Whether the caption is the user's: not written by us, or changed by hand since."""
        return is_theirs(self.text, self.stages)


def is_theirs(text: str | None, stages: Mapping[str, str]) -> bool:
    """Whether a caption is the user's: not written by us, or changed by hand since."""
    return bool((text or "").strip()) and stages.get("written") != text_hash(text)


@dataclass(frozen=True)
class Task:
    """One sample and the stages to run on it."""

    sample: SampleState
    stages: frozenset[Stage]

    @property
    def changes_segments(self) -> bool:
        """Whether a map of the segments made before will lack some of this sample's."""
        unknown = self.sample.stages.get("segments") != self.sample.signature
        return "segment" in self.stages or ("attribute" in self.stages and unknown)


def read_states(
    dataset: fo.Dataset, ids: Sequence[ObjectId], options: AnalysisOptions
) -> Iterator[SampleState]:
    """The stored state of these samples, in this order; no sample object is loaded."""
    names = CaptionFields.of(options)
    kept = f"${names.previous}"
    places = CaptionPlaces.of_dataset(dataset, names.caption, options.caption_index)
    segments = SegmentFields(options.segments_field)
    detections = f"${segments.detections}"
    own = {"$eq": [{"$ifNull": [f"${segments.stage}", None]}, None]}
    boxes = {
        "$map": {
            "input": {"$ifNull": [detections, []]},
            "as": "d",
            "in": {"_id": "$$d._id", "bounding_box": "$$d.bounding_box"},
        }
    }
    projection = {
        "filepath": 1,
        "captions": root_expression(names.caption),
        "stages": f"${names.stages}",
        "segments_stage": f"${segments.stage}",
        "count": {"$cond": [{"$isArray": detections}, {"$size": detections}, None]},
        "boxes": {"$cond": [own, boxes, []]},
        "error": f"${ERROR_FIELD}",
        "replaced": {"$gt": [{"$size": {"$cond": [{"$isArray": kept}, kept, []]}}, 0]},
    }
    for start in range(0, len(ids), CHUNK):
        chunk = list(ids[start : start + CHUNK])
        found = sample_documents(dataset).aggregate(
            [{"$match": {"_id": {"$in": chunk}}}, {"$project": projection}], allowDiskUse=True
        )
        rows = {row["_id"]: row for row in found}
        for sample_id in chunk:
            if sample_id in rows:
                yield _state(rows[sample_id], places)


def _state(row: Mapping[str, Any], places: CaptionPlaces) -> SampleState:
    stage, count = row.get("segments_stage"), row.get("count")
    place = places.of(row.get("captions") or {})
    boxes = row["boxes"] if stage is None else [{}] * (count or 0)
    return SampleState(
        id=row["_id"],
        filepath=row.get("filepath") or "",
        text=None if place is None else place.text,
        stages=row.get("stages") or {},
        segments_stage=stage,
        segment_count=count,
        signature=segments_signature(stage, boxes),
        failed=row.get("error") is not None,
        place=place,
        replaced=bool(row.get("replaced")),
    )


CHUNK = 10_000
# The stages that are stored sample by sample; "map" belongs to the dataset.
SAMPLE_STAGES: tuple[Stage, ...] = ("caption", "match", "segment", "attribute")


def filled_place(sample: SampleState, names: CaptionFields) -> Document | None:
    """What to put back when our caption is taken away; None where that is nothing at all.

    Returns:
        The path, and the raw value that stood there; without one, the key was not there.
    """
    place = sample.place
    if place is None or sample.has_text:
        return None
    if place.path == root_of(names.caption) == names.caption and place.condition is None:
        return None
    return {"path": place.path} | ({} if place.before is ABSENT else {"value": place.before})
