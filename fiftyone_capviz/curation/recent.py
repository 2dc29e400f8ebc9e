"""What was computed last, kept up to a number of bytes; the least recently used leaves first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Generic, TypeVar

Key = tuple[object, ...]
Value = TypeVar("Value")


class RecentCache(Generic[Value]):
    """Values by what they depend on, for several threads.

    Attributes:
        max_bytes: entries are dropped beyond this, but never the one that was just kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """What was kept under a key; None if it is not here."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def keep(self, key: Key, value: Value, size: int) -> None:
        """Keep something of so many bytes; older ones may leave."""
        with self._lock:
            self._kept[key] = (value, size)
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self._bytes() > self.max_bytes:
                self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)

    def _bytes(self) -> int:
        return sum(size for _, size in self._kept.values())


def file_key(path: str) -> tuple[str, int]:
    """An image file as it is now: another one after a change."""
    place = Path(path)
    return path, place.stat().st_mtime_ns if place.is_file() else 0
