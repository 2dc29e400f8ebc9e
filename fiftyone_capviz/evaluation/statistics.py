"""Bootstrap intervals of means, ratios, medians and differences.

Objects of one image are not independent, so whole images are drawn (cluster bootstrap; Field and
Welsh, 2007). All statistics of one `Bootstrap` see the same draws: differences are paired.

Draws cannot show what a small sample hides. With fewer than `FEWEST_GROUPS` images no interval is
given. A share that is 0 or 1 in every image, whose draws are all alike, has Wilson's interval
(1927) for the number of images, as if each were one trial: wide rather than false.

Formulas: docs/methods.md, sections 7.14, 7.15.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import BoolArray, FloatArray

_CHUNK = 64
"""Draws that a median sorts out at once."""
FEWEST_GROUPS = 5
"""Images with an item that an interval needs."""


@dataclass(frozen=True)
class Interval:
    """A statistic with its percentile interval.

    Attributes:
        value: of all items; nan where there is none.
        low, high: ends of the interval; nan where too few groups have an item.
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
        if not self.n:
            return "–"
        ends = f"{self.low:.3f}, {self.high:.3f}" if np.isfinite(self.low) else "–"
        return f"{self.value:.3f} [{ends}]"

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

    @property
    def groups(self) -> NDArray[np.int_]:
        """Which items are drawn together, counted from 0: "items"."""
        return self._group

    @cached_property
    def _draws(self) -> NDArray[np.float64]:
        """How often each group was drawn: "samples groups"."""
        rng = np.random.default_rng(self._seed)
        even = np.full(self._count, 1 / self._count)
        return rng.multinomial(self._count, even, size=self._samples).astype(np.float64)

    def mean(self, values: ArrayLike) -> Interval:
        """Mean of the items' values; nan and None do not count."""
        return self._ratio(values, np.ones(len(self._group)), share=False)

    def share(self, values: ArrayLike) -> Interval:
        """Mean of values between 0 and 1, such as hits; nan and None do not count."""
        return self._ratio(values, np.ones(len(self._group)), share=True)

    def ratio(self, numerators: ArrayLike, denominators: ArrayLike) -> Interval:
        """Which share of the denominators' sum the numerators' sum is.

        Args:
            numerators, denominators: "items", of one item each; 0 <= numerator <= denominator.
                Items with a nan or a denominator of 0 do not count.
        """
        return self._ratio(numerators, denominators, share=True)

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
        return self._interval(float(np.median(ordered)), drawn, known)

    def _ratio(self, numerators: ArrayLike, denominators: ArrayLike, *, share: bool) -> Interval:
        above, below = (np.asarray(each, dtype=float) for each in (numerators, denominators))
        known = np.isfinite(above) & np.isfinite(below) & (below > 0)
        if not known.any():
            return NOTHING
        sums = np.bincount(self._group[known], above[known], minlength=self._count)
        sizes = np.bincount(self._group[known], below[known], minlength=self._count)
        drawn_sizes = self._draws @ sizes
        some = drawn_sizes > 0  # a draw can miss every group that has an item
        drawn = (self._draws @ sums)[some] / drawn_sizes[some]
        value = float(sums.sum() / sizes.sum())
        return self._interval(value, drawn, known, edge=share and value in (0.0, 1.0))

    def _interval(
        self, value: float, drawn: FloatArray, known: BoolArray, *, edge: bool = False
    ) -> Interval:
        """From the draws; `edge`: a share that is 0 or 1, so that all draws are alike."""
        n, groups = int(known.sum()), len(np.unique(self._group[known]))
        drawn = drawn[np.isfinite(drawn)]
        if groups < FEWEST_GROUPS or not len(drawn):
            return Interval(value, np.nan, np.nan, n)
        tail = (1 - self._confidence) / 2
        if edge:
            squared = float(ndtri(1 - tail)) ** 2
            width = squared / (groups + squared)
            return Interval(value, max(value - width, 0.0), min(value + width, 1.0), n)
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
