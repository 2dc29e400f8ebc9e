"""Which samples need which stages: read once, by one query, from the stored hashes.

A stage's stored result is *same* if it came from this configuration and from the present text and
segments, *stale* if the configuration is this one but the text or the segments have changed since,
*different* if another configuration (or the user) made it, and *missing* otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import fiftyone as fo
from bson import ObjectId

from fiftyone_capviz.curation.documents import chosen_text, segments_signature, text_hash
from fiftyone_capviz.curation.fields import ERROR_FIELD, CaptionFields, SegmentFields
from fiftyone_capviz.curation.options import AnalysisOptions, Stage

State = Literal["missing", "same", "different", "stale"]
CHUNK = 10_000
# The stages that are stored sample by sample; "map" belongs to the dataset.
SAMPLE_STAGES: tuple[Stage, ...] = ("caption", "match", "segment", "attribute")


@dataclass(frozen=True)
class SampleState:
    """What is stored for one sample.

    Attributes:
        text: the caption that counts, None if there is none.
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

    @property
    def edited(self) -> bool:
        """Whether the text is not as the pipeline wrote it."""
        return "written" in self.stages and text_hash(self.text) != self.stages["written"]


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


@dataclass(frozen=True)
class ExistingResults:
    """How many samples hold which kind of result, per stage.

    Attributes:
        edited: captions that were changed by hand since they were written.
        foreign: captions and segments that this package did not write.
        differences: option or model -> (stored, asked), from the last run's record.
    """

    missing: dict[str, int] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)
    different: dict[str, int] = field(default_factory=dict)
    stale: dict[str, int] = field(default_factory=dict)
    edited: int = 0
    foreign: dict[str, int] = field(default_factory=dict)
    differences: dict[str, tuple[object, object]] = field(default_factory=dict)

    @property
    def conflicts(self) -> bool:
        """Whether something stored would have to be replaced."""
        return bool(sum(self.different.values()) or sum(self.stale.values()))

    def message(self) -> str:
        """What would be replaced and what differs, in plain sentences; empty without conflicts."""
        parts = []
        for stage in SAMPLE_STAGES:
            if self.foreign.get(stage):
                what = "captions" if stage == "caption" else "segments"
                parts.append(f"{self.foreign[stage]} samples hold {what} of another origin")
            ours = self.different.get(stage, 0) - self.foreign.get(stage, 0)
            if ours:
                parts.append(f"'{stage}' of {ours} samples came from another configuration")
            if self.stale.get(stage):
                parts.append(
                    f"'{stage}' of {self.stale[stage]} samples belongs to an older text or segments"
                )
        if not parts:
            return ""
        text = "Stored results would change: " + "; ".join(parts) + "."
        if self.edited:
            text += f" {self.edited} captions were edited by hand."
        if self.differences:
            shown = [f"{k} was {was!r}, now {now!r}" for k, (was, now) in self.differences.items()]
            text += " What differs: " + "; ".join(shown) + "."
        return text


@dataclass(frozen=True)
class Plan:
    """What a run would do."""

    tasks: list[Task]
    total: int
    existing: ExistingResults
    without_text: int


def read_states(
    dataset: fo.Dataset, ids: Sequence[ObjectId], options: AnalysisOptions
) -> Iterator[SampleState]:
    """The stored state of these samples, in this order; no sample object is loaded."""
    names = CaptionFields(options.caption_field)
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
        "text": f"${names.caption}",
        "stages": f"${names.stages}",
        "segments_stage": f"${segments.stage}",
        "count": {"$cond": [{"$isArray": detections}, {"$size": detections}, None]},
        "boxes": {"$cond": [own, boxes, []]},
        "error": f"${ERROR_FIELD}",
    }
    for start in range(0, len(ids), CHUNK):
        chunk = list(ids[start : start + CHUNK])
        found = dataset._sample_collection.aggregate(
            [{"$match": {"_id": {"$in": chunk}}}, {"$project": projection}], allowDiskUse=True
        )
        rows = {row["_id"]: row for row in found}
        for sample_id in chunk:
            if sample_id in rows:
                yield _state(rows[sample_id], options)


def _state(row: Mapping[str, Any], options: AnalysisOptions) -> SampleState:
    stage, count = row.get("segments_stage"), row.get("count")
    boxes = row["boxes"] if stage is None else [{}] * (count or 0)
    return SampleState(
        id=row["_id"],
        filepath=row.get("filepath") or "",
        text=chosen_text(row.get("text"), options.caption_index),
        stages=row.get("stages") or {},
        segments_stage=stage,
        segment_count=count,
        signature=segments_signature(stage, boxes),
        failed=row.get("error") is not None,
    )


def stage_states(
    sample: SampleState, hashes: Mapping[str, str], *, own_segments: bool
) -> dict[Stage, State]:
    """How each stage's stored result relates to what is asked.

    Args:
        hashes: stage -> configuration hash, for the stages asked for.
    """
    states: dict[Stage, State] = {}
    stages, current = sample.stages, text_hash(sample.text)
    if "caption" in hashes:
        if sample.text is not None and stages.get("caption") == hashes["caption"]:
            states["caption"] = "same"
        else:
            states["caption"] = "different" if sample.text else "missing"
    if "segment" in hashes and not own_segments:
        if sample.segment_count is None:
            states["segment"] = "missing"
        else:
            same = sample.segments_stage == hashes["segment"]
            states["segment"] = "same" if same else "different"
    fresh = stages.get("text") == current
    if "match" in hashes:
        states["match"] = _derived_state(stages.get("match"), hashes["match"], fresh)
    if "attribute" in hashes:
        fresh = fresh and stages.get("segments") == sample.signature
        states["attribute"] = _derived_state(stages.get("attribute"), hashes["attribute"], fresh)
    return states


def _derived_state(stored: str | None, asked: str, fresh: bool) -> State:
    if stored is None:
        return "missing"
    if stored != asked:
        return "different"
    return "same" if fresh else "stale"


def make_plan(
    dataset: fo.Dataset,
    ids: Sequence[ObjectId],
    options: AnalysisOptions,
    hashes: Mapping[str, str],
    *,
    differences: Mapping[str, tuple[object, object]] | None = None,
) -> Plan:
    """Decide for every sample which stages have to run.

    With ``existing="skip"`` what another configuration stored stays and is built upon; with
    "replace" (and "error", whose caller refuses first) it is computed anew, and so is what
    derives from it.
    """
    counts: dict[State, Counter[str]] = {
        state: Counter() for state in ("missing", "same", "different", "stale")
    }
    foreign: Counter[str] = Counter()
    tasks, total, edited, without_text = [], 0, 0, 0
    redo = ("missing",) if options.existing == "skip" else ("missing", "different", "stale")
    for sample in read_states(dataset, ids, options):
        total += 1
        states = stage_states(sample, hashes, own_segments=options.own_segments)
        for stage, state in states.items():
            counts[state][stage] += 1
        foreign["caption"] += states.get("caption") == "different" and not sample.stages.get(
            "caption"
        )
        foreign["segment"] += states.get("segment") == "different" and not sample.segments_stage
        edited += sample.edited
        todo = {stage for stage, state in states.items() if state in redo}
        if "caption" in todo:
            todo |= states.keys() & {"match", "attribute"}
        elif sample.text is None:
            without_text += bool(todo & {"match", "attribute"})
            todo -= {"match", "attribute"}
        if "segment" in todo and ("caption" in todo or sample.text is not None):
            todo |= states.keys() & {"attribute"}
        if todo:
            tasks.append(Task(sample, frozenset(todo)))
    existing = ExistingResults(
        missing=dict(counts["missing"]),
        same=dict(counts["same"]),
        different=dict(counts["different"]),
        stale=dict(counts["stale"]),
        edited=edited,
        foreign={stage: n for stage, n in foreign.items() if n},
        differences=dict(differences or {}),
    )
    return Plan(tasks, total, existing, without_text)
