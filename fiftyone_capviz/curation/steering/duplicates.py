"""Which samples show the same image: files of the same content, whatever their names."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

CHUNK = 1 << 20
"""Bytes of a file that are read at a time."""


def content_keys(paths: Sequence[str]) -> list[str]:
    """For each file a key that is equal for files of the same content.

    Only files that share their size with another are read. One that cannot be read has its path
    for a key: it is the same as itself alone.
    """
    distinct = dict.fromkeys(paths)
    sizes = {path: _size(path) for path in distinct}
    shared = Counter(sizes.values())
    keys = {
        path: path if size is None or shared[size] < 2 else _digest(path)
        for path, size in sizes.items()
    }
    return [keys[path] for path in paths]


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return None


def _digest(path: str) -> str:
    found = hashlib.blake2b(digest_size=16)
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(CHUNK):
                found.update(chunk)
    except OSError:
        return path
    return found.hexdigest()
