"""One side of a dual encoder, cut open before one of its blocks: what attribution needs to know.

A dual encoder turns an image, or a text, into tokens, sends these through blocks, pools them and
projects the result. Second-order attribution (arXiv 2408.14153) asks how the embedding depends on
the tokens that enter block `layer`. Axis words: ``nodes`` (points on the way from the reference to
the input), ``tokens`` (CLS and special tokens included), ``hidden``, ``dimensions`` (of the
embedding).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from fiftyone_capviz.errors import InputError

Block = Callable[[torch.Tensor], torch.Tensor]
"""Tokens to tokens, "nodes tokens hidden" both."""


@dataclass(frozen=True)
class Norm:
    """A layer norm: weight and bias "hidden"."""

    weight: torch.Tensor
    bias: torch.Tensor
    eps: float

    @classmethod
    def of(cls, module: nn.LayerNorm) -> Norm:
        """Of a module."""
        return cls(module.weight, module.bias, module.eps)

    def to(self, dtype: torch.dtype) -> Norm:
        """In another precision."""
        return Norm(self.weight.to(dtype), self.bias.to(dtype), self.eps)


@dataclass(frozen=True)
class Affine:
    """A linear map: weight "out in", bias "out" or none."""

    weight: torch.Tensor
    bias: torch.Tensor | None = None

    @classmethod
    def of(cls, module: nn.Linear, *, scale: torch.Tensor | None = None) -> Affine:
        """Of a module, its output times `scale` "out"."""
        if scale is None:
            return cls(module.weight, module.bias)
        return cls(module.weight * scale[:, None], module.bias * scale)

    def split(self, parts: int) -> list[Affine]:
        """The parts of a map whose outputs were stacked, such as query, key and value."""
        biases = [None] * parts if self.bias is None else list(self.bias.chunk(parts))
        return [Affine(w, b) for w, b in zip(self.weight.chunk(parts), biases, strict=True)]

    def to(self, dtype: torch.dtype) -> Affine:
        """In another precision."""
        return Affine(self.weight.to(dtype), None if self.bias is None else self.bias.to(dtype))


@dataclass(frozen=True)
class LastBlock:
    """The weights of a block after which one token is all that counts.

    That is the last block of a vision transformer that pools CLS, or of a text transformer that
    pools one token: norm1, attention, residual, norm2, MLP, residual, norm3, projection. It is
    also an attention pooling head: there `probe` asks instead of a token, and there is no first
    residual.

    Attributes:
        heads: of the attention.
        activation: of the MLP, element by element.
        norm3: the last norm; None if there is none.
        projection: into the embedding; None if there is none.
        probe: the query's input "hidden", after norm1; None if the pooled token asks.
    """

    norm1: Norm
    query: Affine
    key: Affine
    value: Affine
    out: Affine
    norm2: Norm
    up: Affine
    activation: Callable[[torch.Tensor], torch.Tensor]
    down: Affine
    heads: int
    norm3: Norm | None = None
    projection: Affine | None = None
    probe: torch.Tensor | None = None

    def to(self, dtype: torch.dtype) -> LastBlock:
        """In another precision; the same weights where they have it already."""
        names = ("norm1", "query", "key", "value", "out", "norm2", "up", "down")
        return replace(
            self,
            **{name: getattr(self, name).to(dtype) for name in names},
            norm3=None if self.norm3 is None else self.norm3.to(dtype),
            projection=None if self.projection is None else self.projection.to(dtype),
            probe=None if self.probe is None else self.probe.to(dtype),
        )


@dataclass(frozen=True)
class Tower:
    """The transformer of one side.

    Attributes:
        blocks: in order; a pooling head that attends counts as a last block, whose own tokens
            are its input (an identity here, followed by `head`).
        head: ("nodes tokens hidden", index of the pooled token) -> un-normalised embedding
            "nodes dimensions".
        last: makes the last block's weights; None if its shape is another.
        has_cls: whether token 0 is an image's CLS, which is no patch.
    """

    blocks: Sequence[Block]
    head: Callable[[torch.Tensor, int], torch.Tensor]
    last: Callable[[], LastBlock] | None
    has_cls: bool

    def run(self, tokens: torch.Tensor, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """Tokens through blocks start..stop."""
        for block in self.blocks[start:stop]:
            tokens = block(tokens)
        return tokens

    def layer(self, layer: int | None, *, side: str) -> int:
        """A zero-based block; None is the last.

        Raises:
            InputError: no such block.
        """
        count = len(self.blocks)
        if layer is None:
            return count - 1
        if isinstance(layer, bool) or not 0 <= layer < count:
            raise InputError(
                f"layer must be from 0 to {count - 1} for the {side} side of this model; got "
                f"{layer}."
            )
        return layer

    @torch.no_grad()
    def sides(
        self, hidden: torch.Tensor, reference: torch.Tensor, *, layer: int, pooled: int
    ) -> list[Side]:
        """One side for each of "batch tokens hidden", all pooled at the same token."""
        embeddings = self.head(self.run(hidden, layer), pooled)
        closed = self.last() if self.last and layer == len(self.blocks) - 1 else None

        def rest(tokens: torch.Tensor) -> torch.Tensor:
            return self.run(tokens, layer)

        return [
            Side(
                hidden=one,
                reference=reference,
                pooled=pooled,
                rest=rest,
                head=self.head,
                closed=closed,
                embedding=embedding,
                has_cls=self.has_cls,
                depth=len(self.blocks) - layer,
            )
            for one, embedding in zip(hidden, embeddings, strict=True)
        ]


@dataclass(frozen=True)
class Side:
    """One image or one text, as tokens at the input of a block.

    Attributes:
        hidden: the tokens, "tokens hidden"; of a causal text those up to the pooled one.
        reference: the tokens of the reference (nothing to see, nothing said), "tokens hidden".
        pooled: index of the token that becomes the embedding; 0 where a head attends instead.
        rest: the blocks from here on.
        head: pooling and projection.
        closed: what the closed form needs; None where it does not apply.
        embedding: of the input, not normalised, "dimensions".
        has_cls: whether token 0 is an image's CLS, which is no patch.
        depth: how many blocks there are from here on.
    """

    hidden: torch.Tensor
    reference: torch.Tensor
    pooled: int
    rest: Block
    head: Callable[[torch.Tensor, int], torch.Tensor]
    closed: LastBlock | None
    embedding: torch.Tensor
    has_cls: bool
    depth: int

    @property
    def norm(self) -> float:
        """Length of the input's embedding."""
        return float(self.embedding.norm())

    def tail(self, tokens: torch.Tensor) -> torch.Tensor:
        """From here to the un-normalised embedding: "nodes tokens hidden" to "nodes dimensions"."""
        return self.head(self.rest(tokens), self.pooled)

    def project(self, tokens: torch.Tensor) -> torch.Tensor:
        """Each token as if it alone were pooled: "tokens hidden" to "tokens dimensions"."""
        return self.head(tokens[:, None], 0)


def pooling_head(
    norm: Callable[[torch.Tensor], torch.Tensor] | None,
    project: Callable[[torch.Tensor], torch.Tensor],
) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """A `Tower.head` that pools one token, norms it if there is a norm, and projects it."""

    def head(tokens: torch.Tensor, pooled: int) -> torch.Tensor:
        one = tokens[:, pooled]
        return project(one if norm is None else norm(one))

    return head


def causal_mask(tokens: torch.Tensor) -> torch.Tensor:
    """Additive mask "1 1 tokens tokens" that hides what comes later."""
    count = tokens.shape[1]
    lowest = torch.finfo(tokens.dtype).min
    hidden = torch.full((count, count), lowest, dtype=tokens.dtype, device=tokens.device)
    return hidden.triu(1)[None, None]
