"""Make words of the captions stop words of a dataset, and take that back.

What changes: the word leaves graph, focus, gallery cards and exports; coverage, covering words, top
word, entropy and our own labels of the segments, and the captions' coverage, are derived anew from
the stored scores without it, for every analysed caption field. What stays as it is stored: the
captions' words, tags, maps and scores. No model runs. Since nothing is lost, undo derives exactly
what was there before. Evaluations measure a model on labels, and take no notice of stop words.

Formulas: docs/methods.md, section 6.1.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import fiftyone as fo
import numpy as np
from pymongo import UpdateOne

from fiftyone_capviz.curation.dataset.collection import root_dataset, sample_documents
from fiftyone_capviz.curation.dataset.documents import deserialize_array
from fiftyone_capviz.curation.dataset.map_run import refresh_map
from fiftyone_capviz.curation.dataset.names import SegmentFields
from fiftyone_capviz.curation.dataset.progress import UndividedReport
from fiftyone_capviz.curation.dataset.runs import (
    RunRecord,
    active_caption,
    caption_names,
    list_runs,
    read_run,
)
from fiftyone_capviz.curation.dataset.samples import reload_samples
from fiftyone_capviz.curation.dataset.stop_words import (
    StopWords,
    own_stop_words,
    read_stop_words,
    write_stop_words,
)
from fiftyone_capviz.curation.dataset.store import noted_progress
from fiftyone_capviz.curation.segments.active import active_top_k, is_our_label, segment_values
from fiftyone_capviz.curation.segments.focus import focused_word, unfocus
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.text.words import caption_words, stop_words, tokenize

__all__ = [
    "StopWordsReport",
    "add_stop_words",
    "own_stop_words",
    "remove_stop_words",
    "undo_stop_words",
]

_BATCH = 500


@dataclass(frozen=True)
class StopWordsReport(UndividedReport):
    """What a change of the stop words did.

    Attributes:
        words: the dataset's own stop words now.
        added, removed: what this change did to them.
        samples: captions of an analysis that hold a changed word, and were derived anew.
        segments: segments rewritten.
        skipped: captions that hold one, but whose scores do not fit their words or segments any
            more; they are left as they are until they are analysed again.
        seconds: wall-clock time.
    """

    words: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    samples: int
    segments: int
    skipped: int
    seconds: float

    def summary(self) -> str:
        """A few sentences for people."""
        parts = []
        if self.added:
            parts.append(f"{_listed(self.added)} added to the stop words.")
        if self.removed:
            parts.append(f"{_listed(self.removed)} taken off the stop words.")
        if not parts:
            parts.append("The stop words are as they were.")
        parts.append(f"Coverage of {self.samples:,} captions was derived anew; no model ran.")
        if self.skipped:
            parts.append(
                f"{self.skipped:,} captions changed since they were analysed, and wait for that."
            )
        parts.append(f"Stop words now: {', '.join(self.words) or 'none of your own'}.")
        return " ".join(parts)

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self)


def add_stop_words(dataset: fo.Dataset, words: Sequence[str] | str) -> StopWordsReport:
    """Leave words out of graph, focus, gallery, exports and coverage from now on.

    They are stored with the dataset, for all its caption fields and for later analyses too.

    Args:
        dataset: the dataset; of a view, all of it.
        words: as the graph shows them or as typed ("Photos" is "photo"); one each.

    Raises:
        InputError: no word, one that is several, or one of the built-in stop words; or an analysis
            runs.
    """
    dataset = root_dataset(dataset)
    before = read_stop_words(dataset)
    asked = [_normal(dataset, one) for one in _given(words)]
    now = tuple(dict.fromkeys([*before.words, *asked]))
    return _change(dataset, before, now, (*before.history, before.words))


def remove_stop_words(dataset: fo.Dataset, words: Sequence[str] | str) -> StopWordsReport:
    """Count words again that were made stop words.

    Args:
        dataset: the dataset.
        words: some of `own_stop_words`.

    Raises:
        InputError: one is no stop word of this dataset; or an analysis runs.
    """
    dataset = root_dataset(dataset)
    before = read_stop_words(dataset)
    asked = set()
    for one in _given(words):
        forms = (one.strip().lower(), *caption_words(one).words)
        found = next((form for form in forms if form in before.words), None)
        if found is None:
            raise InputError(
                f"Only a stop word of this dataset can be taken off; got {one!r}. They are: "
                f"{', '.join(before.words) or 'none'}. The built-in ones stay."
            )
        asked.add(found)
    now = tuple(one for one in before.words if one not in asked)
    return _change(dataset, before, now, (*before.history, before.words))


def undo_stop_words(dataset: fo.Dataset) -> StopWordsReport:
    """Take the last change of the stop words back; call it again for the one before.

    Raises:
        InputError: there is no change; or an analysis runs.
    """
    dataset = root_dataset(dataset)
    before = read_stop_words(dataset)
    if not before.history:
        raise InputError("No change of this dataset's stop words is left to undo.")
    return _change(dataset, before, before.history[-1], before.history[:-1])


def _given(words: Sequence[str] | str) -> list[str]:
    given = [words] if isinstance(words, str) else list(words)
    if not given:
        raise InputError("A stop word must be named; got none. Name one word at least.")
    return given


def _normal(dataset: fo.Dataset, typed: str) -> str:
    """The word that captions hold: as it stands in them, else in its normal form."""
    lower = typed.strip().lower()
    for name in list_runs(dataset):
        words = caption_names(dataset, name).words
        if lower and sample_documents(dataset).find_one({words: lower}, {"_id": 1}) is not None:
            return lower
    if lower in stop_words():
        raise InputError(f"{typed!r} is one of the built-in stop words already. Name another.")
    found = caption_words(lower).words
    if len(found) != 1 or len(tokenize(lower)) != 1:
        raise InputError(f"A stop word is one word; got {typed!r}. Name each word by itself.")
    return found[0]


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)


def _change(
    dataset: fo.Dataset,
    before: StopWords,
    words: tuple[str, ...],
    history: tuple[tuple[str, ...], ...],
) -> StopWordsReport:
    started = time.perf_counter()
    if noted_progress(dataset) is not None:
        raise InputError(
            "Stop words can be changed while nothing else computes on the dataset; an analysis "
            "runs, or was killed in the last two minutes. Wait for its end, or stop it."
        )
    if words == before.words:
        history = before.history  # nothing changes: no step to undo
    touched = (frozenset(before.words) ^ frozenset(words)) | before.pending
    now = replace(before, words=words, history=history, pending=touched)
    write_stop_words(dataset, now)
    samples = segments = skipped = 0
    theirs = set(before.theirs)
    for name in list_runs(dataset) if touched else ():
        record = read_run(dataset, name)
        if record is not None and dataset.has_field(caption_names(dataset, name).scores):
            work = _Derivation(dataset, record, frozenset(words), theirs)
            counts = work.run(touched)
            samples, segments, skipped = (
                a + b for a, b in zip((samples, segments, skipped), counts, strict=True)
            )
            if focused_word(dataset, record.segments_field) in words:
                unfocus(dataset, segments_field=record.segments_field)
            refresh_map(dataset, record.segments_field)
    write_stop_words(dataset, replace(now, pending=frozenset(), theirs=frozenset(theirs)))
    reload_samples(dataset)
    return StopWordsReport(
        words,
        tuple(one for one in words if one not in before.words),
        tuple(one for one in before.words if one not in words),
        samples,
        segments,
        skipped,
        time.perf_counter() - started,
    )


class _Derivation:
    """What is made of the scores of one caption field, made anew without the stop words.

    Args:
        dataset, record: whose.
        stop: the stop words.
        theirs: ids of segments whose label stays the user's; more are added.
    """

    def __init__(
        self, dataset: fo.Dataset, record: RunRecord, stop: frozenset[str], theirs: set[str]
    ) -> None:
        self._samples = sample_documents(dataset)
        self._names = caption_names(dataset, record.caption_field)
        self._marks = SegmentFields(record.segments_field)
        active = active_caption(dataset, record.segments_field)
        self._active = active == record.caption_field
        self._stop, self._theirs = stop, theirs
        self._top_k = int(record.options.get("top_k") or 3)
        self._active_top_k = active_top_k(record)

    def run(self, touched: frozenset[str]) -> tuple[int, int, int]:
        """Samples and segments written, and samples left out, of those that hold these words."""
        names, path = self._names, self._marks.detections
        kept = ("_id", "label", "top_word")
        shown = [names.words, names.scores, self._marks.stage, *(f"{path}.{one}" for one in kept)]
        query = {names.words: {"$in": sorted(touched)}, names.scores: {"$ne": None}}
        samples = segments = skipped = 0
        ids = [row["_id"] for row in self._samples.find(query, {"_id": 1})]
        for start in range(0, len(ids), _BATCH):
            chosen = {"_id": {"$in": ids[start : start + _BATCH]}}
            updates = []
            for row in self._samples.find(chosen, dict.fromkeys(shown, 1)):
                update, count = self._update(row)
                skipped += update is None
                if update is not None:
                    updates.append(update)
                    samples, segments = samples + 1, segments + count
            if updates:
                self._samples.bulk_write(updates, ordered=False)
        return samples, segments, skipped

    def _update(self, row: Mapping[str, Any]) -> tuple[UpdateOne | None, int]:
        names, path = self._names, self._marks.detections
        scores, words = np.asarray(deserialize_array(row[names.scores])), row[names.words]
        found = ((row.get(self._marks.segments) or {}).get("detections")) or []
        if scores.shape != (len(found), len(words)):
            return None, 0
        labels = [one.get("label") for one in found]
        tops = [one.get("top_word") for one in found]

        ours = row.get(self._marks.stage) is not None

        def derived(top_k: int) -> tuple[dict[str, Any], float]:
            return segment_values(
                scores,
                words,
                segments_field=self._marks.segments,
                labels=labels,
                top_words=tops,
                ours=ours,
                top_k=top_k,
                stop=self._stop,
            )

        share = derived(self._top_k)[1]
        now = datetime.now(UTC).replace(tzinfo=None)
        values = {names.coverage: None if math.isnan(share) else share, "last_modified_at": now}
        query = {"_id": row["_id"]}
        if self._active:
            written = derived(self._active_top_k)[0]
            query |= {f"{path}.{i}._id": one["_id"] for i, one in enumerate(found)}
            if ours:
                self._note_theirs(written, found)
            values |= dict(self._kept(written, found))
        return UpdateOne(query, {"$set": values}), len(found) if self._active else 0

    def _note_theirs(self, written: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> None:
        """Note the labels of the user's that will look like ours."""
        path = self._marks.detections
        for i, one in enumerate(found):
            theirs = f"{path}.{i}.label" not in written
            if theirs and is_our_label(one.get("label"), written[f"{path}.{i}.top_word"]):
                self._theirs.add(str(one["_id"]))

    def _kept(
        self, written: Mapping[str, Any], found: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[str, Any]]:
        """What is to be written: no scores, no word in focus, and no label of the user's."""
        path = self._marks.detections
        for name, value in written.items():
            index, attribute = name.removeprefix(f"{path}.").split(".")
            if attribute in ("word_scores", "attention"):
                continue
            if attribute == "label" and str(found[int(index)]["_id"]) in self._theirs:
                continue
            yield name, value
