"""A run's progress in the terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from tqdm.auto import tqdm

if TYPE_CHECKING:
    from fiftyone_capviz.curation.pipeline import Progress

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
