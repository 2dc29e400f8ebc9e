"""Points and weights of the integral from a reference to an input, and how fine it must be.

Token vectors sum to the change of the embedding from the reference to the input, which is known
exactly: what a quadrature misses of it is known too, and nodes are added until that is small.

Formulas: docs/methods.md, sections 4.4, 4.5.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
import torch

from fiftyone_capviz.attribution.pairs.jacobians import integrated_change, operations
from fiftyone_capviz.attribution.pairs.last_block import last_block_vectors
from fiftyone_capviz.attribution.pairs.stopping import check_stop
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.dual.sides import Side
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


MAX_NODES = 64
REFINED_OPERATIONS = 2e12
"""Multiplications that a finer quadrature may cost: about a minute on one core."""


def closed_vectors(
    side: Side,
    change: torch.Tensor,
    dtype: torch.dtype,
    nodes: int,
    quadrature: Quadrature,
    tolerance: float | None,
) -> torch.Tensor:
    """Vectors "tokens dimensions" with as many nodes as the tolerance needs: they are cheap."""
    block = side.closed
    assert block is not None
    hidden, reference = side.hidden.to(dtype), side.reference.to(dtype)

    def vectors_at(count: int) -> torch.Tensor:
        check_stop()
        points, weights = rule_of(side, count, quadrature, dtype)
        return last_block_vectors(
            block, hidden, reference, pooled=side.pooled, points=points, weights=weights
        )

    vectors = vectors_at(nodes)
    missed = float((vectors.sum(0) - change).norm())
    while tolerance is not None and missed > tolerance * float(change.norm()):
        nodes *= 2
        if nodes > MAX_NODES:
            break
        finer = vectors_at(nodes)
        left = float((finer.sum(0) - change).norm())
        if not left < missed:  # what is missing is the precision's, not the quadrature's
            break
        vectors, missed = finer, left
    return vectors


def chosen_nodes(
    side: Side,
    change: torch.Tensor,
    nodes: int,
    tolerance: float | None,
    *,
    passes: int,
    basis: torch.Tensor | None = None,
) -> int:
    """How many nodes the tolerance needs, found before any token's vector is computed.

    The vectors sum to the integral of the derivative along the whole way: one derivative per node
    tells what a quadrature will miss.

    Args:
        side: to be differentiated.
        change: of its embedding, "dimensions".
        nodes: to begin with, and to keep to without a tolerance.
        tolerance: share of the change that may be missed.
        passes: derivatives per node that the vectors will take.
        basis: directions that count, "directions dimensions"; None is all.
    """
    if tolerance is None:
        return nodes
    target = change if basis is None else basis @ change
    best, least = nodes, math.inf
    while True:
        points, weights = rule_of(side, nodes, "gauss", side.hidden.dtype)
        found = integrated_change(side, points=points, weights=weights).to(change)
        missed = float(((found if basis is None else basis @ found) - target).norm())
        if not missed < least:  # what is missing is the precision's, not the quadrature's
            return best
        best, least = nodes, missed
        nodes += (nodes + 1) // 2
        if missed <= tolerance * float(target.norm()) or nodes > MAX_NODES:
            return best
        if operations(side, passes=passes, nodes=nodes) > REFINED_OPERATIONS:
            return best


def rule_of(
    side: Side, nodes: int, quadrature: Quadrature, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points and weights on the side's device."""
    points, weights = quadrature_rule(nodes, quadrature)
    place = side.hidden.device
    return torch.as_tensor(points).to(place, dtype), torch.as_tensor(weights).to(place, dtype)
