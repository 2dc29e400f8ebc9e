"""Intervals against closed forms and SciPy; the stochastic order against known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.statistics import Bootstrap, Interval
from fiftyone_capviz.evaluation.stochastic_order import almost_stochastic_order, violation_ratio

DRAWS = 4000


def test_the_interval_of_a_mean_is_the_one_of_the_normal_distribution() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = Bootstrap(np.arange(400), samples=DRAWS, seed=1).mean(values)
    spread = values.std() / np.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * spread, abs=0.15 * spread)
    assert found.high == pytest.approx(values.mean() + 1.96 * spread, abs=0.15 * spread)


def test_the_interval_of_a_share_is_the_one_of_the_binomial_distribution() -> None:
    hits = np.zeros(300)
    hits[:120] = 1
    found = Bootstrap(np.arange(300), samples=DRAWS).mean(hits)
    low, high = stats.binom(300, 0.4).ppf([0.025, 0.975]) / 300
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


@pytest.mark.parametrize("n", [41, 40])
def test_a_median_and_its_interval_are_those_of_scipy(n: int) -> None:
    values = np.random.default_rng(2).gamma(2, 1, n)
    found = Bootstrap(np.arange(n), samples=DRAWS, seed=3).median(values)
    theirs = stats.bootstrap(
        (values,), np.median, n_resamples=DRAWS, method="percentile", rng=np.random.default_rng(4)
    ).confidence_interval
    assert found.value == np.median(values)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.08)


def test_medians_of_draws_are_numpys() -> None:
    """Every single draw, with groups of several items and with ties."""
    rng = np.random.default_rng(5)
    groups = rng.integers(0, 9, 60)
    values = rng.integers(0, 12, 60).astype(float)
    bootstrap = Bootstrap(groups, samples=200, confidence=0.9, seed=6)
    _, place = np.unique(groups, return_inverse=True)
    slow = [np.median(np.repeat(values, times[place].astype(int))) for times in bootstrap._draws]
    found = bootstrap.median(values)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(slow, [0.05, 0.95])))


def test_items_of_one_group_bring_no_certainty() -> None:
    """Each image's objects alike: the interval is that of the images, however many objects."""
    images = np.random.default_rng(7).normal(size=50)
    one = Bootstrap(np.arange(50), samples=DRAWS, seed=0).mean(images)
    many = Bootstrap(np.repeat(np.arange(50), 8), samples=DRAWS, seed=0).mean(np.repeat(images, 8))
    assert (many.low, many.high) == pytest.approx((one.low, one.high))
    assert many.n == 400


def test_a_paired_difference_excludes_zero_where_two_intervals_overlap() -> None:
    rng = np.random.default_rng(8)
    hard = rng.normal(0, 5, 200)
    first, second = hard + 0.3 + rng.normal(0, 0.5, 200), hard
    bootstrap = Bootstrap(np.arange(200), seed=1)
    difference = bootstrap.difference(first, second)
    assert difference.excludes_zero
    assert bootstrap.mean(first).low < bootstrap.mean(second).high
    assert bootstrap.difference(second, second).value == 0
    assert not bootstrap.difference(second, second).excludes_zero


def test_a_ratio_weighs_its_items() -> None:
    bootstrap = Bootstrap([0, 1, 2], samples=500)
    assert bootstrap.ratio([1, 0, 3], [2, 0, 3]).value == pytest.approx(4 / 5)
    assert bootstrap.ratio([1, 0, 3], [2, 0, 3]).n == 2
    assert bootstrap.mean([0.5, np.nan, 0.5]).value == 0.5


def test_nothing_known_is_nothing_said() -> None:
    bootstrap = Bootstrap([0, 1])
    for found in (bootstrap.mean([np.nan, np.nan]), bootstrap.median([np.nan, np.nan])):
        assert found.n == 0
        assert found.to_dict() == {"value": None, "low": None, "high": None, "n": 0}
    assert not Interval(np.nan, np.nan, np.nan, 0).excludes_zero
    with pytest.raises(InputError, match="at least one draw"):
        Bootstrap([0], samples=0)


def test_seeds_give_the_same_interval() -> None:
    values = np.random.default_rng(9).random(30)
    first, second, other = (Bootstrap(np.arange(30), seed=s).mean(values) for s in (5, 5, 6))
    assert first == second != other


def test_a_distribution_that_is_ahead_everywhere_violates_nothing() -> None:
    scores = np.random.default_rng(0).normal(size=150)
    assert violation_ratio(scores + 0.1, scores) == 0
    assert violation_ratio(scores, scores + 0.1) == 1
    assert almost_stochastic_order(scores + 5, scores) == 0
    assert almost_stochastic_order(scores, scores + 5) == 1


def test_equal_distributions_give_no_preference() -> None:
    scores = np.random.default_rng(1).normal(size=200)
    assert violation_ratio(scores, scores) == 0.5
    assert almost_stochastic_order(scores, scores) >= 0.5
    other = np.random.default_rng(2).normal(size=200)
    assert almost_stochastic_order(scores, other, seed=1) >= 0.5
    assert almost_stochastic_order(other, scores, seed=1) >= 0.5


def test_equal_distributions_are_seldom_called_better() -> None:
    """At 95 % confidence, one bound in twenty may fall below 0.5 by chance."""
    rng = np.random.default_rng(3)
    bounds = [
        almost_stochastic_order(rng.normal(size=60), rng.normal(size=60), samples=200, seed=i)
        for i in range(100)
    ]
    assert np.mean(np.array(bounds) < 0.5) <= 0.15


@pytest.mark.parametrize(("shift", "scale"), [(0.5, 1.0), (0.5, 1.5), (-0.2, 0.7)])
def test_the_violation_ratio_of_normal_distributions(shift: float, scale: float) -> None:
    """Quantiles shift + scale z against z: an integral over the standard normal density."""

    def squared(z: float) -> float:
        return float((shift + (scale - 1) * z) ** 2 * stats.norm.pdf(z))

    def behind(z: float) -> float:
        return squared(z) if shift + (scale - 1) * z < 0 else 0.0

    edge = [-shift / (scale - 1)] if scale != 1 else None
    exact = integrate.quad(behind, -9, 9, points=edge)[0] / integrate.quad(squared, -9, 9)[0]
    grid = stats.norm.ppf((np.arange(20000) + 0.5) / 20000)
    assert violation_ratio(shift + scale * grid, grid) == pytest.approx(exact, abs=2e-3)


def test_the_violation_ratio_of_unequal_sizes_is_exact() -> None:
    """Against a fine grid over both step functions."""
    rng = np.random.default_rng(4)
    first, second = rng.normal(0.2, 1.3, 17), rng.normal(size=23)
    t = (np.arange(17 * 23 * 10) + 0.5) / (17 * 23 * 10)
    ahead = np.sort(first)[(t * 17).astype(int)] - np.sort(second)[(t * 23).astype(int)]
    slow = (ahead[ahead < 0] ** 2).sum() / (ahead**2).sum()
    assert violation_ratio(first, second) == pytest.approx(slow)
    assert violation_ratio(second, first) == pytest.approx(1 - slow)


def test_an_order_needs_scores() -> None:
    with pytest.raises(InputError, match="one side has none"):
        violation_ratio([np.nan], [1.0])
    with pytest.raises(InputError, match="two draws"):
        almost_stochastic_order([1.0], [1.0], samples=1)
