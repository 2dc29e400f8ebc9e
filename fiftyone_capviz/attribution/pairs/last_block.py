"""The closed form of token vectors at the last block: about one forward pass of it per node.

After the last block one token c is pooled. How the embedding moves when token p moves along
delta_p is written out by hand: through the keys and values of every token, and for token c also
through the query and the residual. With x at a node, z = LN1 x, dz_p the tangent of LN1, q, k, v
of a head, a = softmax(q k), o = sum a v:

    do_p  = a_p (W_v dz_p + (q W_k dz_p) (v_p - o))            for every token p
    do_c += sum_j a_j (W_q dz_c k_j) (v_j - o),   dy_c += delta_c

and then the MLP, the last norm and the projection, all of them acting on one token.

A norm scales each token by a number, and the path is a straight line: what a linear map makes of
z at any node is a combination of what it makes of the line's two ends.

Formulas: docs/methods.md, section 4.7.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.func import jvp

from fiftyone_capviz.models.dual.sides import Affine, LastBlock, Norm


@torch.no_grad()
def last_block_vectors(
    block: LastBlock,
    hidden: torch.Tensor,
    reference: torch.Tensor,
    *,
    pooled: int,
    points: torch.Tensor,
    weights: torch.Tensor,
) -> torch.Tensor:
    """Integrated change of the embedding per token.

    Args:
        block: the weights.
        hidden, reference: "tokens hidden", in the precision of the result; every token may be
            attended to (a causal text is cut after the pooled token).
        pooled: index of the pooled token; not looked at where a probe asks.
        points, weights: of the quadrature, "nodes".

    Returns:
        "tokens dimensions", sums to the change of the embedding but for the quadrature's error.
    """
    block = block.to(hidden.dtype)
    delta = hidden - reference
    line = _Line.of(block.norm1, reference, delta, points)
    # Of tokens c: the value and the change of what attention adds, and of the residual stream.
    mixed, change = _attend(block, line, pooled)
    stream = _apply(block.out, mixed)
    change = change @ block.out.weight.T
    if block.probe is None:
        stream = stream + reference[pooled] + points[:, None] * delta[pooled]
        change[:, pooled] += delta[pooled]
    inner, inner_change = _norm_tangent(block.norm2, stream[:, None], change)
    before = _apply(block.up, inner)
    slope = jvp(block.activation, (before,), (torch.ones_like(before),))[1]
    change = change + (slope * (inner_change @ block.up.weight.T)) @ block.down.weight.T
    if block.norm3 is not None:
        stream = stream[:, None] + _apply(block.down, block.activation(before))
        change = _norm_tangent(block.norm3, stream, change)[1]
    summed = torch.einsum("nsd,n->sd", change, weights)
    return summed if block.projection is None else summed @ block.projection.weight.T


@dataclass(frozen=True)
class _Line:
    """Tokens on the straight line from the reference, as a norm's linear successors see them.

    Attributes:
        ends: start and step of the line, centered and times the norm's weight, "2 tokens hidden".
        offset: the norm's bias, "hidden".
        points: the nodes, "nodes 1 1".
        scale: one over each token's deviation, "nodes tokens 1".
        turn: how the scale falls along the line: mean of the unit token times the step.
    """

    ends: torch.Tensor
    offset: torch.Tensor
    points: torch.Tensor
    scale: torch.Tensor
    turn: torch.Tensor

    @classmethod
    def of(cls, norm: Norm, start: torch.Tensor, step: torch.Tensor, points: torch.Tensor) -> _Line:
        start, step = (one - one.mean(-1, keepdim=True) for one in (start, step))
        nodes = points[:, None, None]
        centered = start + nodes * step
        scale = (centered.square().mean(-1, keepdim=True) + norm.eps).rsqrt()
        turn = scale * (centered * step).mean(-1, keepdim=True)
        return cls(torch.stack([start, step]) * norm.weight, norm.bias, nodes, scale, turn)

    def through(
        self, affine: Affine, tokens: slice = slice(None)
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """An affine map of the normed tokens at each node, and its tangent along the line."""
        start, step = self.ends[:, tokens] @ affine.weight.T
        scale, turn = self.scale[:, tokens], self.turn[:, tokens]
        unit = scale * (start + self.points * step)
        return unit + _apply(affine, self.offset), scale * (step - turn * unit)


def _attend(block: LastBlock, line: _Line, pooled: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What the pooled token gathers, "nodes hidden", and its change, "nodes tokens hidden"."""
    width = block.query.weight.shape[0] // block.heads

    def heads(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.reshape(*tensor.shape[:-1], block.heads, width)

    (key, key_change), (value, value_change) = (
        map(heads, line.through(affine)) for affine in (block.key, block.value)
    )
    query_change = None
    if block.probe is None:
        asking, asking_change = line.through(block.query, slice(pooled, pooled + 1))
        query, query_change = heads(asking[:, 0]), heads(asking_change[:, 0]) * width**-0.5
    else:
        query = heads(_apply(block.query, block.probe).expand(len(key), -1))
    query = query * width**-0.5
    attention = torch.einsum("nhe,nshe->nsh", query, key).softmax(1)
    mixed = torch.einsum("nsh,nshe->nhe", attention, value)
    apart = value - mixed[:, None]
    moved = torch.einsum("nhe,nshe->nsh", query, key_change)
    change = attention[..., None] * (value_change + moved[..., None] * apart)
    if query_change is not None:
        moved = torch.einsum("nhe,nshe->nsh", query_change, key)
        change[:, pooled] += torch.einsum("nsh,nshe->nhe", attention * moved, apart)
    return mixed.flatten(-2), change.flatten(-2)


def _apply(affine: Affine, tensor: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.linear(tensor, affine.weight, affine.bias)


def _norm_tangent(
    norm: Norm, tensor: torch.Tensor, change: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """A layer norm's value, and its tangent along a change."""
    centered = tensor - tensor.mean(-1, keepdim=True)
    scale = (centered.square().mean(-1, keepdim=True) + norm.eps).rsqrt()
    unit = centered * scale
    change = change - change.mean(-1, keepdim=True)
    tangent = scale * (change - unit * (unit * change).mean(-1, keepdim=True))
    return unit * norm.weight + norm.bias, tangent * norm.weight
