"""A caption and all that derives from it, changed by one update per sample.

Caption, words, match, attention, scores, coverage, the attributes of the segments and the entry for
undo go together, so that a sample is whole or untouched. The models run on the changed samples
alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import fiftyone as fo
from bson import ObjectId
from pymongo import UpdateOne

from fiftyone_capviz.curation.analysis.compute import AnalysisWorker
from fiftyone_capviz.curation.analysis.plan import stage_hashes
from fiftyone_capviz.curation.analysis.results import SampleResult
from fiftyone_capviz.curation.dataset.caption_fields import check_derived_names
from fiftyone_capviz.curation.dataset.captions import Place
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import text_hash
from fiftyone_capviz.curation.dataset.job import Job, long_run
from fiftyone_capviz.curation.dataset.kept_texts import (
    FILLED,
    emptied,
    utc_now,
    whose_text,
)
from fiftyone_capviz.curation.dataset.map_run import refresh_map
from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.ownership import refuse_theirs
from fiftyone_capviz.curation.dataset.progress import Failure
from fiftyone_capviz.curation.dataset.runs import active_caption
from fiftyone_capviz.curation.dataset.samples import reload_samples
from fiftyone_capviz.curation.dataset.schema import declare_fields, run_schema
from fiftyone_capviz.curation.dataset.states import SampleState, Task, filled_place, read_states
from fiftyone_capviz.curation.dataset.store import clear_stop
from fiftyone_capviz.curation.inference.batch_loop import Work, run_batches
from fiftyone_capviz.curation.inference.batches import Item
from fiftyone_capviz.curation.inference.loaded_models import (
    LoadedModels,
    load_models,
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
    dataset: fo.Dataset,
    options: AnalysisOptions,
    changes: Mapping[ObjectId, CaptionChange],
    job: Job,
) -> AcceptReport:
    """Set captions, and recompute on these samples alone what derives from them.

    Args:
        dataset: where the samples are.
        options: models, fields and attribution.
        changes: sample id -> new caption.
        job: who follows.
    """
    tally = _Tally(len(changes))
    with long_run(tally.stored_text):
        return _rewrite(dataset, options, changes, tally, job)


def _rewrite(
    dataset: fo.Dataset,
    options: AnalysisOptions,
    changes: Mapping[ObjectId, CaptionChange],
    tally: _Tally,
    job: Job,
) -> AcceptReport:
    started = time.perf_counter()
    names, ids = CaptionFields.of(options), list(changes)
    check_derived_names(dataset, names)
    refuse_theirs(dataset, run_schema(names, None))
    originals = {state.id: state for state in read_states(dataset, ids, options)}
    tasks = [
        # What was derived before is derived anew; what never was is not started here.
        Task(
            replace(state, text=changes[state.id].text),
            frozenset(stage for stage in DERIVED if state.stages.get(stage)),
        )
        for state in originals.values()
    ]
    attributes = any("attribute" in task.stages for task in tasks)
    marks = SegmentFields(options.segments_field) if attributes else None
    declare_fields(dataset, names, marks)  # captions never analysed have none of them yet
    clear_stop(dataset)
    # MongoDB cannot push onto null.
    collection = sample_documents(dataset)
    collection.update_many(
        {"_id": {"$in": ids}, names.previous: None}, {"$set": {names.previous: []}}
    )
    before = _mean_coverage(dataset, names, ids)
    needed = frozenset().union(*(task.stages for task in tasks))
    stages = tuple(stage for stage in DERIVED if stage in needed)
    setting = resolve_setting(options, stages) if stages else None
    active = active_caption(dataset, options.segments_field) == options.caption_field
    work = RewritingWork(
        dataset.name,
        options,
        stages,
        {} if setting is None else stage_hashes(options, stages, setting),
        changes,
        originals,
        active,
    )
    loop = run_batches(
        work, tasks, job, dataset=dataset, stored=tally.stored, rejected=tally.rejected
    )
    reload_samples(dataset)
    if active:
        renew_focus(dataset, options.segments_field, [str(one) for one in tally.done])
        refresh_map(dataset, options.segments_field)
    return AcceptReport(
        len(tally.done),
        before,
        _mean_coverage(dataset, names, ids),
        tally.failures,
        loop.stopped,
        time.perf_counter() - started,
        theirs=sum(originals[one].theirs for one in tally.done),
    )


@dataclass
class _Tally:
    """What has been rewritten so far."""

    total: int
    done: list[ObjectId] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def stored_text(self) -> str:
        """What is in the database, for messages."""
        return f"{len(self.done)} of {self.total} captions are rewritten"

    def stored(self, result: SampleResult) -> None:
        """Count a sample; runs in the writer's thread."""
        if result.error is not None:
            self.rejected(result, result.error)
        else:
            self.done.append(result.task.sample.id)

    def rejected(self, result: SampleResult, reason: str) -> None:
        """Count a sample that stays as it was; runs in the writer's thread."""
        sample = result.task.sample
        self.failures.append(Failure(str(sample.id), sample.filepath, reason))


@dataclass(frozen=True)
class RewritingWork(Work[Task, Item, SampleResult]):
    """Swaps captions, with all that derives from them.

    Attributes:
        dataset: its name.
        options: models and settings.
        stages: what is derived anew for some sample.
        hashes: stage -> what its results are recognised by.
        changes: sample id -> its new caption.
        originals: sample id -> what was read of it.
        active: the segments describe this caption field, and change with it.
    """

    dataset: str
    options: AnalysisOptions
    stages: tuple[Stage, ...]
    hashes: Mapping[str, str]
    changes: Mapping[ObjectId, CaptionChange]
    originals: Mapping[ObjectId, SampleState]
    active: bool
    stage = "accept"
    noun = "captions"

    def open(self, cache: ModelCache | None) -> RewritingWorker:
        """Load what the stages need: no model where nothing is derived."""
        return RewritingWorker(self, load_models(self.options, self.stages, cache))


class RewritingWorker(AnalysisWorker):
    """Computes batches of changed samples; each update also swaps the caption.

    A failed sample keeps what it has.
    """

    conditional = True

    def __init__(self, work: RewritingWork, engines: LoadedModels) -> None:
        super().__init__(fo.load_dataset(work.dataset), engines, work.options, work.hashes)
        self._work = work
        self._names = CaptionFields.of(work.options)

    def prepare(self, units: Sequence[Task]) -> list[Item]:
        read = iter(super().prepare([task for task in units if task.stages]))
        return [next(read) if task.stages else Item(task) for task in units]

    def compute(self, items: Sequence[Item]) -> list[SampleResult]:
        computed = iter(super().compute([item for item in items if item.task.stages]))
        return [next(computed) if item.task.stages else _text_alone(item) for item in items]

    def update(self, result: SampleResult) -> UpdateOne | None:
        if result.error is not None:
            return None
        if not self._work.active:
            result.segments = None
        names, sample_id = self._names, result.task.sample.id
        change, original = self._work.changes[sample_id], self._work.originals[sample_id]
        query, document = self.updates.parts(result)
        values = dict(document["$set"])
        hashes = dict(values.pop(names.stages, {}))
        removed = dict(document.get("$unset", {}))
        place = original.place or Place(names.caption, original.text, original.text)
        query[place.path] = place.condition  # nobody wrote there meanwhile
        if change.text is None:
            emptying, gone = emptied(names, original.stages)
            values, removed = values | emptying, removed | gone
        else:
            values[place.path] = place.value(change.text)
        if change.undo:
            for mark, kept in _marks(change).items():
                if kept is None:
                    hashes.pop(mark, None)
                    removed[f"{names.stages}.{mark}"] = ""
                else:
                    hashes[mark] = kept
            document["$pop"] = {names.previous: 1}
        else:
            hashes["written"] = text_hash(change.text)
            filled = filled_place(original, names)
            hashes |= {} if filled is None else {FILLED: filled}
            document["$push"] = {names.previous: _entry(change, original, self.updates.run)}
            values |= dict.fromkeys(names.steered)
            query[names.steered[0]] = change.text
        values |= {f"{names.stages}.{key}": value for key, value in hashes.items()}
        if removed:
            document["$unset"] = removed
        document["$set"] = values
        return UpdateOne(query, document)


def _text_alone(item: Item) -> SampleResult:
    sample = item.task.sample
    return SampleResult(item.task, text=sample.text, words=caption_words(sample.text))


def _marks(change: CaptionChange) -> dict[str, str | None]:
    """Whose the text was that comes back, and by which configuration; None: take the mark away."""
    marks: dict[str, str | None] = {"written": change.source.get("written")}
    if "made" in change.source:  # versions before did not keep it
        marks["caption"] = change.source["made"]
    return marks


def _entry(change: CaptionChange, original: SampleState, run: str) -> dict[str, Any]:
    """What ``<caption>_previous`` keeps: the old caption, and the recipe that replaced it."""
    return {
        "caption": original.text,
        "prompt": change.source.get("prompt"),
        "weights": change.source.get("weight") or change.source.get("patch_weights"),
        "method": change.source.get("method"),
        "time": utc_now(),
    } | whose_text(original, run)


def _mean_coverage(
    dataset: fo.Dataset, names: CaptionFields, ids: Sequence[ObjectId]
) -> float | None:
    if not dataset.has_field(names.coverage):
        return None
    mean = dataset.select([str(one) for one in ids]).mean(names.coverage)
    return None if mean is None else float(mean)
