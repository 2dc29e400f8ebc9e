"""Intervals against closed forms and slow references; their coverage has a file of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.statistics import (
    FEWEST_GROUPS,
    FEWEST_UNBOUNDED,
    STRETCH,
    GroupIntervals,
    Interval,
)


def test_the_interval_of_a_mean_is_nearly_that_of_students_t() -> None:
    """A little wider, for the two images that are counted beside 400."""
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = GroupIntervals(np.arange(400)).mean(values)
    low, high = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert found.value == pytest.approx(values.mean())
    assert found.low < low
    assert found.high > high
    assert 1 < (found.high - found.low) / (high - low) < 1.05


def test_the_interval_of_a_share_is_the_one_of_the_binomial_distribution() -> None:
    hits = np.zeros(300)
    hits[:120] = 1
    found = GroupIntervals(np.arange(300)).share(hits)
    low, high = stats.binom(300, 0.4).ppf([0.025, 0.975]) / 300
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


@pytest.mark.parametrize("kind", ["share", "difference", "mean"])
def test_an_interval_is_that_of_students_t_with_an_image_at_either_end(kind: str) -> None:
    """A slow one: the images written out, two more among them, and the ratio's residuals."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(12), rng.integers(1, 6, 12))
    values = rng.random(len(groups)) if kind == "share" else rng.normal(0, 0.3, len(groups))
    intervals = GroupIntervals(groups)
    sums = np.array([values[groups == g].sum() for g in range(12)])
    sizes = np.array([(groups == g).sum() for g in range(12)], float)
    mean = values.mean()
    stretched = [mean + (1 + STRETCH / 12) * (f(sums / sizes) - mean) for f in (np.min, np.max)]
    low, high = {"share": (0, 1), "difference": (-1, 1), "mean": stretched}[kind]
    sums = np.append(sums, [low * sizes.mean(), high * sizes.mean()])
    sizes = np.append(sizes, [sizes.mean()] * 2)
    centre = sums.sum() / sizes.sum()
    residuals = sums - centre * sizes
    error = np.sqrt(len(sizes) / (len(sizes) - 1) * (residuals**2).sum()) / sizes.sum()
    expected = centre + np.array([-1, 1]) * stats.t.ppf(0.975, 11) * error
    given = (values, np.zeros(len(values))) if kind == "difference" else (values,)
    found = getattr(intervals, kind)(*given)
    assert found.value == pytest.approx(mean)
    assert (found.low, found.high) == pytest.approx(tuple(expected.clip(low, high)))


def test_the_interval_of_a_median_holds_what_half_of_the_items_may_lie_up_to() -> None:
    """A slow one: each value tried, by the interval of the share of items up to it, and from it."""
    rng = np.random.default_rng(5)
    for groups in (rng.integers(0, 9, 60), np.arange(25)):
        values = rng.integers(0, 12, len(groups)).astype(float)
        intervals = GroupIntervals(groups)
        held = [
            value
            for value in np.unique(values)
            if _upper_end(groups, values <= value) >= 0.5
            and _upper_end(groups, values >= value) >= 0.5
        ]
        found = intervals.median(values)
        assert found.value == np.median(values)
        assert (found.low, found.high) == (min(held), max(held))


def _upper_end(groups: np.ndarray, hits: np.ndarray) -> float:
    """Of a share's interval, not cut off at 1."""
    names = np.unique(groups)
    sums = np.array([hits[groups == g].sum() for g in names], float)
    sizes = np.array([(groups == g).sum() for g in names], float)
    sums, sizes = np.append(sums, [0, sizes.mean()]), np.append(sizes, [sizes.mean()] * 2)
    centre = sums.sum() / sizes.sum()
    squares = ((sums - centre * sizes) ** 2).sum() * len(sizes) / (len(sizes) - 1)
    return float(centre + stats.t.ppf(0.975, len(names) - 1) * np.sqrt(squares) / sizes.sum())


def test_items_of_one_group_bring_no_certainty() -> None:
    """Each image's objects alike: the interval is that of the images, however many objects."""
    images = np.random.default_rng(7).normal(size=50)
    one = GroupIntervals(np.arange(50)).mean(images)
    many = GroupIntervals(np.repeat(np.arange(50), 8)).mean(np.repeat(images, 8))
    assert (many.low, many.high) == pytest.approx((one.low, one.high))
    assert many.n == 400


def test_a_paired_difference_excludes_zero_where_two_intervals_overlap() -> None:
    rng = np.random.default_rng(8)
    hard = rng.uniform(0, 0.9, 200)
    first, second = hard + 0.03 + rng.uniform(-0.03, 0.03, 200), hard
    intervals = GroupIntervals(np.arange(200))
    difference = intervals.difference(first, second)
    assert difference.excludes_zero
    assert intervals.share(first).low < intervals.share(second).high
    assert intervals.difference(second, second).value == 0
    assert not intervals.difference(second, second).excludes_zero


def test_a_ratio_weighs_its_items() -> None:
    intervals = GroupIntervals([0, 1, 2])
    assert intervals.ratio([1, 0, 3], [2, 0, 3]).value == pytest.approx(4 / 5)
    assert intervals.ratio([1, 0, 3], [2, 0, 3]).n == 2
    assert intervals.mean([0.5, np.nan, 0.5]).value == 0.5


@pytest.mark.parametrize("groups", [1, 4, 5, 9, 10, 11])
def test_few_images_give_no_interval(groups: int) -> None:
    """However many objects they hold: a dozen objects of one image are one image."""
    values = np.random.default_rng(groups).random(12 * groups)
    intervals = GroupIntervals(np.repeat(np.arange(groups), 12))
    bounded = (
        intervals.median(values),
        intervals.share(values > 0.5),
        intervals.share(values > 2),
        intervals.difference(values, np.zeros_like(values)),
    )
    for found, fewest in [(each, FEWEST_GROUPS) for each in bounded] + [
        (intervals.mean(values), FEWEST_UNBOUNDED)
    ]:
        assert found.n == 12 * groups
        assert np.isfinite(found.value)
        known = groups >= fewest
        assert (np.isfinite(found.low), np.isfinite(found.high)) == (known, known)
        if not known:
            assert str(found).endswith(" [–]")
            assert found.to_dict()["low"] is None
            assert not found.excludes_zero


def test_only_images_with_an_item_count_as_images() -> None:
    values = np.array([1.0] * 4 + [np.nan] * 20)
    assert np.isnan(GroupIntervals(np.arange(24)).share(values).low)


@given(groups=st.integers(5, 300), items=st.integers(1, 4), hit=st.booleans())
@settings(max_examples=30, deadline=None)
def test_all_or_none_is_no_certainty(groups: int, items: int, hit: bool) -> None:
    """About as far as the exact interval of so many trials reaches, whatever the objects."""
    values = np.full(groups * items, float(hit))
    intervals = GroupIntervals(np.repeat(np.arange(groups), items))
    exact = stats.binomtest(groups * hit, groups).proportion_ci(method="exact")
    for found in (intervals.share(values), intervals.ratio(values * 3, np.full(len(values), 3))):
        assert (found.value, found.n) == (float(hit), groups * items)
        assert float(hit) in (found.low, found.high)
        width, theirs = found.high - found.low, exact.high - exact.low
        assert 0.6 * theirs < width < 1.2 * theirs


def test_no_difference_anywhere_is_no_certainty_either() -> None:
    found = GroupIntervals(np.arange(20)).difference(np.ones(20), np.ones(20))
    assert found.value == 0
    assert found.low == -found.high < -0.05


def test_nothing_known_is_nothing_said() -> None:
    intervals = GroupIntervals([0, 1])
    for found in (intervals.mean([np.nan, np.nan]), intervals.median([np.nan, np.nan])):
        assert found.n == 0
        assert found.to_dict() == {"value": None, "low": None, "high": None, "n": 0}
    assert not Interval(np.nan, np.nan, np.nan, 0).excludes_zero
    with pytest.raises(InputError, match="between 0 and 1"):
        GroupIntervals([0], confidence=1)
