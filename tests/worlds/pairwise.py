"""Rows in which every two values of different factors meet at least once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np


def pairwise(factors: Mapping[str, Sequence[Any]], *, seed: int = 0) -> list[dict[str, Any]]:
    """A covering array of strength two, made greedily: of some rows drawn, the best is taken.

    Args:
        factors: name -> its values.
        seed: of the draws; the same seed gives the same rows.
    """
    names = [name for name, values in factors.items() if values]
    sizes = {name: len(factors[name]) for name in names}
    rng = np.random.default_rng(seed)
    missing = {
        (a, i, b, j)
        for a, b in combinations(names, 2)
        for i in range(sizes[a])
        for j in range(sizes[b])
    }
    rows = []
    while missing:
        a, i, b, j = min(missing)  # every row covers one pair at least, so this ends
        best: tuple[int, dict[str, int]] | None = None
        for _ in range(20):
            row = {name: int(rng.integers(sizes[name])) for name in names} | {a: i, b: j}
            covered = len(missing & _pairs(row, names))
            if best is None or covered > best[0]:
                best = (covered, row)
        assert best is not None
        missing -= _pairs(best[1], names)
        rows.append({name: factors[name][place] for name, place in best[1].items()})
    return rows or [{name: factors[name][0] for name in names}]


def _pairs(row: Mapping[str, int], names: Sequence[str]) -> set[tuple[str, int, str, int]]:
    return {(a, row[a], b, row[b]) for a, b in combinations(names, 2)}
