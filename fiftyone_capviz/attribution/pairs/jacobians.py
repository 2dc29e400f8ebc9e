"""Token vectors of any block by automatic differentiation: the slow ways, for earlier layers.

Reverse mode asks once per direction of the embedding, forward mode once per token. Both are worked
off in chunks of nodes and of questions, so that memory has a bound that does not grow with either;
between chunks a `stoppable` caller may stop.

Formulas: docs/methods.md, section 4.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.func import jvp, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from fiftyone_capviz.attribution.pairs.stopping import check_stop
from fiftyone_capviz.models.dual.sides import Side

GRAPH_BYTES = 256 << 20
"""Rough bound on what a chunk of nodes keeps for its backward passes, and on the scratch memory of
a chunk of forward derivatives; that is one node, and one token, at least."""

CHUNK_BYTES = 64 << 20
"""Rough bound on the scratch memory of one chunk of backward passes; that is one at least."""

_TENSORS_PER_BLOCK = 24
"""About how many tensors of the size of the tokens a derivative holds of one block."""

_MAPS_PER_BLOCK = 4
"""About how many attention maps it holds of one block."""

_HEAD_WIDTH = 64
"""Usual width of a head, for how many maps a block has."""


def vectors_by_vjp(
    side: Side,
    *,
    points: torch.Tensor,
    weights: torch.Tensor,
    directions: torch.Tensor | None = None,
) -> torch.Tensor:
    """Integrated change of the embedding per token, by one backward pass per direction and node.

    Args:
        side: differentiated.
        points, weights: of the quadrature, "nodes".
        directions: in the embedding, "directions dimensions"; None is every dimension.

    Returns:
        "tokens directions".

    Raises:
        StoppedError: a `stoppable` caller asked for it.
    """
    delta = side.hidden - side.reference
    basis = torch.eye(len(side.embedding)) if directions is None else directions
    basis = basis.to(side.hidden)
    found = torch.zeros(len(basis), len(delta), dtype=delta.dtype, device=delta.device)
    block = block_bytes(side)
    with _differentiable_attention():
        for places in _chunks(len(points), GRAPH_BYTES // (block * side.depth)):
            at = side.reference + points[places, None, None] * delta
            pull = vjp(side.tail, at)[1]
            share = weights[places, None]

            def row(
                direction: torch.Tensor, pull: Callable[..., torch.Tensor] = pull,
                share: torch.Tensor = share,
            ) -> torch.Tensor:  # fmt: skip
                return (pull(share * direction)[0].sum(0) * delta).sum(-1)

            for asked in _chunks(len(basis), CHUNK_BYTES // (block * len(at))):
                check_stop()
                found[asked] += vmap(row)(basis[asked]).detach()
    return found.T


def vectors_by_jvp(side: Side, *, points: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Integrated change of the embedding per token, by one forward derivative per token and node.

    Arguments and result are those of `vectors_by_vjp` for every dimension.
    """
    delta = side.hidden - side.reference
    found = torch.zeros(len(delta), len(side.embedding), dtype=delta.dtype, device=delta.device)
    tokens = torch.eye(len(delta), dtype=delta.dtype, device=delta.device)
    block = block_bytes(side)
    with torch.no_grad(), _differentiable_attention():
        # Tokens share what the node itself costs: many of them at few nodes are fastest.
        for places in _chunks(len(points), GRAPH_BYTES // (block * len(tokens))):
            at = side.reference + points[places, None, None] * delta
            share = weights[places, None]

            def column(
                token: torch.Tensor, at: torch.Tensor = at, share: torch.Tensor = share
            ) -> torch.Tensor:
                tangent = (token[:, None] * delta).expand_as(at)
                change: torch.Tensor = jvp(side.tail, (at,), (tangent,))[1]
                return (change * share).sum(0)

            for asked in _chunks(len(tokens), GRAPH_BYTES // (block * len(at))):
                check_stop()
                found[asked] += vmap(column)(tokens[asked])
    return found


def integrated_change(side: Side, *, points: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """What the vectors of all tokens sum to, "dimensions": one forward derivative per node.

    It tells how much a quadrature misses before the vectors themselves are computed.
    """
    delta = side.hidden - side.reference
    found = torch.zeros_like(side.embedding, dtype=delta.dtype)
    with torch.no_grad(), _differentiable_attention():
        for places in _chunks(len(points), GRAPH_BYTES // block_bytes(side)):
            check_stop()
            at = side.reference + points[places, None, None] * delta
            change: torch.Tensor = jvp(side.tail, (at,), (delta.expand_as(at),))[1]
            found += (change * weights[places, None]).sum(0)
    return found


def operations(side: Side, *, passes: int, nodes: int) -> float:
    """About how many multiplications so many derivatives at so many nodes take."""
    tokens, width = side.hidden.shape
    block = 12 * tokens * width**2 + 2 * tokens**2 * width
    return 2.0 * passes * nodes * side.depth * block


def block_bytes(side: Side) -> int:
    """About what a derivative of one block holds at one node."""
    tokens, width = side.hidden.shape
    numbers = _TENSORS_PER_BLOCK * tokens * width
    numbers += _MAPS_PER_BLOCK * tokens * tokens * max(1, width // _HEAD_WIDTH)
    return numbers * side.hidden.element_size()


def _chunks(count: int, size: int) -> Iterator[slice]:
    size = max(1, size)
    return (slice(start, start + size) for start in range(0, count, size))


@contextmanager
def _differentiable_attention() -> Iterator[None]:
    """Attention as plain matrix products: fused kernels lack forward mode and batching rules."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
