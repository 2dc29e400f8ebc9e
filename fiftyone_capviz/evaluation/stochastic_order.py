"""Almost stochastic order: is one distribution of scores better than another as a whole?

Del Barrio, Cuesta-Albertos and Matran (2018); Dror, Shlomov and Reichart (ACL 2019); used in
appendix E of arXiv 2408.14153. Higher scores are better. Here the scores are paired (two methods
on the same objects) and objects of one image belong together, so whole images are drawn again,
the same ones on both sides.

Formulas: docs/methods.md, section 7.16.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.statistics import FEWEST_GROUPS
from fiftyone_capviz.records import FloatArray

NO_PREFERENCE = 0.5
"""The violation ratio of two distributions without any difference; below it the first is ahead."""
CLEAR = 0.2
"""Below this the first is clearly ahead (Dror et al.)."""


def violation_ratio(first: ArrayLike, second: ArrayLike) -> float:
    """How far `first` is from being stochastically larger than `second`.

    With quantile functions F and G, the integral of (F - G)^2 where F < G over the integral of
    (F - G)^2 everywhere (the squared 2-Wasserstein distance). Exact: empirical quantile functions
    are steps.

    Args:
        first, second: scores of the same items; an item with a nan does not count.

    Returns:
        0: first is never behind; 1: never ahead; 0.5 where the distributions are the same.

    Raises:
        InputError: no item with both scores, or not one score each per item.
    """
    one, two, _ = _paired(first, second, None)
    return _ratio(np.sort(one), np.sort(two))


def almost_stochastic_order(
    first: ArrayLike,
    second: ArrayLike,
    *,
    groups: ArrayLike,
    confidence: float = 0.95,
    comparisons: int = 1,
    samples: int = 1000,
    seed: int = 0,
) -> float:
    """The upper confidence bound of the violation ratio: epsilon_min.

    Below 0.2 `first` is clearly almost stochastically larger, below 0.5 weakly so; 0.5 and above
    says nothing for `first`. The bound is that of Dror et al. (equation 7), a normal quantile with
    the bootstrap's spread, or the bootstrap's own quantile where that is higher: of two like
    distributions the ratio is anything but normal, and the normal bound alone falls below 0.5 in
    one comparison of five instead of one of twenty.

    Args:
        first, second: scores of the same items; an item with a nan does not count.
        groups: which items belong together and are drawn together, "items".
        confidence: of the bound, 0..1.
        comparisons: how many are made at once; the confidence holds for all of them (Bonferroni).
        samples: draws of the bootstrap.
        seed: of the draws.

    Returns:
        0..1; nan with fewer than `FEWEST_GROUPS` groups.

    Raises:
        InputError: no item with both scores, no draws, no comparison, or a confidence that is no
            share.
    """
    if samples < 2 or comparisons < 1 or not 0 < confidence < 1:
        raise InputError(
            "The test needs two draws or more, a comparison, and a confidence between 0 and 1; got "
            f"{samples}, {comparisons} and {confidence}."
        )
    one, two, group = _paired(first, second, groups)
    count = int(group.max()) + 1
    if count < FEWEST_GROUPS:
        return float("nan")
    orders = np.argsort(one, kind="stable"), np.argsort(two, kind="stable")
    one, two = one[orders[0]], two[orders[1]]
    owners = group[orders[0]], group[orders[1]]
    ratio = _ratio(one, two)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(count, np.full(count, 1 / count), size=samples)
    drawn = [_ratio(one.repeat(t[owners[0]]), two.repeat(t[owners[1]])) for t in times]
    level = 1 - (1 - confidence) / comparisons
    # Dror et al. scale the spread of the ratio by sqrt(nm / (n + m)) and divide by it again.
    normal = ratio + float(np.std(drawn)) * float(ndtri(level))
    return float(np.clip(max(normal, float(np.quantile(drawn, level))), 0, 1))


def _paired(
    first: ArrayLike, second: ArrayLike, groups: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int_]]:
    """Scores of the items that have both, and their groups counted from 0."""
    one, two = (np.asarray(each, dtype=np.float64).ravel() for each in (first, second))
    owners = np.arange(len(one)) if groups is None else np.asarray(groups).ravel()
    if not len(one) == len(two) == len(owners):
        raise InputError(
            "A stochastic order needs two scores and a group for every item; got "
            f"{len(one)} and {len(two)} scores and {len(owners)} groups."
        )
    known = np.isfinite(one) & np.isfinite(two)
    if not known.any():
        raise InputError("A stochastic order needs an item with both scores; there is none.")
    return one[known], two[known], np.unique(owners[known], return_inverse=True)[1]


def _ratio(first: FloatArray, second: FloatArray) -> float:
    """The violation ratio of two sorted rows of one length."""
    difference = first - second
    squared = difference**2
    total = float(squared.sum())
    return float(squared[difference < 0].sum()) / total if total > 0 else NO_PREFERENCE
