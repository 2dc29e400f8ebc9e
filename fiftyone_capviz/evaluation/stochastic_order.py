"""Almost stochastic order: is one distribution of scores better than another as a whole?

Del Barrio, Cuesta-Albertos and Matran (2018); Dror, Shlomov and Reichart (ACL 2019); used in
appendix E of arXiv 2408.14153. Higher scores are better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import FloatArray

_CHUNK = 1 << 22
"""Numbers held at once while distributions are drawn again."""

NO_PREFERENCE = 0.5
"""The violation ratio of two distributions without any difference."""


def violation_ratio(first: ArrayLike, second: ArrayLike) -> float:
    """How far `first` is from being stochastically larger than `second`.

    With quantile functions F and G, the integral of (F - G)^2 where F < G over the integral of
    (F - G)^2 everywhere (the squared 2-Wasserstein distance). Exact: empirical quantile functions
    are steps.

    Args:
        first, second: scores; nan does not count.

    Returns:
        0: first is never behind; 1: never ahead; 0.5 where the distributions are the same.

    Raises:
        InputError: a distribution without scores.
    """
    return float(_ratios(_scores(first)[None], _scores(second)[None])[0])


def almost_stochastic_order(
    first: ArrayLike,
    second: ArrayLike,
    *,
    confidence: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> float:
    """The upper confidence bound of the violation ratio: epsilon_min.

    Below 0.5 `first` is almost stochastically larger at this confidence, the nearer to 0 the more
    surely (Dror et al. read 0.2 as clear); 0.5 and above says nothing for `first`. The spread is
    that of a bootstrap of both distributions, as a normal quantile (Dror et al., equation 7).

    Args:
        first, second: independent scores; nan does not count.
        confidence: of the bound, 0..1.
        samples: draws of the bootstrap.
        seed: of the draws.

    Returns:
        0..1.

    Raises:
        InputError: a distribution without scores, no draws, or a confidence that is no share.
    """
    if samples < 2 or not 0 < confidence < 1:
        raise InputError(
            "The test needs two draws or more and a confidence between 0 and 1; got "
            f"{samples} and {confidence}."
        )
    one, two = _scores(first), _scores(second)
    ratio = float(_ratios(one[None], two[None])[0])
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // (len(one) + len(two)))
    drawn = []
    for start in range(0, samples, step):
        size = min(step, samples - start)
        again = [each[rng.integers(len(each), size=(size, len(each)))] for each in (one, two)]
        drawn.append(_ratios(np.sort(again[0], axis=1), np.sort(again[1], axis=1)))
    # Dror et al. scale the spread of the ratio by sqrt(nm / (n + m)) and divide by it again.
    spread = float(np.std(np.concatenate(drawn)))
    return float(np.clip(ratio + spread * ndtri(confidence), 0, 1))


def _scores(values: ArrayLike) -> NDArray[np.float64]:
    scores = np.asarray(values, dtype=np.float64).ravel()
    scores = np.sort(scores[np.isfinite(scores)])
    if not len(scores):
        raise InputError("A stochastic order needs scores on both sides; one side has none.")
    return scores


def _ratios(first: FloatArray, second: FloatArray) -> NDArray[np.float64]:
    """Violation ratios of sorted rows "draws n" and "draws m": "draws"."""
    n, m = first.shape[1], second.shape[1]
    # Breakpoints of both step functions in units of 1/(nm), so that equal ones are equal.
    ends = np.unique(np.concatenate([np.arange(1, n + 1) * m, np.arange(1, m + 1) * n]))
    widths = np.diff(ends, prepend=0) / (n * m)
    difference = first[:, (ends - 1) // m] - second[:, (ends - 1) // n]
    squared = difference**2 * widths
    total = squared.sum(axis=1)
    behind = np.where(difference < 0, squared, 0).sum(axis=1)
    alike = np.full(len(total), NO_PREFERENCE)
    ratios: NDArray[np.float64] = np.divide(behind, total, out=alike, where=total > 0)
    return ratios
