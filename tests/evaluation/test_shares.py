"""Wilson's and Newcombe's intervals: published values, and that they cover what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.shares import paired_difference, share_interval


def pairs(both: int, only: int, other: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = (both, only, other, neither)
    first = np.repeat([True, True, False, False], counts)
    second = np.repeat([True, False, True, False], counts)
    return first, second


def test_shares_against_statsmodels_numbers() -> None:
    """proportion_confint(193, 214, method="wilson"), and of 0 and all of 20."""
    found = share_interval(np.arange(214) < 193)
    assert (found.value, found.low, found.high) == pytest.approx((0.9019, 0.8547, 0.9349), abs=1e-4)
    none, every = share_interval(np.zeros(20, bool)), share_interval(np.ones(20, bool))
    assert (none.low, none.high) == pytest.approx((0, 0.1611), abs=1e-4)
    assert (every.low, every.high) == pytest.approx((1 - 0.1611, 1), abs=1e-4)
    assert share_interval([]).n == 0


def test_differences_turn_with_their_sides() -> None:
    first, second = pairs(40, 9, 3, 8)
    found, turned = paired_difference(first, second), paired_difference(second, first)
    assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low))
    assert found.value == pytest.approx(0.1)
    assert found.low < 0 < found.high


def test_alike_is_not_certain() -> None:
    """Where no pair differs a bootstrap would give a point."""
    found = paired_difference(*pairs(100, 0, 0, 0))
    assert found.value == 0
    assert found.low < -0.02
    assert found.high > 0.02
    assert not found.excludes_zero


@pytest.mark.parametrize(("p", "gap", "shared"), [(0.97, 0.02, 0.6), (0.5, 0.1, 0.3), (0.02, 0, 0)])
def test_intervals_cover(p: float, gap: float, shared: float) -> None:
    """1,000 simulated sets of 100 pairs: at least 0.93 of the intervals hold the truth.

    The share itself is known to 0.007 (standard error), and method 10 errs on the wide side.
    """
    rng = np.random.default_rng(0)
    common = rng.random((1000, 100))
    own = rng.random((2, 1000, 100))
    uses = rng.random((1000, 100)) < shared
    first = np.where(uses, common, own[0]) < p
    second = np.where(uses, common, own[1]) < p - gap
    found = [paired_difference(a, b) for a, b in zip(first, second, strict=True)]
    assert np.mean([one.low <= gap <= one.high for one in found]) >= 0.93
    alone = [share_interval(a) for a in first]
    assert np.mean([one.low <= p <= one.high for one in alone]) >= 0.93


def test_pairs_must_match() -> None:
    with pytest.raises(InputError, match="same images"):
        paired_difference([True], [True, False])
