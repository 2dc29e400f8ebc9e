"""A long run as others see it: how far it is, what failed, whether it shall stop; its bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Protocol, TextIO

from tqdm.auto import tqdm

_COUNTED = "{desc} {bar} {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"


class ProgressBar:
    """One bar per stage of a run, or its name where there is nothing to count.

    Hand it to `analyze` as ``progress``, and use it in a ``with``.

    Args:
        stream: where the bars are drawn; default standard error.
        enabled: False draws nothing.
    """

    def __init__(self, *, stream: TextIO | None = None, enabled: bool = True) -> None:
        self._stream = stream or sys.stderr
        self._enabled = enabled
        self._stage: str | None = None
        self._bar: tqdm | None = None

    def __call__(self, progress: Progress) -> None:
        """Draw one event of the run."""
        if not self._enabled:
            return
        if self._bar is None or progress.stage != self._stage:
            self.close()
            self._stage = progress.stage
            counted = progress.total > 1
            self._bar = tqdm(
                total=progress.total,
                desc=progress.stage if counted else progress.label,
                file=self._stream,
                leave=counted,
                dynamic_ncols=True,
                bar_format=_COUNTED if counted else "{desc} [{elapsed}]",
            )
        self._bar.total = progress.total
        self._bar.n = progress.done
        self._bar.refresh()

    def close(self) -> None:
        """End the bar that is being drawn, and leave it on the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Progress:
    """How far a run is: stage "models", "samples" or "map", and how much of it is done."""

    stage: str
    done: int
    total: int
    label: str


ProgressCallback = Callable[[Progress], None]


class Failure(NamedTuple):
    """A sample that was skipped, and why (also in its ``capviz_error``)."""

    sample_id: str
    filepath: str
    message: str


class RunReport(Protocol):
    """What every run hands back, whatever it did: what an operator needs to show it.

    A report of work that happens as a whole is an `UndividedReport` besides.
    """

    @property
    def failures(self) -> Sequence[Failure]:
        """The samples that could not be used; empty where nothing can fail alone."""

    @property
    def stopped(self) -> bool:
        """Whether it ended early, on request; False where it cannot be stopped."""

    def summary(self) -> str:
        """For people; the first line stands for all of it."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""


class UndividedReport:
    """Base of the reports of work that is done as a whole: none of it fails alone or is stopped."""

    @property
    def failures(self) -> Sequence[Failure]:
        """None: it is done, or it raised."""
        return ()

    @property
    def stopped(self) -> bool:
        """Never."""
        return False


def listed_failures(failures: Sequence[Failure]) -> list[list[str]]:
    """Failures as JSON can hold them."""
    return [list(failure) for failure in failures]


StopCallback = Callable[[], bool]


def duration_text(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
