"""Work that a user no longer waits for: streaming captions, and explanations of pairs.

The App cannot break a stream off itself, and the server answers one panel on several threads of
one process; the names of requests that were cancelled are kept here, where all of them see it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from fiftyone_capviz.curation.inference.kept import RecentCache

REMEMBERED = 256


@lru_cache(maxsize=1)
def _streams() -> RecentCache[bool]:
    return RecentCache(REMEMBERED)


@lru_cache(maxsize=1)
def _requests() -> RecentCache[bool]:
    return RecentCache(REMEMBERED)


def cancel_stream(stream_id: str) -> None:
    """Ask a stream of this process to end after its present word; also before it starts."""
    _streams().keep((stream_id,), True, 1)


def is_cancelled(stream_id: str) -> bool:
    """Whether somebody asked."""
    return _streams().get((stream_id,)) is not None


def cancel_request(name: str) -> None:
    """End a request, also one that has not begun yet.

    Args:
        name: as its sender made it up; no two requests share one.
    """
    _requests().keep((name,), True, 1)


def cancelled(name: str | None) -> Callable[[], bool] | None:
    """Whether a request was cancelled, as a question to be asked again; None without a name."""
    return None if not name else lambda: _requests().get((name,)) is not None
