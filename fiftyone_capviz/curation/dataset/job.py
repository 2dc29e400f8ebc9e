"""What a long run is handed by its caller: who follows it, may stop it, whose models it uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import fiftyone as fo

from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.interrupts import first_interrupt_waits, interrupted
from fiftyone_capviz.curation.dataset.progress import Progress, ProgressCallback, StopCallback
from fiftyone_capviz.curation.dataset.store import stop_requested

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache


@dataclass(frozen=True)
class Job:
    """The caller's side of a long run.

    Attributes:
        progress: called with each event, from the thread that called the run.
        stop: asked between batches; True ends the run after the batch at hand.
        cache: where models are kept; None for the process's own.
    """

    progress: ProgressCallback | None = None
    stop: StopCallback | None = None
    cache: ModelCache | None = None

    def tell(self, stage: str, done: int, total: int, label: str) -> None:
        """Tell how far the run is, where somebody asked."""
        if self.progress is not None:
            self.progress(Progress(stage, done, total, label))

    def asked_to_stop(self, dataset: fo.Dataset) -> bool:
        """Whether to end: by a signal, by the caller, or by the flag of *Stop analysis*."""
        return bool(self.stop and self.stop()) or asked_meanwhile(dataset)


def asked_meanwhile(dataset: fo.Dataset) -> bool:
    """Whether a signal or the flag of *Stop analysis* asked for an end, also before it began."""
    return interrupted() or stop_requested(dataset)


class JobKeywords(TypedDict, total=False):
    """The keywords by which public functions take a `Job`'s attributes."""

    progress: ProgressCallback | None
    stop: StopCallback | None
    cache: ModelCache | None


@contextmanager
def long_run(stored: Callable[[], str] | None = None) -> Iterator[None]:
    """The frame of every long run: the first Ctrl-C waits, a lost database is one sentence.

    Args:
        stored: as in `database_errors`.
    """
    with first_interrupt_waits(), database_errors(stored, reads_view=False):
        yield
