"""Ctrl-C and SIGTERM during a long run: the first ends it after the batch, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_asked: threading.Event | None = None
"""Set by the first signal; None outside `first_interrupt_waits`. Handlers are the process's own."""


@contextmanager
def first_interrupt_waits() -> Iterator[None]:
    """Inside, the first Ctrl-C or SIGTERM is noted, and the second acts as it did before.

    Handlers are set in the main thread only, which is where Python runs them, and are as before
    afterwards; a server's threads set none. Where one is in force already, nothing changes.
    """
    global _asked
    if _asked is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            _restore(before)
            signal.raise_signal(number)
        asked.set()

    _asked = asked
    try:
        for number in _SIGNALS:
            if before[number] is not signal.SIG_IGN:  # a shell's `nohup` or `&` chose so
                signal.signal(number, note)
        yield
    finally:
        _asked = None
        _restore(before)


def interrupted() -> bool:
    """Whether this thread's long run was asked to end by a signal."""
    on_main = threading.current_thread() is threading.main_thread()
    return on_main and _asked is not None and _asked.is_set()


def _restore(before: Mapping[signal.Signals, object]) -> None:
    for number, handler in before.items():
        # None: set by other than Python, which can neither be read nor put back.
        if handler is not None:
            signal.signal(number, handler)  # type: ignore[arg-type]
