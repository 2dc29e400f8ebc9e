"""Token vectors of any block by automatic differentiation: the slow ways, for earlier layers.

Reverse mode asks once per dimension of the embedding, forward mode once per token; both are
batched over nodes and worked off in chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.func import jvp, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

Tail = Callable[[torch.Tensor], torch.Tensor]
"""The blocks from here on: "nodes tokens hidden" to "nodes dimensions"."""

CHUNK_BYTES = 256 << 20
"""Rough bound on the scratch memory of one chunk of derivatives."""

_TENSORS_PER_BLOCK = 24
"""About how many tensors of the size of the tokens a derivative holds at a time."""


def vectors_by_vjp(
    tail: Tail,
    hidden: torch.Tensor,
    reference: torch.Tensor,
    *,
    points: torch.Tensor,
    weights: torch.Tensor,
    directions: torch.Tensor | None = None,
    chunk: int | None = None,
) -> torch.Tensor:
    """Integrated change of the embedding per token, by one backward pass per direction.

    Args:
        tail: what follows.
        hidden, reference: "tokens hidden".
        points, weights: of the quadrature, "nodes".
        directions: in the embedding, "directions dimensions"; None is every dimension.
        chunk: directions at a time; None bounds the memory.

    Returns:
        "tokens directions".
    """
    delta = hidden - reference
    at = reference + points[:, None, None] * delta
    with _differentiable_attention():
        out, pull, *_ = vjp(tail, at)

        def row(direction: torch.Tensor) -> torch.Tensor:
            gradient: torch.Tensor = pull(direction * weights[:, None])[0]
            return (gradient.sum(0) * delta).sum(-1)

        basis = torch.eye(out.shape[1]) if directions is None else directions
        rows = basis.to(out)[:, None, :].expand(-1, len(points), -1)
        found: torch.Tensor = vmap(row, chunk_size=chunk or _chunk_of(at))(rows)
    return found.detach().T


def vectors_by_jvp(
    tail: Tail,
    hidden: torch.Tensor,
    reference: torch.Tensor,
    *,
    points: torch.Tensor,
    weights: torch.Tensor,
    chunk: int | None = None,
) -> torch.Tensor:
    """Integrated change of the embedding per token, by one forward derivative per token.

    Arguments and result are those of `vectors_by_vjp` for every dimension.
    """
    delta = hidden - reference
    at = reference + points[:, None, None] * delta

    def column(token: torch.Tensor) -> torch.Tensor:
        tangent = (token[:, None] * delta).expand_as(at)
        change: torch.Tensor = jvp(tail, (at,), (tangent,))[1]
        return (change * weights[:, None]).sum(0)

    tokens = torch.eye(len(hidden), dtype=at.dtype, device=at.device)
    with torch.no_grad(), _differentiable_attention():
        found: torch.Tensor = vmap(column, chunk_size=chunk or _chunk_of(at))(tokens)
    return found


def _chunk_of(at: torch.Tensor) -> int:
    one = at.numel() * at.element_size() * _TENSORS_PER_BLOCK
    return max(1, CHUNK_BYTES // one)


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
