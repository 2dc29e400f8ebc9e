"""Explanations that a user no longer waits for: they end between two chunks of their work.

The server answers one panel on several threads of one process; the names of requests that were
cancelled are kept here, where all of them see it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from fiftyone_capviz.curation.recent import RecentCache

REMEMBERED = 256


@lru_cache(maxsize=1)
def _cancelled() -> RecentCache[bool]:
    return RecentCache(REMEMBERED)


def cancel_request(name: str) -> None:
    """End a request, also one that has not begun yet.

    Args:
        name: as its sender made it up; no two requests share one.
    """
    _cancelled().keep((name,), True, 1)


def cancelled(name: str | None) -> Callable[[], bool] | None:
    """Whether a request was cancelled, as a question to be asked again; None without a name."""
    return None if not name else lambda: _cancelled().get((name,)) is not None
