"""Long attributions that can be stopped from outside, between chunks of derivatives.

with stoppable(lambda: stop_requested(dataset)):
    explain_pair(...)  # raises StoppedError soon after it was asked to
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from fiftyone_capviz.errors import StoppedError

_ASKED: ContextVar[Callable[[], bool] | None] = ContextVar("capviz_stop", default=None)


@contextmanager
def stoppable(stop: Callable[[], bool] | None) -> Iterator[None]:
    """Let `stop` end the attributions that this thread computes inside the block.

    Args:
        stop: whether to stop; called between chunks, each of a second or so on a CPU. None never
            stops.
    """
    token = _ASKED.set(stop)
    try:
        yield
    finally:
        _ASKED.reset(token)


def check_stop() -> None:
    """Raise StoppedError if the caller asked to stop."""
    stop = _ASKED.get()
    if stop is not None and stop():
        raise StoppedError("The attribution was stopped on request. Run it again to finish it.")
