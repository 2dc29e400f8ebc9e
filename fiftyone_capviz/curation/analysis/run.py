"""One analysis from its plan to its report: models, batches, the map, the record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

import fiftyone as fo
import numpy as np
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from pymongo.errors import PyMongoError, WriteError

from fiftyone_capviz.curation.analysis.compute import AnalysisWork, AnalysisWorker
from fiftyone_capviz.curation.analysis.forecast import measure_pace, same_machinery
from fiftyone_capviz.curation.analysis.plan import Plan, stage_hashes, written_fields
from fiftyone_capviz.curation.analysis.remarks import (
    AT_LIMIT,
    CUT_MATCHES,
    SILENT_WORDS,
    UNREAD_CAPTIONS,
    UNREAD_WORDS,
    UNSEEN_SEGMENTS,
    remarks,
)
from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.curation.analysis.results import SampleResult
from fiftyone_capviz.curation.analysis.segment_map import make_map
from fiftyone_capviz.curation.dataset.before import BEFORE, state_before
from fiftyone_capviz.curation.dataset.collection import reload_dataset, sample_documents
from fiftyone_capviz.curation.dataset.interrupts import interrupted
from fiftyone_capviz.curation.dataset.job import Job
from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.dataset.map_run import refresh_map
from fiftyone_capviz.curation.dataset.names import ERROR_FIELD, CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.ownership import Ownership
from fiftyone_capviz.curation.dataset.progress import Failure
from fiftyone_capviz.curation.dataset.runs import (
    RunRecord,
    RunState,
    installed_versions,
    now,
    read_run,
    set_active_caption,
    used_segments,
    write_run,
)
from fiftyone_capviz.curation.dataset.samples import ImageSamples, reload_samples
from fiftyone_capviz.curation.dataset.schema import declare_fields, segments_schema
from fiftyone_capviz.curation.dataset.states import SAMPLE_STAGES, Task
from fiftyone_capviz.curation.dataset.store import clear_stop
from fiftyone_capviz.curation.inference.batch_loop import run_batches
from fiftyone_capviz.curation.inference.loaded_models import Setting, models_in_use
from fiftyone_capviz.curation.segments.active import ACTIVE_TOP_K
from fiftyone_capviz.errors import InputError, StoppedError
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.analysis import STAGES, AnalysisOptions, Stage


@dataclass
class Tally:
    """Kept by the writer's thread; read when it has ended.

    Attributes:
        counts: see :class:`~fiftyone_capviz.curation.analysis.report.Report`.
        failures: samples that could not be used.
        touched: ids of all samples that were written to.
        embeddings: label id -> pooled features of the segment.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    touched: list[ObjectId] = field(default_factory=list)
    embeddings: dict[str, FloatArray] = field(default_factory=dict)

    def stored(self, result: SampleResult) -> None:
        """Count a sample that is stored; runs in the writer's thread."""
        sample, todo = result.task.sample, result.task.stages
        self.touched.append(sample.id)
        if result.error is not None:
            self._failed(result, result.error)
            return
        self.counts["done"] += 1
        self.counts["captions"] += result.caption is not None
        self.counts["matches"] += "match" in todo and result.match is not None
        self.counts["attributed"] += "attribute" in todo
        self.counts.update(_remarkable(result))
        segments = result.segments
        if segments is not None and "segment" in todo:
            self.counts["segmented"] += 1
            self.counts["segments"] += len(segments)
        if segments is not None and segments.embeddings is not None:
            rows = segments.embeddings.astype(np.float32)
            self.embeddings |= dict(zip(map(str, segments.ids), rows, strict=True))

    def rejected(self, dataset: fo.Dataset, result: SampleResult, reason: str) -> None:
        """Count and mark a sample that the database refused; runs in the writer's thread."""
        sample_id = result.task.sample.id
        with suppress(WriteError):  # a document too full for even this
            sample_documents(dataset).update_one(
                {"_id": sample_id}, {"$set": {ERROR_FIELD: reason}}
            )
        self.touched.append(sample_id)
        self._failed(result, reason)

    def _failed(self, result: SampleResult, reason: str) -> None:
        sample = result.task.sample
        self.counts["failed"] += 1
        self.failures.append(Failure(str(sample.id), sample.filepath, reason))
        get_logger().warning("%s: %s", sample.filepath, reason)


@dataclass
class AnalysisRun:
    """One analysis, and what it has found out so far."""

    options: AnalysisOptions
    stages: tuple[Stage, ...]
    job: Job
    tally: Tally = field(default_factory=Tally)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    stopped: bool = False
    to_do: int = 0

    def execute(self, samples: ImageSamples, plan: Plan, setting: Setting) -> Report:
        """Do what was planned, and say what was done."""
        started = time.perf_counter()
        dataset, tasks = samples.dataset, plan.tasks
        self.notes = [samples.note] if samples.note else []
        if plan.without_text:
            self.notes.append(f"{plan.without_text} samples have no text to score.")
        kept = plan.existing.foreign.get("segment")
        if kept:
            self.notes.append(
                f"{kept} samples keep labels of their own in {self.options.segments_field!r}; they "
                "stand in for segments."
            )
        if "caption" in self.stages and plan.existing.theirs:
            self.notes.append(_told_captions(plan, self.options))
        self.tally.counts["samples"], self.to_do = plan.total, len(tasks)
        clear_stop(dataset)
        _clear_nulls(dataset, CaptionFields.of(self.options))
        record = self._record(dataset, setting, tasks)
        try:
            if tasks:
                self._declare(dataset)
                get_logger().info("%d of %d samples: %s", len(tasks), plan.total, self.stages)
                write_run(dataset, record)
                record = self._compute(dataset, plan, record)
            if "map" in self.stages and not self.stopped:
                record = self._map(samples, setting, record)
        except KeyboardInterrupt:
            if self.stopped or interrupted():  # the second one: the user does not want to wait
                raise
            self.stopped = True
        except BaseException:
            self._finish(dataset, replace(record, state="failed"), started, anything=bool(tasks))
            raise
        state: RunState = "stopped" if self.stopped else "done"
        self.notes += remarks(self.tally.counts, self.options)
        self._finish(dataset, replace(record, state=state), started, anything=bool(tasks))
        return Report(
            counts=dict(self.tally.counts),
            seconds=self.seconds,
            failures=self.tally.failures,
            stopped=self.stopped,
            skipped=plan.total - len(tasks),
            notes=self.notes,
            caption_field=self.options.caption_field,
            segments_field=self.options.segments_field,
        )

    def stored(self) -> str:
        """What is in the database, for messages."""
        return f"{self.tally.counts['done']} of {self.to_do} samples are stored"

    def _declare(self, dataset: fo.Dataset) -> None:
        declare_fields(dataset, *written_fields(self.options, self.stages))

    def _record(self, dataset: fo.Dataset, setting: Setting, tasks: Sequence[Task]) -> RunRecord:
        options = self.options
        before = read_run(dataset, options.caption_field)
        record = before or RunRecord(
            options.caption_field,
            options.segments_field,
            extra={
                BEFORE: state_before(
                    dataset,
                    caption_field=options.caption_field,
                    segments_field=options.segments_field,
                    prefix=options.derived_prefix,
                )
            },
        )
        record = replace(
            record,
            segments_fields=list(dict.fromkeys([*used_segments(record), options.segments_field])),
            added_attributes=list(
                dict.fromkeys([*record.added_attributes, *self._attributes(dataset)])
            ),
        )
        if not tasks:
            return record
        changed = any(task.changes_segments for task in tasks)
        return replace(
            record,
            segments_field=options.segments_field,
            options=options.to_dict(),
            revisions={**record.revisions, **setting.revisions},
            precision=setting.precision,
            device=setting.device,
            stages=list(self.stages),
            versions=installed_versions(),
            pace=record.pace if same_machinery(record.options, options) else {},
            state="running",
            started=now(),
            finished=None,
            map={**record.map, "complete": False} if changed else record.map,
        )

    def _attributes(self, dataset: fo.Dataset) -> list[str]:
        """What the run adds inside labels of the user's: listed in its record."""
        segments = written_fields(self.options, self.stages)[1]
        if segments is None or not dataset.has_field(segments.segments):
            return []
        if Ownership(dataset).is_ours(segments.segments):
            return []
        return [path for path in segments_schema(segments) if "." in path]

    def _compute(self, dataset: fo.Dataset, plan: Plan, record: RunRecord) -> RunRecord:
        needed = frozenset().union(*(task.stages for task in plan.tasks))
        setting = Setting(record.device, record.precision, record.revisions)
        work = AnalysisWork(
            dataset.name,
            self.options,
            tuple(stage for stage in STAGES if stage in needed),
            stage_hashes(self.options, [s for s in self.stages if s in SAMPLE_STAGES], setting),
        )
        self.job.tell("models", 0, 1, "Loading the models")
        start = time.perf_counter()
        with models_in_use(self.job.cache):
            worker = work.open(self.job.cache)
        self.seconds["models"] = time.perf_counter() - start
        self.notes += getattr(worker.engines.encoder, "notes", ())
        record = replace(
            record,
            layer=worker.engines.layer(self.options) if "attribute" in needed else record.layer,
            batch_size=worker.batch_size,
        )
        self._run_batches(dataset, plan, work, worker)
        if "attribute" in needed:
            refresh_map(dataset, self.options.segments_field)
            set_active_caption(dataset, self.options.segments_field, self.options.caption_field)
            extra = {k: v for k, v in record.extra.items() if k != ACTIVE_TOP_K}
            record = replace(record, active=True, extra=extra)
        return record

    def _run_batches(
        self, dataset: fo.Dataset, plan: Plan, work: AnalysisWork, worker: AnalysisWorker
    ) -> None:
        try:
            loop = run_batches(
                work,
                plan.tasks,
                self.job,
                dataset=dataset,
                worker=worker,
                stored=self.tally.stored,
                rejected=partial(self.tally.rejected, dataset),
            )
        finally:
            self.seconds |= worker.computer.seconds
            reload_samples(dataset, self.tally.touched)
        self.stopped = loop.stopped
        self.seconds |= {"decode": loop.waited, "write": loop.writing}
        if loop.limit is not None:
            self.notes.append(
                f"Out of memory with a batch of {worker.batch_size}: went on with {loop.limit}. "
                f"Pass batch_size={loop.limit} next time."
            )

    def _map(self, samples: ImageSamples, setting: Setting, record: RunRecord) -> RunRecord:
        """Map the segments, unless the stored map is of the same configuration and complete."""
        options, dataset = self.options, samples.dataset
        if options.map_method == "none":
            return record
        wanted = options.stage_hash("map", setting.revisions, precision=setting.precision)
        key = SegmentFields(options.segments_field).map_key
        stored = record.map
        done = stored.get("complete") and stored.get("hash") == wanted
        if done and dataset.has_brain_run(key) and not self.tally.embeddings:
            return record
        start = time.perf_counter()
        self.job.tell("map", 0, 1, "Mapping the segments")
        try:
            make_map(
                self._analysed(samples),
                options,
                embeddings=self.tally.embeddings if options.embeddings == "pooled" else None,
                job=self.job,
            )
        except StoppedError:
            self.stopped = True
            return record
        except InputError as error:  # too few segments: the rest of the analysis is good
            self.notes.append(f"No map: {error}")
            return record
        self.seconds["map"] = time.perf_counter() - start
        return replace(record, map={"hash": wanted, "complete": True})

    def _analysed(self, samples: ImageSamples) -> SampleCollection:
        """The samples of this run and of earlier ones: the map shows all segments we know."""
        dataset, path = samples.dataset, SegmentFields(self.options.segments_field)
        stages = CaptionFields.of(self.options).stages
        known = {"$or": [{path.stage: {"$ne": None}}, {f"{stages}.attribute": {"$ne": None}}]}
        rows = sample_documents(dataset).find(known, {"_id": 1})
        ids = dict.fromkeys([*samples.ids, *(row["_id"] for row in rows)])
        return dataset.select([str(i) for i in ids])

    def _finish(
        self, dataset: fo.Dataset, record: RunRecord, started: float, *, anything: bool
    ) -> None:
        self.seconds["total"] = time.perf_counter() - started
        self.tally.counts["failed"] += 0
        if anything:
            counts, seconds = dict(self.tally.counts), dict(self.seconds)
            pace = record.pace | measure_pace(counts, seconds)
            record = replace(
                record,
                counts=counts,
                notes=remarks(counts, self.options),
                seconds=seconds,
                pace=pace,
                finished=now(),
            )
        try:
            before = read_run(dataset, self.options.caption_field)
            if anything or record.map or (before is not None and before != record):
                write_run(dataset, record)
            reload_dataset(dataset)
        except PyMongoError:
            if record.state != "failed":
                raise
        get_logger().info("%s: %s", record.state, dict(self.tally.counts))


def _told_captions(plan: Plan, options: AnalysisOptions) -> str:
    """What becomes of captions that are not ours."""
    theirs, names = plan.existing.theirs, CaptionFields.of(options)
    if options.overwrite_captions:
        return (
            f"{plan.existing.overwritten} captions of yours are written over; they are kept in "
            f"{names.previous!r}, and undo_captions brings them back."
        )
    return (
        f"{theirs} captions are yours and stay; overwrite_captions=True (--overwrite-captions) "
        "writes over them."
    )


def _clear_nulls(dataset: fo.Dataset, names: CaptionFields) -> None:
    """MongoDB adds to a list or to nothing, and not to null."""
    path = names.previous
    sample_documents(dataset).update_many({path: {"$type": "null"}}, {"$unset": {path: ""}})


def _remarkable(result: SampleResult) -> Counter[str]:
    """What there is to tell of one stored sample; nothing where all is as it should be."""
    todo, coverage = result.task.stages, result.coverage
    found = {
        AT_LIMIT: int(result.caption is not None and result.caption.at_limit),
        CUT_MATCHES: int("match" in todo and result.match is not None and result.match.cut > 0),
        UNREAD_CAPTIONS: int(bool(result.unread)),
        UNREAD_WORDS: len(result.unread),
        SILENT_WORDS: result.silent,
        UNSEEN_SEGMENTS: 0 if coverage is None else int((~coverage.seen).sum()),
    }
    return Counter({name: count for name, count in found.items() if count})
