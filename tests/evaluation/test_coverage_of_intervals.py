"""Do 95 % intervals hold the truth as often as they say, with as few images as get one?

Hits, energies, skewed values and differences are drawn for many small collections of images, of one
item each or of several like ones; of each the interval is made, and the share of intervals that
hold the true figure is counted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import special, stats

from fiftyone_capviz.evaluation.statistics import (
    FEWEST_GROUPS,
    FEWEST_UNBOUNDED,
    GroupIntervals,
    Interval,
)

RUNS = 1000
LEAST = 0.93
Draw = Callable[[np.ndarray], np.ndarray]
"""Values of items from their rank among all there could be, 0..1 and evenly spread, "items"."""


def coverage(
    draw: Draw,
    truth: float,
    statistic: Callable[[GroupIntervals, np.ndarray], Interval],
    *,
    images: int,
    several: bool,
) -> float:
    """Share of the runs whose interval holds the truth; all draws come from one seed."""
    rng = np.random.default_rng([images, several])
    sizes = rng.integers(1, 7, (RUNS, images)) if several else np.ones((RUNS, images), int)
    groups = np.repeat(np.arange(RUNS * images), sizes.ravel())
    # What the objects of an image have in common: a fifth of the variance of their rank.
    common, own = rng.normal(size=RUNS * images)[groups], rng.normal(size=len(groups))
    values = draw(special.ndtr(np.sqrt(0.2) * common + np.sqrt(0.8) * own))
    ends = np.cumsum(sizes.sum(axis=1))[:-1]
    held = 0
    for mine, drawn in zip(np.split(groups, ends), np.split(values, ends), strict=True):
        found = statistic(GroupIntervals(mine), drawn)
        held += found.low - 1e-12 <= truth <= found.high + 1e-12
    return held / RUNS


def hits(share: float) -> Draw:
    return lambda rank: (rank < share).astype(float)


def energies(a: float, b: float) -> Draw:
    return lambda rank: stats.beta(a, b).ppf(rank)


@pytest.mark.parametrize("several", [False, True], ids=["alone", "several"])
@pytest.mark.parametrize("images", [FEWEST_GROUPS, 10, 20])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.95])
def test_shares_of_hits(share: float, images: int, several: bool) -> None:
    found = coverage(hits(share), share, GroupIntervals.share, images=images, several=several)
    assert found >= LEAST


@pytest.mark.parametrize("several", [False, True], ids=["alone", "several"])
@pytest.mark.parametrize("images", [FEWEST_GROUPS, 10])
@pytest.mark.parametrize(("a", "b"), [(0.5, 3), (3, 0.5)])
def test_means_and_medians_of_skewed_shares(a: float, b: float, images: int, several: bool) -> None:
    law = stats.beta(a, b)
    for truth, statistic in (
        (law.mean(), GroupIntervals.share),
        (law.median(), GroupIntervals.median),
    ):
        found = coverage(energies(a, b), truth, statistic, images=images, several=several)
        assert found >= LEAST


@pytest.mark.parametrize("several", [False, True], ids=["alone", "several"])
@pytest.mark.parametrize("images", [FEWEST_UNBOUNDED])
@pytest.mark.parametrize(
    "law", [stats.expon(), stats.lognorm(1.0), stats.norm(2, 3)], ids=["exponential", "log", "even"]
)
def test_means_of_skewed_values(law: stats.rv_continuous, images: int, several: bool) -> None:
    found = coverage(
        lambda rank: law.ppf(rank),
        law.mean(),
        GroupIntervals.mean,
        images=images,
        several=several,
    )
    assert found >= LEAST


@pytest.mark.parametrize("several", [False, True], ids=["alone", "several"])
@pytest.mark.parametrize("images", [FEWEST_GROUPS, 10])
@pytest.mark.parametrize(("gained", "lost"), [(0.05, 0.0), (0.1, 0.02), (0.3, 0.3)])
def test_differences_of_hits(gained: float, lost: float, images: int, several: bool) -> None:
    """Most pairs of hits are alike, often all of a sample's: no reason for an interval [0, 0]."""

    def change(rank: np.ndarray) -> np.ndarray:
        return (rank < gained).astype(float) - (rank > 1 - lost)

    found = coverage(
        change,
        gained - lost,
        lambda intervals, values: intervals.difference(values, np.zeros(len(values))),
        images=images,
        several=several,
    )
    assert found >= LEAST


@pytest.mark.parametrize("several", [False, True], ids=["alone", "several"])
def test_medians_where_many_values_are_equal(several: bool) -> None:
    """Energies are often 0 or 1 exactly."""

    def tied(rank: np.ndarray) -> np.ndarray:
        return np.clip(0.9 + 0.3 * special.ndtri(rank), 0, 1)

    found = coverage(tied, 0.9, GroupIntervals.median, images=10, several=several)
    assert found >= LEAST
