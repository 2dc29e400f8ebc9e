"""The one loop of every long run: batches, progress, stop, failures, memory, turns at the models.

A run is *units* (what there is to do, one by one), *work* on one batch of them, and the *update*
that stores a result. `Work` is plain data that can be pickled: it names datasets and models, and
`Work.open` makes from it a `Worker`, which holds handles and loaded models. So the same work can
be opened in another process: stop flag and progress are in the execution store.

A loader thread prepares the next batches, the thread that called computes, and a writer thread
stores the batch before. What every run promises (``tests/curation/inference/test_batch_loop.py``
holds each promise against each run):

1.  Progress never goes back and ends at its total.
2.  The stop flag is obeyed between batches.
3.  The first Ctrl-C or SIGTERM ends the run after the batch, the second at once.
4.  An image that cannot be read is counted, and stops nothing.
5.  A batch that fails is done one by one: only what fails alone is lost.
6.  A batch that does not fit into memory is halved.
7.  A lost database is one sentence, and nothing is half-written.
8.  A view that cannot be used is refused before any work.
9.  Between batches the models are free for others.
10. Run again, it does only what is missing.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import fiftyone as fo
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from fiftyone_capviz.curation.dataset.interrupts import interrupted
from fiftyone_capviz.curation.dataset.job import Job, asked_meanwhile
from fiftyone_capviz.curation.dataset.logs import get_logger, log_file
from fiftyone_capviz.curation.dataset.progress import Progress, duration_text
from fiftyone_capviz.curation.dataset.store import forget_progress, note_progress
from fiftyone_capviz.curation.inference.loaded_models import models_in_use
from fiftyone_capviz.curation.inference.memory import free_memory, is_out_of_memory
from fiftyone_capviz.curation.inference.prefetch import Prefetch
from fiftyone_capviz.curation.inference.writing import BatchWriter
from fiftyone_capviz.errors import CapvizError, HopelessError, StoppedError

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache

HOPELESS = 3
"""So many images that the models fail on, and none that they do not: the run is given up."""
NOTED_EVERY = 1.0
"""Seconds between two notes of the progress in the store, for other processes."""
SAID_FROM = 10.0
"""Seconds from which on the time that is left is worth a word."""


class Prepared(Protocol):
    """A unit that is ready to be computed, or why it is not."""

    @property
    def error(self) -> str | None: ...


class Computed(Protocol):
    """What came of a unit; with an error where nothing did."""

    @property
    def error(self) -> str | None: ...


Unit = TypeVar("Unit")
Item = TypeVar("Item", bound=Prepared)
Result = TypeVar("Result", bound=Computed)


class Worker(ABC, Generic[Unit, Item, Result]):
    """The work of one run where it is done, with its models loaded.

    Attributes:
        batch_size: units per batch.
        conditional: each update holds only for what was read, and must not be sent twice.
        small_model: one CPU thread is quicker than many that wait for each other.
    """

    batch_size: int
    conditional = False
    small_model = False

    @abstractmethod
    def prepare(self, units: Sequence[Unit]) -> list[Item]:
        """Read and decode what the models need; runs in a loader's thread.

        One item per unit: what is wrong with one stands in its `error`.

        Args:
            units: some of the run's.
        """

    @abstractmethod
    def compute(self, items: Sequence[Item]) -> list[Result]:
        """Send items without an error through the models, which are this thread's alone meanwhile.

        Where it raises, nothing of the batch may have been counted.

        Args:
            items: some of a batch, fewer where memory is short or another item broke it.
        """

    @abstractmethod
    def failed(self, item: Item, message: str) -> Result:
        """The result of an item that cannot be used."""

    def update(self, result: Result) -> UpdateOne | None:
        """The one update that stores a result; None where the run stores nothing of it."""
        return None

    def models_failed(self, result: Result) -> bool:
        """Whether a result with an error is a model's failure that `compute` has caught itself."""
        return False

    def is_fatal(self, error: Exception) -> bool:
        """Whether an error that comes before any success is one that every unit would run into."""
        return isinstance(error, CapvizError)

    def close(self) -> None:
        """End what `prepare` works with."""


class Work(ABC, Generic[Unit, Item, Result]):
    """What a run does, as plain data: a frozen dataclass that can be pickled.

    Attributes:
        stage: of its progress.
        noun: what is counted, in the plural.
    """

    stage: str
    noun: str

    @abstractmethod
    def open(self, cache: ModelCache | None) -> Worker[Unit, Item, Result]:
        """Load the models, and make what computes.

        Raises:
            ModelError: one cannot be had.
            InputError: an option that the models do not have.
        """


@dataclass
class LoopReport:
    """How a loop went.

    Attributes:
        done: units that were computed or failed.
        stopped: ended early, on request.
        waited, writing: seconds for images to be ready, and for the last results to be stored.
        limit: the largest batch that fitted into memory; None while all did.
    """

    done: int = 0
    stopped: bool = False
    waited: float = 0.0
    writing: float = 0.0
    limit: int | None = None


def run_batches(
    work: Work[Unit, Item, Result],
    units: Sequence[Unit],
    job: Job,
    *,
    dataset: fo.Dataset,
    worker: Worker[Unit, Item, Result] | None = None,
    stored: Callable[[Result], None],
    rejected: Callable[[Result, str], None],
    pace: float | None = None,
) -> LoopReport:
    """Do the work on all units, batch by batch, until the end or until somebody stops it.

    Args:
        work: what to do.
        units: on what, in order.
        job: who follows, and whose models.
        dataset: where updates go, and whose stop flag is obeyed.
        worker: the opened work; default opened here.
        stored: called with each result that is stored, failed ones too, in order, from the
            writer's thread.
        rejected: called there with a result that the database refused, and why.
        pace: seconds per unit that are expected, for the first words on the time that is left.

    Raises:
        CapvizError: what every unit would run into.
        HopelessError: the models failed on the first units, each alone.
        PyMongoError: the database failed; see `database_errors`.
        KeyboardInterrupt: at the second Ctrl-C.
    """
    if worker is None:
        with models_in_use(job.cache):
            worker = work.open(job.cache)
    with closing(worker) as opened:
        loop = _Loop(work, opened, job, dataset, len(units), pace)
        writer = BatchWriter(
            dataset,
            opened.update,
            stored=stored,
            rejected=rejected,
            conditional=opened.conditional,
        )
        try:
            with Prefetch(units, opened.prepare, batch_size=opened.batch_size) as batches:
                loop.run(batches, writer)
        finally:
            started = time.perf_counter()
            writer.close()
            loop.report.writing = time.perf_counter() - started
        forget_progress(dataset)
        return loop.report


class _Loop(Generic[Unit, Item, Result]):
    """One loop while it runs."""

    def __init__(
        self,
        work: Work[Unit, Item, Result],
        worker: Worker[Unit, Item, Result],
        job: Job,
        dataset: fo.Dataset,
        total: int,
        pace: float | None,
    ) -> None:
        self.report = LoopReport()
        self._work, self._worker, self._job = work, worker, job
        self._dataset, self._total, self._pace = dataset, total, pace
        self._expected = pace is not None
        self._any_success = False
        self._failures = 0
        self._noted = -NOTED_EVERY

    def run(self, batches: Iterator[list[Item]], writer: BatchWriter[Result]) -> None:
        """Compute every batch and hand it to the writer."""
        if not self._total:
            return
        report = self.report
        report.stopped = asked_meanwhile(self._dataset)
        begun = time.perf_counter()
        try:
            if not report.stopped:
                self._tell()
            while not report.stopped:
                start = time.perf_counter()
                items = next(batches, None)
                report.waited += time.perf_counter() - start
                if items is None:
                    return
                writer.submit(self._batch(items))
                report.done += len(items)
                self._pace = (time.perf_counter() - begun) / report.done
                self._tell()
                if report.done < self._total:
                    report.stopped = self._job.asked_to_stop(self._dataset)
        except StoppedError:  # a long computation that asks for itself
            report.stopped = True
        except KeyboardInterrupt:
            if report.stopped or interrupted():  # the second: the user does not want to wait
                raise
            report.stopped = True

    def _tell(self) -> None:
        done, total = self.report.done, self._total
        label = f"{done} of {total} {self._work.noun}"
        left = (self._pace or 0.0) * (total - done)
        if left >= SAID_FROM or (left and self._expected):
            label += f", about {duration_text(left)} left"
        progress = Progress(self._work.stage, done, total, label)
        self._job.tell(progress.stage, done, total, label)
        if time.monotonic() - self._noted >= NOTED_EVERY:
            note_progress(self._dataset, progress)
            self._noted = time.monotonic()

    def _batch(self, items: Sequence[Item]) -> list[Result]:
        """Results of a batch; never more items at a time than fit into memory."""
        usable = [item for item in items if item.error is None]
        results: list[Result] = []
        if usable:
            with self._turn():  # others get theirs between batches
                results = self._computed(usable)
        unusable = [
            self._worker.failed(item, item.error) for item in items if item.error is not None
        ]
        return [*results, *unusable]

    def _computed(self, items: Sequence[Item]) -> list[Result]:
        results: list[Result] = []
        start = 0
        while start < len(items):
            chunk = items[start : start + (self.report.limit or len(items))]
            try:
                found = self._worker.compute(chunk)
            except (StoppedError, HopelessError, PyMongoError):
                raise
            except Exception as error:
                if self._worker.is_fatal(error) and not self._any_success:
                    raise
                if is_out_of_memory(error) and len(chunk) > 1:
                    self._halve(len(chunk))
                    continue
                found = self._one_by_one(chunk, error)
            else:
                self._count(found)
            results += found
            start += len(chunk)
        return results

    def _halve(self, size: int) -> None:
        free_memory()
        self.report.limit = size // 2
        get_logger().warning("out of memory with a batch of %d; halved", size)

    def _one_by_one(self, chunk: Sequence[Item], error: Exception) -> list[Result]:
        """Each item alone, so that only those that cause the failure are lost."""
        get_logger().error("a batch of %d failed", len(chunk), exc_info=error)
        results: list[Result] = []
        for item in chunk:
            try:
                if len(chunk) == 1:
                    raise error
                found = self._worker.compute([item])
                self._count(found)
                results += found
            except (StoppedError, HopelessError, PyMongoError):
                raise
            except Exception as own:
                results.append(self._failed(item, own))
        return results

    def _failed(self, item: Item, error: Exception) -> Result:
        message = failure_message(error)
        self._failures += 1
        result = self._worker.failed(item, message)
        self._give_up_if_hopeless(message, result)
        return result

    def _count(self, results: Sequence[Result]) -> None:
        self._any_success |= any(each.error is None for each in results)
        for each in results:
            if each.error is not None and self._worker.models_failed(each):
                self._failures += 1
                self._give_up_if_hopeless(each.error, each)

    def _give_up_if_hopeless(self, message: str, result: Result) -> None:
        if not self._any_success and self._failures >= HOPELESS:
            raise HopelessError(
                f"The first {self._failures} images all failed; the last one with: {message} "
                f"Details are in {log_file()}.",
                result,
            )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The models for this thread alone; PyTorch's threads are as before afterwards."""
        import torch

        with models_in_use(self._job.cache):
            threads = torch.get_num_threads()
            if self._worker.small_model:
                torch.set_num_threads(1)
            try:
                yield
            finally:
                if self._worker.small_model:
                    torch.set_num_threads(threads)


def failure_message(error: Exception) -> str:
    """Why one image alone could not be computed, in words for the user; the rest is logged."""
    if is_out_of_memory(error):
        free_memory()
        return "The image does not fit into memory alone. Use a smaller model or dtype."
    if isinstance(error, CapvizError):
        return str(error)
    get_logger().error("the models failed", exc_info=error)
    return f"The models failed on this image: {type(error).__name__}: {error}."
