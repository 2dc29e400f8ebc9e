"""Points and weights of the integral from a reference to an input."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import FloatArray

Quadrature = Literal["gauss", "right"]


def quadrature_rule(nodes: int, quadrature: Quadrature = "gauss") -> tuple[FloatArray, FloatArray]:
    """A rule on [0, 1]: 0 is the reference, 1 the input.

    Args:
        nodes: how many points.
        quadrature: "gauss": Gauss-Legendre, whose error falls exponentially; "right": the sum at
            n / nodes of arXiv 2408.14153 and of its package, for comparison with them.

    Returns:
        Points and weights, float64 "nodes" each; the weights sum to 1.

    Raises:
        InputError: no points, or an unknown rule.
    """
    if isinstance(nodes, bool) or nodes < 1:
        raise InputError(f"nodes must be at least 1; got {nodes}.")
    if quadrature == "gauss":
        points, weights = np.polynomial.legendre.leggauss(nodes)
        return (points + 1) / 2, weights / 2
    if quadrature == "right":
        return np.arange(1, nodes + 1) / nodes, np.full(nodes, 1 / nodes)
    raise InputError(
        f"quadrature must be one of {', '.join(get_args(Quadrature))}; got {quadrature!r}."
    )
