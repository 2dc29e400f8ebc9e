"""Bootstrap intervals of means, ratios, medians and differences.

Objects of one image are not independent, so whole images are drawn (cluster bootstrap; Field and
Welsh, 2007). All statistics of one `Bootstrap` see the same draws: differences are paired.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import FloatArray

_CHUNK = 64
"""Draws that a median sorts out at once."""


@dataclass(frozen=True)
class Interval:
    """A statistic with its percentile interval.

    Attributes:
        value: of all items; nan where there is none.
        low, high: ends of the interval; nan where there is no item.
        n: items that counted.
    """

    value: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of 0."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]" if self.n else "–"

    def to_dict(self) -> dict[str, float | int | None]:
        """As JSON can hold it: nan becomes None."""
        values = {"value": self.value, "low": self.low, "high": self.high}
        return {k: float(v) if np.isfinite(v) else None for k, v in values.items()} | {"n": self.n}


NOTHING = Interval(np.nan, np.nan, np.nan, 0)


class Bootstrap:
    """Draws of groups of items, made once and used for every statistic.

    Args:
        groups: int "items", which items belong together and are drawn together.
        samples: number of draws.
        confidence: of the intervals, 0..1.
        seed: of the draws.

    Raises:
        InputError: no draws, or a confidence that is no share.
    """

    def __init__(
        self, groups: ArrayLike, *, samples: int = 1000, confidence: float = 0.95, seed: int = 0
    ) -> None:
        if samples < 1 or not 0 < confidence < 1:
            raise InputError(
                "A bootstrap needs at least one draw and a confidence between 0 and 1; got "
                f"{samples} and {confidence}."
            )
        _, self._group = np.unique(np.asarray(groups), return_inverse=True)
        self._count = int(self._group.max(initial=-1)) + 1
        self._samples, self._confidence, self._seed = samples, confidence, seed

    @cached_property
    def _draws(self) -> NDArray[np.float64]:
        """How often each group was drawn: "samples groups"."""
        rng = np.random.default_rng(self._seed)
        even = np.full(self._count, 1 / self._count)
        return rng.multinomial(self._count, even, size=self._samples).astype(np.float64)

    def mean(self, values: ArrayLike) -> Interval:
        """Mean of the items' values; nan and None do not count."""
        return self.ratio(values, np.ones(len(self._group)))

    def ratio(self, numerators: ArrayLike, denominators: ArrayLike) -> Interval:
        """Sum of numerators over sum of denominators; items with a nan do not count.

        Args:
            numerators, denominators: "items", of one item each; denominators at least 0.
        """
        above, below = (np.asarray(each, dtype=float) for each in (numerators, denominators))
        known = np.isfinite(above) & np.isfinite(below) & (below > 0)
        if not known.any():
            return NOTHING
        sums = np.bincount(self._group[known], above[known], minlength=self._count)
        sizes = np.bincount(self._group[known], below[known], minlength=self._count)
        drawn_sizes = self._draws @ sizes
        some = drawn_sizes > 0  # a draw can miss every group that has an item
        drawn = (self._draws @ sums)[some] / drawn_sizes[some]
        return self._interval(float(sums.sum() / sizes.sum()), drawn, int(known.sum()))

    def difference(self, first: ArrayLike, second: ArrayLike) -> Interval:
        """Mean of first minus second over the items where both are known (paired)."""
        return self.mean(np.asarray(first, dtype=float) - np.asarray(second, dtype=float))

    def median(self, values: ArrayLike) -> Interval:
        """Median of the items' values; nan does not count."""
        given = np.asarray(values, dtype=float)
        known = np.isfinite(given)
        if not known.any():
            return NOTHING
        order = np.argsort(given[known], kind="stable")
        ordered, groups = given[known][order], self._group[known][order]
        medians = [
            _repeated_median(ordered, self._draws[start : start + _CHUNK][:, groups])
            for start in range(0, self._samples, _CHUNK)
        ]
        drawn = np.concatenate(medians)
        return self._interval(float(np.median(ordered)), drawn, int(known.sum()))

    def _interval(self, value: float, drawn: FloatArray, n: int) -> Interval:
        drawn = drawn[np.isfinite(drawn)]
        if not len(drawn):
            return Interval(value, np.nan, np.nan, n)
        tail = (1 - self._confidence) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return Interval(value, float(low), float(high), n)


def _repeated_median(ordered: FloatArray, times: FloatArray) -> FloatArray:
    """Median of sorted values, each taken so many times: "draws" from "draws values"."""
    ends = times.cumsum(axis=1)
    total = ends[:, -1]
    lower, upper = np.floor((total - 1) / 2), np.floor(total / 2)
    # The value at 0-based place q is the first whose cumulated count exceeds q.
    at_lower = (ends <= lower[:, None]).sum(axis=1)
    at_upper = (ends <= upper[:, None]).sum(axis=1)
    last = len(ordered) - 1
    middle = (ordered[np.minimum(at_lower, last)] + ordered[np.minimum(at_upper, last)]) / 2
    medians: FloatArray = np.where(total > 0, middle, np.nan)
    return medians
