"""The pairs of a plan, explained and written batch by batch.

What images, captions or whole pairs share is computed once.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import fiftyone as fo
from PIL.Image import Image
from pymongo import UpdateOne

from fiftyone_capviz.attribution.pairs.stopping import stoppable
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import Document, text_hash
from fiftyone_capviz.curation.dataset.job import Job
from fiftyone_capviz.curation.dataset.names import ERROR_FIELD, HASH_KEY, TEXT_KEY, PairFields
from fiftyone_capviz.curation.dataset.progress import Failure
from fiftyone_capviz.curation.dataset.runs import RunState, now
from fiftyone_capviz.curation.inference.batch_loop import Work, Worker, run_batches
from fiftyone_capviz.curation.inference.kept import file_key
from fiftyone_capviz.curation.inference.loaded_models import load_encoder, models_in_use
from fiftyone_capviz.curation.inference.turns import is_small
from fiftyone_capviz.curation.pairs.answer import required_caption
from fiftyone_capviz.curation.pairs.fields import with_pair_error
from fiftyone_capviz.curation.pairs.plan import UNKNOWN, PairPlan, PairTask, stored_hashes
from fiftyone_capviz.curation.pairs.results import MismatchReport, PairTotals
from fiftyone_capviz.curation.pairs.runs import PairRun, write_pair_run
from fiftyone_capviz.errors import CapvizError, InputError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.settings.pairs import PairSettings

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pairs.explanation import PairExplanation
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import DualEncoder


class MismatchRun:
    """One run over the pairs of a view.

    Life cycle: made from a plan, `execute`d once; then `report` says what it did.

    Args:
        dataset: of the plan.
        names: of the fields to write.
        plan: what there is to do.
        run: where the results come from.
        last: the run before it.
    """

    def __init__(
        self,
        dataset: fo.Dataset,
        names: PairFields,
        plan: PairPlan,
        run: PairRun,
        *,
        last: PairRun | None,
    ) -> None:
        self.dataset, self.names, self.plan, self.run, self.last = dataset, names, plan, run, last
        self.report = MismatchReport(
            names.caption,
            samples=plan.samples,
            skipped=len(plan.done),
            captionless=plan.captionless,
            emptied=len(plan.emptied),
        )
        for task in plan.done:
            self.report.count(task.mismatches, task.notes)

    def execute(self, work: PairWork, job: Job) -> None:
        """Explain what the plan says, and store it with where it came from.

        Raises:
            InputError: the encoder cannot be used with these settings.
        """
        emptied = [pair_update(self.names, self.run, task, None) for task in self.plan.emptied]
        if emptied:
            sample_documents(self.dataset).bulk_write(emptied, ordered=False)
        if self.plan.tasks:
            write_pair_run(self.dataset, self.run)
            started = time.perf_counter()
            state: RunState = "failed"
            try:
                with models_in_use(job.cache):
                    worker = work.open(job.cache)
                    pace = self.run.pace.get(self.run.pace_key)
                    if pace is None and job.progress is not None:
                        pace = worker.seconds_per_pair()
                with stoppable(lambda: job.asked_to_stop(self.dataset)):
                    loop = run_batches(
                        work,
                        self.plan.tasks,
                        job,
                        dataset=self.dataset,
                        worker=worker,
                        stored=self._stored,
                        rejected=self._rejected,
                        pace=pace,
                    )
                self.report.stopped = loop.stopped
                state = "stopped" if loop.stopped else "done"
            finally:
                self._finish(state, time.perf_counter() - started)
        for key, count in stored_hashes(self.dataset, self.names).items():
            if key != self.run.hash:
                told = self.run.earlier.get(key, UNKNOWN)
                self.report.others[told] = self.report.others.get(told, 0) + count

    def stored_text(self) -> str:
        """What is in the database, for messages."""
        return f"{self.report.explained} of {len(self.plan.tasks)} explanations are stored"

    def _stored(self, result: ExplainedPair) -> None:
        task, totals = result.task, result.totals
        if totals is None:
            self._rejected(result, result.error or "")
            return
        self.report.explained += 1
        self.report.stale += task.hash is not None and task.is_stale
        self.report.count(totals.mismatches, totals.notes)

    def _rejected(self, result: ExplainedPair, reason: str) -> None:
        self.report.failures.append(Failure(str(result.task.id), result.task.filepath, reason))

    def _finish(self, state: RunState, seconds: float) -> None:
        """Write down how the run ended, and forget settings of which nothing is left."""
        report, run, last = self.report, self.run, self.last
        stored = stored_hashes(self.dataset, self.names)
        if last is not None and run.hash not in stored and last.hash in stored:
            write_pair_run(self.dataset, last)  # nothing came of this run: all is still that one's
            return
        counts = {
            name: getattr(report, name)
            for name in ("samples", "explained", "skipped", "captionless", "mismatched", "cut")
        }
        pace = {run.pace_key: seconds / report.explained} if report.explained else {}
        self.run = replace(
            run,
            counts=counts | {"failed": len(report.failures)},
            seconds=seconds,
            pace=run.pace | pace,
            earlier={key: told for key, told in run.earlier.items() if key in stored},
            state=state,
            finished=now(),
        )
        write_pair_run(self.dataset, self.run)


def pair_update(
    names: PairFields, run: PairRun, task: PairTask, outcome: PairTotals | str | None
) -> UpdateOne:
    """The one update of a sample; without a result, none of an earlier one stays.

    Args:
        names: of the fields.
        run: where the result comes from.
        task: the sample.
        outcome: its numbers, why it has none, or None where the caption went away.
    """
    message = outcome if isinstance(outcome, str) else None
    values: Document = {
        ERROR_FIELD: with_pair_error(task.error, message),
        "last_modified_at": datetime.now(UTC).replace(tzinfo=None),
    }
    if not isinstance(outcome, PairTotals):
        removed = dict.fromkeys((*names.paths, names.hash, names.text_hash), "")
        return UpdateOne({"_id": task.id}, {"$set": values, "$unset": removed})
    values |= {
        names.score: outcome.score,
        names.words: list(outcome.words),
        names.totals: list(outcome.totals),
        names.mismatches: list(outcome.mismatches),
        names.error: outcome.error,
        names.notes: list(outcome.notes),
    }
    noted = {HASH_KEY: run.hash, TEXT_KEY: text_hash(task.text)}
    if task.stages:  # what other stages note there may change meanwhile
        values |= {f"{names.stages}.{key}": value for key, value in noted.items()}
    else:
        values[names.stages] = noted
    return UpdateOne({"_id": task.id}, {"$set": values})


@dataclass(frozen=True)
class PairItem:
    """A pair that is ready to be explained.

    Attributes:
        image: None where it cannot be read.
        error: why the pair cannot be explained.
    """

    task: PairTask
    image: Image | None = None
    error: str | None = None


@dataclass(frozen=True)
class ExplainedPair:
    """What came of a pair: its numbers, or why it has none."""

    task: PairTask
    totals: PairTotals | None = None
    error: str | None = None


@dataclass(frozen=True)
class PairWork(Work[PairTask, PairItem, ExplainedPair]):
    """Explains pairs by one encoder.

    Attributes:
        settings: which encoder.
        names: of the fields to write.
        run: the settings, defaults resolved.
        repeated: pairs that come more than once.
    """

    settings: PairSettings
    names: PairFields
    run: PairRun
    repeated: frozenset[tuple[str, str]]
    stage = "samples"
    noun = "pairs"

    def open(self, cache: ModelCache | None) -> PairWorker:
        """Load the encoder."""
        return PairWorker(self, load_encoder(self.settings, cache))


class PairWorker(Worker[PairTask, PairItem, ExplainedPair]):
    """Explains batches of pairs; one that comes again is explained once."""

    def __init__(self, work: PairWork, encoder: DualEncoder) -> None:
        self._work, self._batches = work, PairBatches(encoder, work.run)
        self._known: dict[tuple[str, str], PairTotals] = {}
        self.batch_size = self._batches.size
        self.small_model = is_small(encoder)

    def seconds_per_pair(self) -> float | None:
        """What a pair is expected to take."""
        return self._batches.seconds_per_pair()

    def prepare(self, units: Sequence[PairTask]) -> list[PairItem]:
        return [_opened(task) for task in units]

    def compute(self, items: Sequence[PairItem]) -> list[ExplainedPair]:
        found = {item.task.pair: self._known.get(item.task.pair) for item in items}
        new = {item.task.pair: item for item in items if found[item.task.pair] is None}
        images = [item.image for item in new.values() if item.image is not None]
        if images:
            totals = self._batches.totals(
                images,
                [item.task.text for item in new.values()],
                keys=[file_key(item.task.filepath) for item in new.values()],
            )
            found |= dict(zip(new, totals, strict=True))
        self._known |= {
            pair: totals
            for pair, totals in found.items()
            if totals is not None and pair in self._work.repeated
        }
        return [ExplainedPair(item.task, found[item.task.pair]) for item in items]

    def failed(self, item: PairItem, message: str) -> ExplainedPair:
        return ExplainedPair(item.task, error=message)

    def update(self, result: ExplainedPair) -> UpdateOne | None:
        outcome = result.totals if result.error is None else result.error
        return pair_update(self._work.names, self._work.run, result.task, outcome)

    def is_fatal(self, error: Exception) -> bool:
        return isinstance(error, InputError)  # settings that no pair can be explained with


def _opened(task: PairTask) -> PairItem:
    try:
        required_caption(task.text)
        return PairItem(task, open_image(task.filepath))
    except CapvizError as error:
        return PairItem(task, error=str(error))


BATCH = 16
"""Pairs per read and per write where they are quick."""
KEPT_BYTES = 256 << 20
"""Of images, and of captions, that are kept for the next pair that has them."""


class PairBatches:
    """Explains pairs by one encoder and one run's settings.

    At the last layer images and captions are independent: each is kept, and combined with the
    other. Below it one pair costs a fraction of what its image costs for any caption, so that
    pairs are explained one by one.

    Attributes:
        size: pairs per batch; 1 where one takes long, so that a run tells how far it is and stops
            soon.
    """

    def __init__(self, encoder: DualEncoder, run: PairRun) -> None:
        from fiftyone_capviz.attribution.pairs.dataset_factors import DatasetFactors

        self._encoder, self._run = encoder, run
        self._factors: DatasetFactors | None = None
        if is_quick(run.method, run.layer, run.image_layers):
            self._factors = DatasetFactors(
                encoder,
                method=run.method,  # type: ignore[arg-type]
                layer=run.layer,
                nodes=run.nodes,
                bits=32,
                max_bytes=KEPT_BYTES,
            )
        self.size = 1 if self._factors is None else BATCH

    def totals(
        self, images: Sequence[Image], texts: Sequence[str], *, keys: Sequence[Hashable]
    ) -> list[PairTotals]:
        """What each word of each pair adds to its score.

        Args:
            images: upright RGB.
            texts: one caption per image.
            keys: equal for equal images.

        Raises:
            InputError: the settings cannot be used.
            ModelError: an attribution overflowed.
        """
        return [PairTotals.of(one) for one in self._explained(images, texts, keys)]

    def seconds_per_pair(self) -> float | None:
        """From one timed pass of the encoder; None for a method of many passes."""
        from fiftyone_capviz.attribution.pairs.cost import pair_seconds

        if self._run.method == "ilime":
            return None
        nodes = self._run.nodes if self._run.method == "second_order" else 1
        return pair_seconds(self._encoder, layer=self._run.layer, nodes=nodes)

    def _explained(
        self, images: Sequence[Image], texts: Sequence[str], keys: Sequence[Hashable]
    ) -> list[PairExplanation]:
        if self._factors is not None:
            self._factors.text_factors(texts)
            self._factors.image_factors(images, keys=keys)
            return [self._factors.explain(k, text) for k, text in zip(keys, texts, strict=True)]
        from fiftyone_capviz.attribution.pairs.explain import explain_pairs

        return explain_pairs(
            self._encoder,
            images,
            texts,
            method=self._run.method,  # type: ignore[arg-type]
            layer=self._run.layer,
            nodes=self._run.nodes,
        )


def is_quick(method: str, layer: int, layers: int) -> bool:
    """Whether a pair takes about as long as a pass of the model: derivatives in closed form."""
    return method != "ilime" and layer == layers - 1
