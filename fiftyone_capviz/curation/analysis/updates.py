"""What a sample's results become in MongoDB: one update.

All fields of a sample travel in one ``$set`` together with the hashes of what made them: MongoDB
applies an update of one document whole or not at all, so no sample is ever half-written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from bson import ObjectId
from pymongo import UpdateOne

from fiftyone_capviz.curation.analysis.results import SampleResult, SegmentResult
from fiftyone_capviz.curation.dataset.captions import Place
from fiftyone_capviz.curation.dataset.documents import (
    Document,
    _or_none,
    attribution_columns,
    detection_documents,
    segment_labels,
    serialize_array,
    text_hash,
)
from fiftyone_capviz.curation.dataset.kept_texts import (
    BY_HAND,
    FILLED,
    utc_now,
    whose_text,
)
from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    UNATTRIBUTED,
    CaptionFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.schema import SEGMENT_ATTRIBUTES
from fiftyone_capviz.curation.dataset.states import SampleState, filled_place
from fiftyone_capviz.records import CaptionWords, FloatArray
from fiftyone_capviz.settings.analysis import AnalysisOptions

# Attributes of a segment that describe a caption.
ATTRIBUTION = ("coverage", "covered_by", "top_word", "entropy", "word_scores", "attention")


@dataclass(frozen=True)
class SampleUpdates:
    """What every update of a run needs: names, and the hashes of the run's configuration.

    Attributes:
        options: of the run.
        run, time: by which the captions that one run replaced are known: they are undone together.
    """

    caption: CaptionFields
    segments: SegmentFields
    hashes: Mapping[str, str]
    options: AnalysisOptions = field(default_factory=AnalysisOptions)
    run: str = field(default_factory=lambda: str(ObjectId()))
    time: datetime = field(default_factory=utc_now)

    def of(self, result: SampleResult) -> UpdateOne:
        """The one update that stores a sample's results."""
        return UpdateOne(*self.parts(result))

    def parts(self, result: SampleResult) -> tuple[Document, Document]:
        """Filter and update of :meth:`of`, for those that add to them.

        Attributes of segments that stay are set by position; the filter then demands that the
        segments are still the ones that were read.
        """
        now = utc_now()
        query: Document = {"_id": result.task.sample.id}
        if result.error is not None:
            return query, {"$set": {ERROR_FIELD: result.error, "last_modified_at": now}}
        values: Document = {ERROR_FIELD: None, "last_modified_at": now}
        removed: Document = {}
        operation: Document = {"$set": values}
        if result.words is not None:
            values |= self._caption_values(result, removed)
            if result.caption is not None:
                self._write_text(result.task.sample, result.caption.text, query, values)
            replaced = self._replaced_text(result)
            if replaced is not None:
                # A set, so that writing the same update twice stores one entry.
                operation["$addToSet"] = {self.caption.previous: replaced}
        if self._outdates_attribution(result):
            removed |= self._without_attribution()
            if result.task.sample.segment_count and "segment" not in result.task.stages:
                every = f"{self.segments.detections}.$[]"
                values |= {f"{every}.{name}": None for name in ATTRIBUTION}
        values |= self._segment_values(result, query)
        if removed:
            operation["$unset"] = removed
        return query, operation

    def _caption_values(self, result: SampleResult, removed: Document) -> Document:
        names, todo, stored = self.caption, result.task.stages, result.task.sample.stages
        words = result.words or CaptionWords((), (), ())
        values: Document = {names.words: list(words.words), names.word_tags: list(words.tags)}
        current = text_hash(result.text)
        stages: Document = {"text": current}
        if result.caption is not None:
            stages |= {"caption": self.hashes["caption"], "written": current}
        if "match" in todo:
            values[names.itm] = result.match.probability if result.match is not None else None
            stages["match"] = self.hashes["match"]
        elif stored.get("match") and stored.get("text") != current:
            removed |= {names.itm: "", f"{names.stages}.match": ""}
        if "attribute" in todo:
            values |= _attribution_values(names, result)
            stages["attribute"] = self.hashes["attribute"]
            stages["segments"] = result.signature or ""
        filled = None if result.caption is None else filled_place(result.task.sample, names)
        if filled is not None:
            stages[FILLED] = filled
        if stored:
            values |= {f"{names.stages}.{key}": value for key, value in stages.items()}
        else:
            values[names.stages] = stages
        return values

    def _write_text(
        self, sample: SampleState, text: str, query: Document, values: Document
    ) -> None:
        """Put a caption in its place; the filter demands that nobody wrote there meanwhile."""
        place = sample.place or Place(self.caption.caption, sample.text, sample.text)
        value = place.value(text)
        values[place.path] = value
        query[place.path] = {"$in": [place.condition, value]}  # written already: sent again

    def _replaced_text(self, result: SampleResult) -> Document | None:
        """A caption that a new one replaces, kept for undo: the user's, or one in a row of them."""
        sample = result.task.sample
        if result.caption is None or not sample.has_text:
            return None
        same = sample.text == result.caption.text
        if not sample.theirs and (same or not sample.replaced):
            return None
        method = BY_HAND if sample.edited else self.options.captioner
        return {
            "caption": sample.text,
            "prompt": self.options.prompt,
            "weights": None,
            "method": method,
            "time": self.time,
        } | whose_text(sample, self.run)

    def _outdates_attribution(self, result: SampleResult) -> bool:
        """Whether this update replaces words or segments that stored scores belong to."""
        todo, stored = result.task.stages, result.task.sample.stages
        new_words = result.words is not None and stored.get("text") != text_hash(result.text)
        replaced = new_words or "segment" in todo
        return replaced and "attribute" not in todo and bool(stored.get("attribute"))

    def _without_attribution(self) -> Document:
        names = self.caption
        paths = [names.attention, names.scores, names.coverage, names.unread]
        paths += [f"{names.stages}.attribute", f"{names.stages}.segments"]
        return dict.fromkeys(paths, "")

    def _segment_values(self, result: SampleResult, query: Document) -> Document:
        segments, names = result.segments, self.segments
        if segments is None:
            return {}
        attributes = _segment_attributes(result, segments)
        if segments.masks is None:
            values: Document = {}
            for index, (label_id, each) in enumerate(zip(segments.ids, attributes, strict=True)):
                if segments.kept_labels:
                    each.pop("label")
                path = f"{names.detections}.{index}"
                query[f"{path}._id"] = label_id
                values |= {f"{path}.{name}": value for name, value in each.items()}
            return values
        labels = [each.pop("label") for each in attributes]
        documents = detection_documents(segments.masks, labels)
        for document, each in zip(documents, attributes, strict=True):
            document |= dict.fromkeys(SEGMENT_ATTRIBUTES) | each
        segments.ids = [document["_id"] for document in documents]
        return {
            names.segments: {"_cls": "Detections", "detections": documents},
            names.stage: self.hashes["segment"],
        }


def _attribution_values(names: CaptionFields, result: SampleResult) -> Document:
    maps, scores, coverage = result.maps, result.scores, result.coverage
    known = coverage is not None and coverage.known and not np.isnan(coverage.share)
    share = float(coverage.share) if coverage is not None and known else None
    return {
        names.unread: list(result.unread),
        names.attention: None if maps is None else serialize_array(compact(maps)),
        names.scores: None if scores is None else serialize_array(scores.astype(np.float32)),
        names.coverage: share,
    }


def compact(maps: FloatArray) -> FloatArray:
    """Maps as float16, or as float32 where their largest value would already lose digits."""
    largest = np.abs(maps[np.isfinite(maps)]).max(initial=0.0)
    tiny, huge = np.finfo(np.float16).smallest_normal, np.finfo(np.float16).max
    fits = largest == 0 or tiny <= largest <= huge
    return maps.astype(np.float16 if fits else np.float32)


def _segment_attributes(result: SampleResult, segments: SegmentResult) -> list[Document]:
    """Label and attributes of each segment, in order."""
    columns: dict[str, Sequence[Any]] = {"area": segments.areas.astype(float).tolist()}
    if segments.masks is not None:
        columns["predicted_iou"] = _or_none(segments.predicted_iou)
    if segments.weights is not None:
        columns["patch_weights"] = [serialize_array(each) for each in segments.weights]
    labels: Sequence[str] = [UNATTRIBUTED] * len(segments)
    if result.coverage is not None and result.scores is not None and result.words is not None:
        columns |= attribution_columns(result.words.words, result.scores, result.coverage)
        labels = segment_labels(result.words.words, result.coverage)
    columns["label"] = labels
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
