"""Which streaming captions somebody has cancelled: the App cannot break a stream off itself."""

from __future__ import annotations

import threading
from collections import OrderedDict

_KEPT = 256
_cancelled: OrderedDict[str, None] = OrderedDict()
_lock = threading.Lock()


def cancel_stream(stream_id: str) -> None:
    """Ask a stream of this process to end after its present word; also before it starts."""
    with _lock:
        _cancelled[stream_id] = None
        while len(_cancelled) > _KEPT:
            _cancelled.popitem(last=False)


def is_cancelled(stream_id: str) -> bool:
    """Whether somebody asked."""
    with _lock:
        return stream_id in _cancelled
