"""Intervals of means, shares, ratios, medians and differences over images.

Objects of one image are not independent, so images are what varies: Student's t with the
linearised variance of a ratio of images' sums. Alone that is too narrow for few images, for hits
and for skewed values, and has no width at all where all images are alike. So two more images are
counted for the interval, never for the figure, one at either end of what is possible (Agresti and
Coull, 1998, for shares).

tests/evaluation/test_coverage_of_intervals.py simulates hits, energies, skewed values and
differences, in images of one item or of several like ones: with `FEWEST_GROUPS` images, or
`FEWEST_UNBOUNDED` where the ends are not known, intervals of 95 % hold the truth in 93 % of the
cases at least. Of fewer images there is none.

Formulas: docs/methods.md, section 7.14.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import FloatArray

FEWEST_GROUPS = 5
"""Images with an item that an interval of shares, energies or a median needs."""
FEWEST_UNBOUNDED = 10
"""Images that the mean of values without known ends needs."""
STRETCH = 15.0
"""Where ends are not known they are taken 1 + STRETCH / images times as far from the mean as the
farthest images: the fewer there are, the less is known of how far values go."""
SHARES, DIFFERENCES = (0.0, 1.0), (-1.0, 1.0)
"""The ends of shares, and of differences between shares."""


@dataclass(frozen=True)
class Interval:
    """A statistic with its interval.

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


class GroupIntervals:
    """Intervals of statistics of items that come in groups, such as the objects of images.

    Args:
        groups: "items", which items belong together.
        confidence: of the intervals, 0..1.

    Raises:
        InputError: a confidence that is no share.
    """

    def __init__(self, groups: ArrayLike, *, confidence: float = 0.95) -> None:
        if not 0 < confidence < 1:
            raise InputError(f"The confidence must lie between 0 and 1; got {confidence}.")
        _, self._group = np.unique(np.asarray(groups), return_inverse=True)
        self._confidence = confidence

    @property
    def groups(self) -> NDArray[np.int_]:
        """Which items belong together, counted from 0: "items"."""
        return self._group

    def mean(self, values: ArrayLike) -> Interval:
        """Mean of the items' values, whose ends are not known; nan and None do not count."""
        return self._ratio(values, np.ones(len(self._group)), None)

    def share(self, values: ArrayLike) -> Interval:
        """Mean of values between 0 and 1, such as hits; nan and None do not count."""
        return self._ratio(values, np.ones(len(self._group)), SHARES)

    def ratio(self, numerators: ArrayLike, denominators: ArrayLike) -> Interval:
        """Which share of the denominators' sum the numerators' sum is.

        Args:
            numerators, denominators: "items", of one item each; 0 <= numerator <= denominator.
                Items with a nan or a denominator of 0 do not count.
        """
        return self._ratio(numerators, denominators, SHARES)

    def difference(self, first: ArrayLike, second: ArrayLike) -> Interval:
        """Mean of first minus second, both between 0 and 1, where both are known (paired)."""
        change = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
        return self._ratio(change, np.ones(len(self._group)), DIFFERENCES)

    def median(self, values: ArrayLike) -> Interval:
        """Median of the items' values; nan does not count.

        The interval holds every value of which neither the share of items up to it nor that of
        items from it on lies clearly below one half.
        """
        given = np.asarray(values, dtype=float)
        known = np.isfinite(given)
        if not known.any():
            return NOTHING
        order = np.argsort(given[known], kind="stable")
        ordered = given[known][order]
        _, groups = np.unique(self._group[known][order], return_inverse=True)
        value, n = float(np.median(ordered)), len(ordered)
        if groups.max() + 1 < FEWEST_GROUPS:
            return Interval(value, np.nan, np.nan, n)
        low = self._first_half(ordered, groups)
        high = -self._first_half(-ordered[::-1], groups[::-1])
        return Interval(value, min(low, value), max(high, value), n)

    def _first_half(self, ordered: FloatArray, groups: NDArray[np.int_]) -> float:
        """The first of sorted values up to which half of the items may lie."""
        sizes = np.bincount(groups)
        within = np.empty(len(groups))
        order = np.argsort(groups, kind="stable")
        within[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        counted = np.arange(1.0, len(ordered) + 1)
        # Sums over groups of their counts c up to each value: c, c * c, and c * size.
        moments = counted, np.cumsum(2 * within + 1), np.cumsum(sizes[groups].astype(float))
        _, high = self._ends(moments, sizes.astype(float), SHARES)
        last_of_its_value = np.append(ordered[1:] > ordered[:-1], True)
        return float(ordered[np.flatnonzero((high >= 0.5) & last_of_its_value)[0]])

    def _ratio(
        self, numerators: ArrayLike, denominators: ArrayLike, ends: tuple[float, float] | None
    ) -> Interval:
        above, below = (np.asarray(each, dtype=float) for each in (numerators, denominators))
        known = np.isfinite(above) & np.isfinite(below) & (below > 0)
        if not known.any():
            return NOTHING
        _, groups = np.unique(self._group[known], return_inverse=True)
        sums, sizes = (np.bincount(groups, each[known]).astype(float) for each in (above, below))
        value, n = float(sums.sum() / sizes.sum()), int(known.sum())
        fewest = FEWEST_UNBOUNDED if ends is None else FEWEST_GROUPS
        if len(sums) < fewest:
            return Interval(value, np.nan, np.nan, n)
        means = sums / sizes
        reach = 1 + STRETCH / len(sums)
        low, high = ends or (value + reach * (each - value) for each in (means.min(), means.max()))
        moments = sums.sum(), sums @ sums, sums @ sizes
        found = self._ends(moments, sizes, (low, high))
        lower, upper = (float(np.clip(each, low, high)) for each in found)
        # Rounding alone could part a figure from the interval of images that are all alike.
        return Interval(value, min(lower, value), max(upper, value), n)

    def _ends(
        self, moments: tuple[Any, Any, Any], sizes: FloatArray, ends: tuple[float, float]
    ) -> tuple[Any, Any]:
        """Ends of the interval of a ratio of groups' sums, with a group at either end added.

        Args:
            moments: over groups, the sum of their sums s, of s * s and of s * size; numbers, or
                arrays for as many ratios.
            sizes: of the groups.
            ends: of what is possible.
        """
        low, high = ends
        groups, size = len(sizes) + 2, sizes.mean()
        total = sizes.sum() + 2 * size
        sums = moments[0] + size * (low + high)
        squares = moments[1] + size**2 * (low**2 + high**2)
        crossed = moments[2] + size**2 * (low + high)
        centre = sums / total
        rest = squares - 2 * centre * crossed + centre**2 * (sizes @ sizes + 2 * size**2)
        spread = np.sqrt(np.maximum(rest, 0) * groups / (groups - 1)) / total
        width = stdtrit(len(sizes) - 1, (1 + self._confidence) / 2) * spread
        return centre - width, centre + width
