"""A caption and all that derives from it, changed by one update per sample.

Caption, words, match, attention, scores, coverage, the attributes of the segments and the entry for
undo go together, so that a sample is whole or untouched. The models run on the changed samples
alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pymongo import UpdateOne

from fiftyone_capviz.curation.analysis.compute import BatchComputer
from fiftyone_capviz.curation.analysis.plan import stage_hashes
from fiftyone_capviz.curation.analysis.results import SampleResult
from fiftyone_capviz.curation.analysis.updates import SampleUpdates
from fiftyone_capviz.curation.dataset.documents import Document, text_hash
from fiftyone_capviz.curation.dataset.map_run import refresh_map
from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields, steered_fields
from fiftyone_capviz.curation.dataset.progress import Failure, Progress, ProgressCallback
from fiftyone_capviz.curation.dataset.runs import active_caption
from fiftyone_capviz.curation.dataset.samples import reload_samples
from fiftyone_capviz.curation.dataset.states import SampleState, Task, read_states
from fiftyone_capviz.curation.dataset.store import clear_stop, stop_requested
from fiftyone_capviz.curation.inference.batches import PreparedBatches
from fiftyone_capviz.curation.inference.engines import (
    Setting,
    load_engines,
    models_in_use,
    resolve_setting,
)
from fiftyone_capviz.curation.segments.focus import renew_focus
from fiftyone_capviz.curation.steering.reports import AcceptReport
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage
from fiftyone_capviz.text.words import caption_words

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache

DERIVED: tuple[Stage, ...] = ("match", "attribute")


@dataclass(frozen=True)
class CaptionChange:
    """A caption to be set, and the recipe of the candidate or the entry that is undone."""

    text: str | None
    source: Mapping[str, Any]
    undo: bool


def rewrite_captions(
    dataset: Any,
    options: AnalysisOptions,
    changes: Mapping[ObjectId, CaptionChange],
    *,
    progress: ProgressCallback | None,
    stop: Callable[[], bool] | None,
    cache: ModelCache | None,
) -> AcceptReport:
    """Set captions, and recompute on these samples alone what derives from them.

    Args:
        dataset: where the samples are.
        options: models, fields and attribution.
        changes: sample id -> new caption.
        progress, stop, cache: as in ``analyze``.
    """
    started = time.perf_counter()
    tasks = []
    for state in read_states(dataset, list(changes), options):
        # What was derived before is derived anew; what never was is not started here.
        stages = frozenset(stage for stage in DERIVED if state.stages.get(stage))
        tasks.append(Task(replace(state, text=changes[state.id].text), stages))
    originals = {state.id: state for state in read_states(dataset, list(changes), options)}
    clear_stop(dataset)
    rewrite = _Rewriting(dataset, options, changes, originals)
    needed = frozenset().union(*(task.stages for task in tasks))
    # MongoDB cannot push onto null.
    dataset._sample_collection.update_many(
        {"_id": {"$in": list(changes)}, rewrite.names.previous: None},
        {"$set": {rewrite.names.previous: []}},
    )
    before = _mean_coverage(dataset, options.caption_field, list(changes))
    if needed:
        with models_in_use(cache):
            _compute(
                rewrite, [t for t in tasks if t.stages], needed, progress, stop=stop, cache=cache
            )
    plain = [
        SampleResult(t, text=t.sample.text, words=caption_words(t.sample.text))
        for t in tasks
        if not t.stages
    ]
    rewrite.write(plain, SampleUpdates(rewrite.names, SegmentFields(options.segments_field), {}))
    reload_samples(dataset)
    done = rewrite.done
    if rewrite.active:
        renew_focus(dataset, options.segments_field, [str(one) for one in done])
        refresh_map(dataset, options.segments_field)
    return AcceptReport(
        len(done),
        before,
        _mean_coverage(dataset, options.caption_field, list(changes)),
        rewrite.failures,
        time.perf_counter() - started,
    )


def _compute(
    rewrite: _Rewriting,
    tasks: Sequence[Task],
    needed: frozenset[Stage],
    progress: ProgressCallback | None,
    *,
    stop: Callable[[], bool] | None,
    cache: ModelCache | None,
) -> None:
    """Match and attribution of the changed samples, batch by batch, stored as they come."""
    options, dataset = rewrite.options, rewrite.dataset
    stages = tuple(stage for stage in DERIVED if stage in needed)
    setting: Setting = resolve_setting(options, stages)
    engines = load_engines(options, stages, cache)
    hashes = stage_hashes(options, stages, setting)
    segments = SegmentFields(options.segments_field)
    computer = BatchComputer(engines, options, segment_hash="")
    models = {"captioner": engines.captioner, "matcher": engines.matcher}
    batches = PreparedBatches(
        tasks,
        dataset,
        batch_size=engines.batch_size,
        segments=segments,
        preparers={kind: model.preprocess for kind, model in models.items() if model is not None},
    )
    seen = 0
    with batches:
        for items in batches:
            rewrite.write(computer.compute(items), SampleUpdates(rewrite.names, segments, hashes))
            seen += len(items)
            if progress is not None:
                label = f"{seen} of {len(tasks)} captions"
                progress(Progress("accept", seen, len(tasks), label))
            if seen < len(tasks) and ((stop and stop()) or stop_requested(dataset)):
                return


@dataclass
class _Rewriting:
    """Turns results into the one update per sample that also swaps the caption."""

    dataset: Any
    options: AnalysisOptions
    changes: Mapping[ObjectId, CaptionChange]
    originals: Mapping[ObjectId, SampleState]
    done: list[ObjectId] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def names(self) -> CaptionFields:
        return CaptionFields(self.options.caption_field)

    @property
    def active(self) -> bool:
        """Whether the segments describe this caption field (so that they change with it)."""
        found = active_caption(self.dataset, self.options.segments_field)
        return found == self.options.caption_field

    def write(self, results: Sequence[SampleResult], updates: SampleUpdates) -> None:
        """Store what could be computed; a failed sample keeps what it has."""
        active, operations, stored = self.active, [], []
        for result in results:
            sample = result.task.sample
            if result.error is not None:
                self.failures.append(Failure(str(sample.id), sample.filepath, result.error))
                continue
            if not active:
                result.segments = None
            operations.append(self._update(result, updates))
            stored.append(sample.id)
        if operations:
            self.dataset._sample_collection.bulk_write(operations, ordered=False)
        self.done += stored

    def _update(self, result: SampleResult, updates: SampleUpdates) -> UpdateOne:
        sample_id = result.task.sample.id
        change, original = self.changes[sample_id], self.originals[sample_id]
        operation = updates.of(result)
        # pymongo's UpdateOne has no public way to read it back.
        query: Document = dict(operation._filter)
        document: Document = dict(operation._doc)  # type: ignore[arg-type]
        values = dict(document["$set"])
        values[self.names.caption] = change.text
        hashes = dict(values.pop(self.names.stages, {}))
        hashes["written"] = text_hash(change.text)
        removed = dict(document.get("$unset", {}))
        if change.undo:
            if change.source.get("written") is None:
                hashes.pop("written")
                removed[f"{self.names.stages}.written"] = ""
            else:
                hashes["written"] = change.source["written"]
            document["$pop"] = {self.names.previous: 1}
        else:
            document["$push"] = {self.names.previous: _entry(change, original)}
            values |= dict.fromkeys(steered_fields(self.names.caption))
            query[steered_fields(self.names.caption)[0]] = change.text
        values |= {f"{self.names.stages}.{key}": value for key, value in hashes.items()}
        if removed:
            document["$unset"] = removed
        document["$set"] = values
        return UpdateOne(query, document)


def _entry(change: CaptionChange, original: SampleState) -> dict[str, Any]:
    """What ``<caption>_previous`` keeps: the old caption, and the recipe that replaced it."""
    return {
        "caption": original.text,
        "prompt": change.source.get("prompt"),
        "weights": change.source.get("weight") or change.source.get("patch_weights"),
        "method": change.source.get("method"),
        "time": _now(),
        # Whose text it was: undo puts back the mark by which an edit by hand is recognised.
        "written": original.stages.get("written"),
    }


def _mean_coverage(dataset: Any, caption_field: str, ids: Sequence[ObjectId]) -> float | None:
    path = CaptionFields(caption_field).coverage
    if not dataset.has_field(path):
        return None
    mean = dataset.select([str(one) for one in ids]).mean(path)
    return None if mean is None else float(mean)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
