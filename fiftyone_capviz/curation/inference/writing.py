"""Stores batches in the background, one request per batch, while the next one computes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import fiftyone as fo
from bson.errors import InvalidDocument
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DocumentTooLarge

from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.logs import get_logger

WAITING = 2
Result = TypeVar("Result")


class BatchWriter(Generic[Result]):
    """Writes batches of results in a background thread while the next batch computes.

    An error of the database surfaces at the next :meth:`submit`, or at :meth:`close`.

    Args:
        dataset: where the samples are.
        build: makes the update of a result; None where there is nothing to store.
        stored: called for each result that is stored, from the background thread, in order.
        rejected: called there with a result that the database refused, and why.
        conditional: updates must not be sent twice, since they hold only for what was read: each
            is a request of its own.
    """

    def __init__(
        self,
        dataset: fo.Dataset,
        build: Callable[[Result], UpdateOne | None],
        *,
        stored: Callable[[Result], None],
        rejected: Callable[[Result, str], None],
        conditional: bool = False,
    ) -> None:
        self._collection = sample_documents(dataset)
        self._build = build
        self._stored = stored
        self._rejected = rejected
        self._conditional = conditional
        self._waiting: queue.Queue[Sequence[Result] | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self.seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="capviz-write", daemon=True)
        self._thread.start()

    def submit(self, results: Sequence[Result]) -> None:
        """Hand over a batch; waits while two batches are waiting already."""
        self._raise()
        self._waiting.put(results)

    def close(self) -> None:
        """Wait until everything is stored."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _run(self) -> None:
        while (results := self._waiting.get()) is not None:
            if self._error is not None:
                continue  # drain, so that nobody waits for a dead database
            start = time.perf_counter()
            try:
                self._write(results)
            except BaseException as error:
                self._error = error
            self.seconds += time.perf_counter() - start

    def _write(self, results: Sequence[Result]) -> None:
        operations, built = [], []
        for result in results:
            operation = self._build(result)
            if operation is None:
                self._stored(result)
            else:
                operations.append(operation)
                built.append(result)
        if not operations:
            return
        if self._conditional:
            self._one_by_one(built, operations)
            return
        try:
            outcome = self._collection.bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            self._sort_out(built, error.details.get("writeErrors", []))
        except (DocumentTooLarge, InvalidDocument, OverflowError):
            self._one_by_one(built, operations)
        else:
            if outcome.matched_count < len(operations):
                self._one_by_one(built, operations)
            else:
                for result in built:
                    self._stored(result)

    def _sort_out(self, results: Sequence[Result], errors: Sequence[Mapping[str, Any]]) -> None:
        failed = {int(error["index"]): str(error.get("errmsg", "")) for error in errors}
        for index, result in enumerate(results):
            if index in failed:
                self._reject(result, failed[index])
            else:
                self._stored(result)

    def _one_by_one(self, results: Sequence[Result], operations: Sequence[UpdateOne]) -> None:
        for result, operation in zip(results, operations, strict=True):
            try:
                outcome = self._collection.bulk_write([operation])
            except BulkWriteError as error:
                self._sort_out([result], error.details.get("writeErrors", []))
            except (DocumentTooLarge, InvalidDocument, OverflowError) as error:
                self._reject(result, str(error))
            else:
                if outcome.matched_count:
                    self._stored(result)
                else:
                    self._reject(result, "the sample or its segments changed meanwhile")

    def _reject(self, result: Result, reason: str) -> None:
        message = f"The results could not be stored: {reason}. Nothing of this sample has changed."
        get_logger().error("%s", message)
        self._rejected(result, message)
