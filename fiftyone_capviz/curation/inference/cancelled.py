"""Work that a user no longer waits for: streaming captions, and explanations of pairs.

The App cannot break a stream off itself, and the server answers one panel on several threads of
one process; the names of requests that were cancelled are kept here, where all of them see it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from fiftyone_capviz.curation.inference.kept import RecentCache

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


REMEMBERED = 256


@lru_cache(maxsize=1)
def _requests() -> RecentCache[bool]:
    return RecentCache(REMEMBERED)


def cancel_request(name: str) -> None:
    """End a request, also one that has not begun yet.

    Args:
        name: as its sender made it up; no two requests share one.
    """
    _requests().keep((name,), True, 1)


def cancelled(name: str | None) -> Callable[[], bool] | None:
    """Whether a request was cancelled, as a question to be asked again; None without a name."""
    return None if not name else lambda: _requests().get((name,)) is not None
