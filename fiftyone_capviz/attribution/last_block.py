"""The closed form of token vectors at the last block: about one forward pass of it per node.

After the last block one token c is pooled. How the embedding moves when token p moves along
delta_p is written out by hand: through the keys and values of every token, and for token c also
through the query and the residual. With x at a node, z = LN1 x, dz_p the tangent of LN1, q, k, v
of a head, a = softmax(q k), o = sum a v:

    do_p  = a_p (W_v dz_p + (q W_k dz_p) (v_p - o))            for every token p
    do_c += sum_j a_j (W_q dz_c k_j) (v_j - o),   dy_c += delta_c

and then the MLP, the last norm and the projection, all of them acting on one token.
"""

from __future__ import annotations

import torch
from torch.func import jvp

from fiftyone_capviz.models.sides import Affine, LastBlock, Norm


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
    at = reference + points[:, None, None] * (hidden - reference)
    normed, normed_change = _norm_tangent(block.norm1, at, delta.expand_as(at))
    # Of tokens c: the value and the change of what attention adds, and of the residual stream.
    mixed, change = _attend(block, normed, normed_change, pooled)
    stream = _apply(block.out, mixed)
    change = change @ block.out.weight.T
    if block.probe is None:
        stream = stream + at[:, pooled]
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


def _attend(
    block: LastBlock, normed: torch.Tensor, normed_change: torch.Tensor, pooled: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the pooled token gathers, "nodes hidden", and its change, "nodes tokens hidden"."""
    width = block.query.weight.shape[0] // block.heads

    def heads(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.reshape(*tensor.shape[:-1], block.heads, width)

    asking = normed[:, pooled] if block.probe is None else block.probe.expand(len(normed), -1)
    query = heads(_apply(block.query, asking)) * width**-0.5
    key, value = heads(_apply(block.key, normed)), heads(_apply(block.value, normed))
    key_change = heads(normed_change @ block.key.weight.T)
    value_change = heads(normed_change @ block.value.weight.T)
    attention = torch.einsum("nhe,nshe->nsh", query, key).softmax(1)
    mixed = torch.einsum("nsh,nshe->nhe", attention, value)
    apart = value - mixed[:, None]
    moved = torch.einsum("nhe,nshe->nsh", query, key_change)
    change = attention[..., None] * (value_change + moved[..., None] * apart)
    if block.probe is None:
        query_change = heads(normed_change[:, pooled] @ block.query.weight.T) * width**-0.5
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
