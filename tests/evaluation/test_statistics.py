"""Intervals against closed forms and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.statistics import FEWEST_GROUPS, Bootstrap, Interval

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


@pytest.mark.parametrize("groups", range(1, 8))
def test_few_images_give_no_interval(groups: int) -> None:
    """However many objects they hold: a dozen objects of one image are one image."""
    values = np.random.default_rng(groups).random(12 * groups)
    bootstrap = Bootstrap(np.repeat(np.arange(groups), 12), samples=300)
    for found in (
        bootstrap.mean(values),
        bootstrap.median(values),
        bootstrap.share(values > 0.5),
        bootstrap.share(values > 2),
        bootstrap.difference(values + 1, np.zeros_like(values)),
    ):
        assert found.n == 12 * groups
        assert np.isfinite(found.value)
        known = groups >= FEWEST_GROUPS
        assert (np.isfinite(found.low), np.isfinite(found.high)) == (known, known)
    assert bootstrap.difference(values + 1, np.zeros_like(values)).excludes_zero == known
    if not known:
        assert str(bootstrap.mean(values)).endswith(" [–]")
        assert bootstrap.mean(values).to_dict()["low"] is None


def test_only_images_with_an_item_count_as_images() -> None:
    values = np.array([1.0] * 4 + [np.nan] * 20)
    assert np.isnan(Bootstrap(np.arange(24)).mean(values).low)


@given(groups=st.integers(5, 300), items=st.integers(1, 4), hit=st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_share_of_all_or_none_has_wilsons_interval(groups: int, items: int, hit: bool) -> None:
    """statsmodels' and SciPy's score interval for so many images."""
    values = np.full(groups * items, float(hit))
    bootstrap = Bootstrap(np.repeat(np.arange(groups), items), samples=50)
    theirs = stats.binomtest(groups * hit, groups).proportion_ci(method="wilson")
    for found in (bootstrap.share(values), bootstrap.ratio(values * 3, np.full(len(values), 3))):
        assert (found.value, found.n) == (float(hit), groups * items)
        assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_a_difference_of_nothing_is_no_share() -> None:
    found = Bootstrap(np.arange(20)).difference(np.ones(20), np.ones(20))
    assert (found.value, found.low, found.high) == (0, 0, 0)


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
