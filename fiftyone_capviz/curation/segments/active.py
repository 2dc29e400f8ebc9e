"""Which caption field the segments describe, and how another one takes over without any model."""

from __future__ import annotations

import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import fiftyone as fo
import numpy as np
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from pymongo import UpdateOne

from fiftyone_capviz.coverage import in_all_words, kept_words, measure_coverage, seen_rows
from fiftyone_capviz.curation.dataset.collection import root_dataset, sample_documents
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.documents import attribution_columns, segment_labels
from fiftyone_capviz.curation.dataset.map_run import refresh_map
from fiftyone_capviz.curation.dataset.names import (
    NOT_SEEN,
    UNATTRIBUTED,
    UNCOVERED,
    CaptionFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.ownership import Ownership
from fiftyone_capviz.curation.dataset.progress import UndividedReport
from fiftyone_capviz.curation.dataset.runs import (
    RunRecord,
    active_caption,
    caption_names,
    read_run,
    set_active_caption,
    write_run,
)
from fiftyone_capviz.curation.dataset.samples import reload_samples
from fiftyone_capviz.curation.dataset.schema import declare_fields
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.field_names import require_free_names

__all__ = ["ActivateReport", "activate_captions", "active_caption", "segment_values"]

_BATCH = 500
ACTIVE_TOP_K = "active_top_k"
"""In the run: how many segments a word covers since these captions were activated."""


@dataclass(frozen=True)
class ActivateReport(UndividedReport):
    """What :func:`activate_captions` did.

    Attributes:
        caption_field: the caption field that the segments describe now.
        samples: samples whose segments were rewritten.
        segments: segments rewritten.
        skipped: samples with segments, but without scores that fit them (never attributed, or
            segmented anew since): their attributes are emptied.
        seconds: wall-clock time.
    """

    caption_field: str
    samples: int
    segments: int
    skipped: int
    seconds: float

    def summary(self) -> str:
        """One sentence for people."""
        text = f"The segments of {self.samples} samples describe {self.caption_field!r} now"
        left_out = f"; {self.skipped} samples have no scores for it" if self.skipped else ""
        return f"{text}{left_out}."

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self)


@database_errors()
def activate_captions(
    dataset: fo.Dataset,
    caption_field: str,
    *,
    segments_field: str = "segments",
    top_k: int = 3,
) -> ActivateReport:
    """Let the segments describe another caption field: re-derived from its stored scores.

    Coverage, covering words, top word, entropy and word scores are rewritten, and so is the label
    where we wrote it; a label that a user gave is kept. Stop words of the dataset cover nothing.
    The word in focus is taken away.

    Args:
        dataset: the dataset (the choice holds for all of it).
        caption_field: a caption field that has been attributed on these segments.
        segments_field: the segments.
        top_k: a word covers at most this many segments.

    Raises:
        InputError: the caption field has no scores.
    """
    started = time.perf_counter()
    require_free_names(caption_field=caption_field, segments_field=segments_field)
    dataset = root_dataset(dataset)
    fields, owner = caption_names(dataset, caption_field), Ownership(dataset)
    needed = (fields.scores, fields.words, SegmentFields(segments_field).attribute("word_scores"))
    for path in needed:
        if not owner.is_ours(path):
            raise InputError(
                f"A caption field can be activated once its scores are stored; {dataset.name!r} "
                f"has no {path!r} of an analysis. Run attribute_words for {caption_field!r} first."
            )
    stop = frozenset(own_stop_words(dataset))
    declare_fields(dataset, None, SegmentFields(segments_field))
    ids = dataset.exists(segments_field).values("id")
    samples = segments = skipped = 0
    for start in range(0, len(ids), _BATCH):
        updates: list[UpdateOne] = []
        view = dataset.select(ids[start : start + _BATCH], ordered=True)
        for sample_id, values, count in _batch_values(view, fields, segments_field, top_k, stop):
            updates.append(UpdateOne({"_id": ObjectId(sample_id)}, {"$set": values}))
            samples, segments = samples + (count > 0), segments + count
            skipped += count == 0
        if updates:
            sample_documents(dataset).bulk_write(updates, ordered=False)
    set_active_caption(dataset, segments_field, caption_field)
    record = read_run(dataset, caption_field)
    if record is not None and active_top_k(record) != top_k:
        write_run(dataset, replace(record, extra={**record.extra, ACTIVE_TOP_K: top_k}))
    from fiftyone_capviz.curation.segments.focus import unfocus  # focus needs this module

    reload_samples(dataset)
    unfocus(dataset, segments_field=segments_field)
    refresh_map(dataset, segments_field)
    return ActivateReport(caption_field, samples, segments, skipped, time.perf_counter() - started)


def active_top_k(record: RunRecord) -> int:
    """How many segments a word covers in the attributes of the segments."""
    return int(str(record.extra.get(ACTIVE_TOP_K) or record.options.get("top_k") or 3))


def segment_values(
    scores: FloatArray,
    words: Sequence[str],
    *,
    segments_field: str,
    labels: Sequence[str | None],
    top_words: Sequence[str | None],
    ours: bool,
    top_k: int = 3,
    stop: Container[str] = (),
) -> tuple[dict[str, Any], float]:
    """One sample's ``$set`` for its segments, from its scores.

    Args:
        scores: "segments words"; NaN as `score_table` has it.
        words: the caption's words.
        segments_field: the segments.
        labels: the stored labels.
        top_words: the stored top words; a label equal to it (or to "uncovered") is ours.
        ours: False for segments that the user brought: their labels are never touched.
        top_k: a word covers at most this many segments.
        stop: words that cover nothing; their scores are kept.

    Returns:
        The ``$set`` document, and the sample's coverage (nan without segments that were seen).
    """
    table, kept = np.asarray(scores, np.float32), kept_words(words, stop)
    covered = measure_coverage(table[:, kept], top_k=top_k, seen=seen_rows(table))
    covered = in_all_words(covered, kept)
    named = segment_labels(words, covered)
    columns = attribution_columns(words, scores, covered)
    values: dict[str, Any] = {}
    for i in range(len(scores)):
        path = f"{segments_field}.detections.{i}"
        values |= {f"{path}.{name}": column[i] for name, column in columns.items()}
        if ours and is_our_label(labels[i], top_words[i]):
            values[f"{path}.label"] = named[i]
    return values, float(covered.share)


def is_our_label(label: str | None, top_word: str | None) -> bool:
    """Whether we wrote a label: the user may have renamed a segment that we made."""
    return label in (None, "", UNATTRIBUTED, NOT_SEEN, top_word or UNCOVERED)


def _emptied(segments_field: str, count: int) -> Mapping[str, Any]:
    names = ("coverage", "covered_by", "top_word", "entropy", "word_scores")
    return {f"{segments_field}.detections.{i}.{n}": None for i in range(count) for n in names}


def _batch_values(
    view: SampleCollection,
    fields: CaptionFields,
    segments_field: str,
    top_k: int,
    stop: Container[str],
) -> list[tuple[str, dict[str, Any], int]]:
    """(sample id, ``$set`` values, segments rewritten) for each sample that has segments."""
    path = f"{segments_field}.detections"
    stage = SegmentFields(segments_field).stage
    has_stage = view.has_field(stage)
    columns = [fields.scores, fields.words, f"{path}.label", f"{path}.top_word"]
    ids, scores, words, labels, tops = view.values(["id", *columns])
    stages = view.values(stage) if has_stage else [None] * len(ids)
    found = []
    for n, sample_id in enumerate(ids):
        count = len(labels[n] or [])
        if not count:
            continue
        table = None if scores[n] is None else np.asarray(scores[n])
        listed = list(words[n] or [])
        if table is None or table.shape != (count, len(listed)):
            ours = stages[n] is not None
            values = dict(_emptied(segments_field, count))
            for i in range(count):
                if ours and is_our_label(labels[n][i], tops[n][i]):
                    values[f"{path}.{i}.label"] = UNATTRIBUTED
            found.append((sample_id, values, 0))
            continue
        values, _share = segment_values(
            table,
            listed,
            segments_field=segments_field,
            labels=labels[n],
            top_words=tops[n],
            ours=stages[n] is not None,
            top_k=top_k,
            stop=stop,
        )
        found.append((sample_id, values, count))
    return found
