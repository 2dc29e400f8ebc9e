"""Batches made ready in a thread of their own, while the one before is computed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

WAITING = 2
"""Prepared batches that wait at most."""
Unit = TypeVar("Unit")
Item = TypeVar("Item")


class Prefetch(Generic[Unit, Item]):
    """Iterates over prepared batches, two of which wait at most; ends its thread on leaving.

    Args:
        units: in order.
        prepare: makes the items of a batch, in the loader's thread.
        batch_size: units per batch.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        prepare: Callable[[Sequence[Unit]], list[Item]],
        *,
        batch_size: int,
    ) -> None:
        self._units, self._prepare, self._batch_size = units, prepare, batch_size
        self._ready: queue.Queue[list[Item] | BaseException | None] = queue.Queue(WAITING)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._load, name="capviz-load", daemon=True)

    def __enter__(self) -> Iterator[list[Item]]:
        self._thread.start()
        return self._batches()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with suppress(queue.Empty):  # a loader that waits for room must see the flag
            while True:
                self._ready.get_nowait()
        self._thread.join(timeout=60)

    def _batches(self) -> Iterator[list[Item]]:
        while True:
            batch = self._ready.get()
            if batch is None:
                return
            if isinstance(batch, BaseException):
                raise batch
            yield batch

    def _load(self) -> None:
        try:
            for start in range(0, len(self._units), self._batch_size):
                if self._ended.is_set():
                    return
                self._put(self._prepare(self._units[start : start + self._batch_size]))
            self._put(None)
        except BaseException as error:  # handed to the thread that computes
            self._put(error)

    def _put(self, batch: list[Item] | BaseException | None) -> None:
        while not self._ended.is_set():
            try:
                self._ready.put(batch, timeout=0.2)
                return
            except queue.Full:
                continue
