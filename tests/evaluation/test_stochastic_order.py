"""The stochastic order against closed forms, the formula of its authors, and clustered nulls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, stats

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.stochastic_order import almost_stochastic_order, violation_ratio

Scores = NDArray[np.float64]


def slow_ratio(first: Scores, second: Scores) -> float:
    """Quantile functions on a fine grid."""
    at = (np.arange(10 * len(first)) + 0.5) / (10 * len(first))
    ahead = np.quantile(first, at, method="inverted_cdf") - np.quantile(
        second, at, method="inverted_cdf"
    )
    return float((ahead[ahead < 0] ** 2).sum() / (ahead**2).sum())


def formula_of_dror(first: Scores, second: Scores, *, draws: int, seed: int) -> float:
    """Equation 7, sides drawn independently, as in deepsig."""
    n, m = len(first), len(second)
    rng, scale = np.random.default_rng(seed), np.sqrt(n * m / (n + m))
    ratio = slow_ratio(first, second)
    again = [
        scale * (slow_ratio(rng.choice(first, n), rng.choice(second, m)) - ratio)
        for _ in range(draws)
    ]
    return float(np.clip(ratio - np.std(again) / scale * stats.norm.ppf(0.05), 0, 1))


def test_a_distribution_that_is_ahead_everywhere_violates_nothing() -> None:
    scores = np.random.default_rng(0).normal(size=150)
    alone = np.arange(150)
    assert violation_ratio(scores + 0.1, scores) == 0
    assert violation_ratio(scores, scores + 0.1) == 1
    assert almost_stochastic_order(scores + 5, scores, groups=alone) == 0
    assert almost_stochastic_order(scores, scores + 5, groups=alone) == 1


def test_equal_distributions_give_no_preference() -> None:
    scores = np.random.default_rng(1).normal(size=200)
    assert violation_ratio(scores, scores) == 0.5
    assert almost_stochastic_order(scores, scores, groups=np.arange(200)) >= 0.5
    assert almost_stochastic_order(scores, scores[::-1], groups=np.arange(200)) >= 0.5


@given(seed=st.integers(0, 10_000), n=st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_the_violation_ratio_is_exact(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0.2, 1.3, n), rng.normal(size=n)
    assert violation_ratio(first, second) == pytest.approx(slow_ratio(first, second))
    assert violation_ratio(second, first) == pytest.approx(1 - slow_ratio(first, second))


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


@pytest.mark.parametrize(("shift", "scale"), [(0.5, 1.5), (0.6, 1.6), (0.1, 0.6)])
def test_of_many_independent_scores_it_is_the_formula_of_its_authors(
    shift: float, scale: float
) -> None:
    rng = np.random.default_rng(6)
    first, second = rng.normal(shift, scale, 2000), rng.normal(size=2000)
    found = almost_stochastic_order(first, second, groups=np.arange(2000))
    assert found == pytest.approx(formula_of_dror(first, second, draws=150, seed=7), abs=0.03)


@pytest.mark.parametrize(("shift", "scale"), [(0.3, 1.0), (0.5, 1.5), (0.0, 1.0), (0.1, 0.6)])
def test_of_few_scores_it_claims_no_more_than_the_formula(shift: float, scale: float) -> None:
    rng = np.random.default_rng(6)
    first, second = rng.normal(shift, scale, 100), rng.normal(size=100)
    found = almost_stochastic_order(first, second, groups=np.arange(100))
    assert found >= formula_of_dror(first, second, draws=400, seed=7) - 0.05


def clustered(
    rng: np.random.Generator, images: int, objects: int, *, of_image: float, of_side: float
) -> tuple[Scores, Scores, NDArray[np.int_]]:
    """Two methods without a difference: objects of an image are alike, and so are the methods."""
    groups = np.repeat(np.arange(images), objects)
    shared = of_image * rng.normal(size=images)[groups]

    def side() -> Scores:
        own = of_side * rng.normal(size=images)[groups] + rng.normal(size=len(groups))
        return 1 / (1 + np.exp(-shared - own))

    return side(), side(), groups


def rate(test: Callable[[Scores, Scores, NDArray[np.int_]], float]) -> float:
    """How often a test at 95 % finds a difference where there is none."""
    rng = np.random.default_rng(3)
    worlds = [clustered(rng, 40, 8, of_image=1.0, of_side=1.0) for _ in range(300)]
    return float(np.mean([test(*world) < 0.5 for world in worlds]))


def test_equal_methods_on_clustered_objects_are_seldom_called_different() -> None:
    """At most the nominal 1 in 20, give or take what 300 worlds leave open; single objects: not."""
    found = rate(lambda a, b, g: almost_stochastic_order(a, b, groups=g, samples=200))
    objects = rate(lambda a, b, g: almost_stochastic_order(a, b, groups=range(320), samples=200))
    assert found <= stats.binom(300, 0.05).ppf(0.999) / 300
    assert objects > 2 * found


def test_several_comparisons_together_keep_the_confidence() -> None:
    """Ten at once are wrong no more often than one, as a family."""
    rng = np.random.default_rng(4)

    def wrong() -> bool:
        first, second, groups = clustered(rng, 30, 2, of_image=1.0, of_side=0.5)
        bounds = [
            almost_stochastic_order(
                rng.permuted(first), second, groups=groups, comparisons=10, samples=400, seed=i
            )
            for i in range(10)
        ]
        return min(bounds) < 0.5

    assert np.mean([wrong() for _ in range(60)]) <= stats.binom(60, 0.05).ppf(0.999) / 60


@given(seed=st.integers(0, 1000), count=st.integers(2, 50))
@settings(max_examples=25, deadline=None)
def test_the_confidence_is_shared_by_the_comparisons(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0.2, 1.4, 40), rng.normal(size=40)

    def bound(**asked: float | int) -> float:
        return almost_stochastic_order(
            first,
            second,
            groups=np.arange(40) // 2,
            samples=100,
            seed=seed,
            **asked,  # type: ignore[arg-type]
        )

    assert bound(comparisons=count) == pytest.approx(bound(confidence=1 - 0.05 / count))
    assert bound() <= bound(comparisons=count)
    assert bound() < bound(comparisons=count) or bound() in (0, 1)


def test_a_difference_is_found_in_clustered_objects() -> None:
    rng = np.random.default_rng(5)
    first, second, groups = clustered(rng, 100, 4, of_image=1.0, of_side=0.1)
    assert almost_stochastic_order(first + 0.2, second, groups=groups, comparisons=20) < 0.2


def test_an_order_needs_scores() -> None:
    with pytest.raises(InputError, match="there is none"):
        violation_ratio([np.nan], [1.0])
    with pytest.raises(InputError, match="two draws"):
        almost_stochastic_order([1.0], [1.0], groups=[0], samples=1)
    with pytest.raises(InputError, match="a group for every item"):
        almost_stochastic_order([1.0, 2.0], [1.0], groups=[0, 1])
    with pytest.raises(InputError, match="a comparison"):
        almost_stochastic_order([1.0], [1.0], groups=[0], comparisons=0)
    scores = np.arange(40.0)
    assert np.isnan(almost_stochastic_order(scores + 9, scores, groups=np.arange(40) // 10))
