"""How strongly words go together: expectation, lift, PMI, log-odds, significance.

For a pair of words in N documents, let n_ab documents hold both, n_a the first and n_b the second.

    expected  n_a n_b / N
    lift      n_ab / expected
    PMI       log2(lift), in bits; -inf for a pair that never occurs (Church and Hanks, 1990)
    log-odds  ln of the odds ratio of the 2x2 table with 1/2 added to every cell (Haldane, 1956;
              Anscombe, 1956): finite for every pair, and near 0 where there is little evidence
    p-value   Fisher's exact test, two-sided: the probability, with n_a and n_b given, of all
              tables that are at most as probable as the one observed
    q-value   Benjamini and Hochberg (1995) over all tested pairs

Pairs that never occur together are tested too, so that "never together" can be a finding.

Formulas: docs/methods.md, sections 6.3 to 6.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import BoolArray, FloatArray, IntArray

Measure = Literal["count", "expected", "lift", "pmi", "log_odds", "p_value", "q_value"]
MEASURES: tuple[Measure, ...] = (
    "count",
    "expected",
    "lift",
    "pmi",
    "log_odds",
    "p_value",
    "q_value",
)

_TIE = 1e-7
"""Relative difference below which two tables count as equally probable (as in R's fisher.test)."""


@dataclass(frozen=True, slots=True)
class Association:
    """One pair of words, the alphabetically first one first; measures as in the module's text."""

    word_a: str
    word_b: str
    count: int
    expected: float
    lift: float
    pmi: float
    log_odds: float
    p_value: float
    q_value: float


@dataclass(frozen=True, eq=False)
class AssociationTable:
    """Pairs of words as columns of equal length, in alphabetical order of the pairs.

    Attributes:
        words: the tested words, in alphabetical order.
        first, second: int "pairs", positions in ``words``; first < second.
        count: int "pairs", documents that hold both words.
        expected, lift, pmi, log_odds, p_value, q_value: float "pairs".
    """

    words: tuple[str, ...]
    first: IntArray
    second: IntArray
    count: IntArray
    expected: FloatArray
    lift: FloatArray
    pmi: FloatArray
    log_odds: FloatArray
    p_value: FloatArray
    q_value: FloatArray

    def __len__(self) -> int:
        return len(self.count)

    def __iter__(self) -> Iterator[Association]:
        return iter(self.pairs())

    def take(self, index: IntArray | BoolArray | Sequence[int]) -> AssociationTable:
        """The pairs at these positions, or where a mask is true, in the order of the index."""
        chosen = np.asarray(index, dtype=None if len(index) else int)
        columns = (getattr(self, name)[chosen] for name in ("first", "second", *MEASURES))
        return AssociationTable(self.words, *columns)

    def ordered(
        self, by: Measure, *, descending: bool = False, limit: int | None = None
    ) -> AssociationTable:
        """Pairs by one measure; ties keep their order, which is alphabetical from the start."""
        if by not in MEASURES:
            raise InputError(f"Pairs can be ordered by {', '.join(MEASURES)}; got {by!r}.")
        keys = -getattr(self, by) if descending else getattr(self, by)
        return self.take(np.argsort(keys, kind="stable")[:limit])

    def of(self, word: str) -> AssociationTable:
        """The pairs that contain a word; none if the word was not tested."""
        if word not in self.words:
            return self.take([])
        position = self.words.index(word)
        return self.take((self.first == position) | (self.second == position))

    def significant(self, level: float = 0.05) -> AssociationTable:
        """The pairs with a q-value of at most ``level`` (0..1), the expected false share."""
        return self.take(self.q_value <= level)

    def columns(self) -> dict[str, list[str] | list[int] | list[float]]:
        """Plain lists by column name, for export."""
        names = np.array([*self.words, ""], dtype=object)
        columns = {"word_a": names[self.first].tolist(), "word_b": names[self.second].tolist()}
        for name in MEASURES:
            columns[name] = getattr(self, name).tolist()
        return columns

    def pairs(self) -> list[Association]:
        """One record per pair."""
        return [Association(*row) for row in zip(*self.columns().values(), strict=True)]


def associate(
    words: Sequence[str], counts: IntArray, together: IntArray, *, documents: int
) -> AssociationTable:
    """Measure every pair of words.

    Args:
        words: in alphabetical order.
        counts: int "words", documents that hold each word, at least 1.
        together: int "words words", documents that hold both; the upper triangle is read.
        documents: N, the number of documents.
    """
    first, second = np.triu_indices(len(words), 1)
    count_a, count_b = counts[first].astype(np.int64), counts[second].astype(np.int64)
    both = together[first, second].astype(np.int64)
    expected = count_a * count_b / max(documents, 1)
    lift = both / expected
    with np.errstate(divide="ignore"):
        pmi = np.log2(lift)
    neither = documents - count_a - count_b + both
    log_odds = (
        np.log(both + 0.5)
        + np.log(neither + 0.5)
        - np.log(count_a - both + 0.5)
        - np.log(count_b - both + 0.5)
    )
    p_values = fisher_exact(both, count_a, count_b, documents=documents)
    q_values = benjamini_hochberg(p_values)
    return AssociationTable(
        tuple(words), first, second, both, expected, lift, pmi, log_odds, p_values, q_values
    )


def benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    """False-discovery-rate q-values: for the i-th smallest of m, min over j >= i of p_j m / j."""
    from scipy.stats import false_discovery_control  # here, because scipy.stats is slow to load

    q_values: FloatArray = false_discovery_control(p_values)
    return q_values


def fisher_exact(
    both: ArrayLike, count_a: ArrayLike, count_b: ArrayLike, *, documents: int
) -> FloatArray:
    """Two-sided p-values of Fisher's exact test for many 2x2 tables of one total.

    Equal tables are computed once. A tail is summed outwards from its largest term, relative to
    it, until a term no longer changes the sum; log-factorials keep small p-values exact.

    Args:
        both, count_a, count_b: int "tables", n_ab, n_a and n_b of each table.
        documents: N.

    Returns:
        float "tables", 0..1; 0 where the probability underflows (below about 1e-308).
    """
    n_ab, n_a, n_b = (np.asarray(each, dtype=np.int64) for each in (both, count_a, count_b))
    n_a, n_b = np.minimum(n_a, n_b), np.maximum(n_a, n_b)
    if not n_ab.size:
        return np.zeros(n_ab.shape)
    tables = np.stack([n_ab, n_a, n_b], axis=1)
    # One key per table where it fits in 64 bits: sorting keys is much faster than sorting rows.
    base = documents + 1
    if base < 1 << 21:
        keys = (n_ab * base + n_a) * base + n_b
        _, where, inverse = np.unique(keys, return_index=True, return_inverse=True)
        distinct = tables[where]
    else:
        distinct, inverse = np.unique(tables, axis=0, return_inverse=True)
    p_values: FloatArray = _fisher(*distinct.T, total=documents)[inverse.reshape(-1)]
    return p_values


def _fisher(k: IntArray, n_a: IntArray, n_b: IntArray, *, total: int) -> FloatArray:
    # More than the mode? Count the documents of a without b instead: the same probability, and
    # every table then lies on the left of the mode.
    reflected = k > (n_a + 1) * (n_b + 1) // (total + 2)
    k, n_b = np.where(reflected, n_a - k, k), np.where(reflected, total - n_b, n_b)
    mode = (n_a + 1) * (n_b + 1) // (total + 2)
    log_factorial = gammaln(np.arange(total + 1) + 1.0)

    def log_probability(j: IntArray) -> FloatArray:
        cells = (j, n_a - j, n_b - j, total - n_a - n_b + j)
        margins = (n_a, total - n_a, n_b, total - n_b)
        logs: FloatArray = sum(log_factorial[each] for each in margins) - log_factorial[total]
        for each in cells:
            logs = logs - log_factorial[each]
        return logs

    observed = log_probability(k)
    # The first table right of the mode that is at most as probable: bisection, pmf falls there.
    last = np.minimum(n_a, n_b)
    low, high = mode, last + 1
    while np.any(low < high):
        middle = np.minimum((low + high) // 2, last)
        rare = log_probability(middle) <= observed + _TIE
        low, high = (
            np.where(rare | (low >= high), low, middle + 1),
            np.where(rare & (low < high), middle, high),
        )
    p_values: FloatArray = np.exp(
        observed + np.log(_tail_sum(k, n_a, n_b, total - n_a - n_b, step=-1))
    )
    right = np.flatnonzero(low <= last)
    start = np.minimum(low, last)
    tails = _tail_sum(start[right], n_a[right], n_b[right], total - (n_a + n_b)[right], step=1)
    p_values[right] += np.exp(log_probability(start)[right] + np.log(tails))
    p_values[observed >= log_probability(mode) - _TIE] = 1.0
    return p_values.clip(max=1.0)


def _tail_sum(
    start: IntArray, n_a: IntArray, n_b: IntArray, rest: IntArray, *, step: Literal[-1, 1]
) -> FloatArray:
    """Sum of the tail's probabilities from ``start`` outwards, relative to that of ``start``."""
    sums = np.ones(len(start))
    active = np.arange(len(start))
    j, a, b, d = (each.astype(float) for each in (start, n_a, n_b, rest))
    term = np.ones(len(start))
    while active.size:
        if step < 0:
            term = term * (j * (d + j) / ((a - j + 1) * (b - j + 1)))
        else:
            term = term * ((a - j) * (b - j) / ((j + 1) * (d + j + 1)))
        sums[active] += term
        keep = term > sums[active] * 1e-17
        active, j, a, b, d, term = (each[keep] for each in (active, j + step, a, b, d, term))
    return sums
