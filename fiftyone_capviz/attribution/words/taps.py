"""What is read from a model's cross-attention, before it becomes maps of words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.interfaces import AttentionAccess
from fiftyone_capviz.records import Span


@dataclass(frozen=True)
class CrossAttention:
    """Cross-attention of a batch of captions over the image patches; the CLS column is dropped.

    Attributes:
        attention: Float "layers captions heads tokens patches"; row t belongs to token t.
        gradient: of the target with respect to the attention, same shape; None if not asked for.
        mask: int "captions tokens", 0 for padding.
        offsets: for each caption, each token's character span in the text that was read.
        logits: the matching head's "captions 2", or None for a captioner.
        cut: for each caption, how many of its tokens were over the limit and were not read; empty
            where that was not counted.
    """

    attention: torch.Tensor
    gradient: torch.Tensor | None
    mask: torch.Tensor
    offsets: tuple[tuple[Span, ...], ...]
    logits: torch.Tensor | None
    cut: tuple[int, ...] = ()


class ReadTap:
    """Keeps the probabilities that pass.

    Attributes:
        attention: Float "images heads tokens image-tokens", after a pass.
    """

    attention: torch.Tensor

    def __call__(self, attention: torch.Tensor) -> torch.Tensor:
        """Keep the probabilities, and pass them on."""
        self.attention = attention
        return attention


class LeafTap:
    """Makes the probabilities a leaf: the graph of gradients begins here.

    Only the work above its layer is recorded, so a backward pass to a late layer is cheap.
    """

    attention: torch.Tensor

    def __call__(self, attention: torch.Tensor) -> torch.Tensor:
        """Keep the probabilities as a fresh leaf, and pass it on."""
        self.attention = attention.detach().requires_grad_(True)
        return self.attention


class ZeroTap:
    """Adds a leaf of zeros to the probabilities: several layers can be tapped at once."""

    attention: torch.Tensor
    zeros: torch.Tensor

    def __call__(self, attention: torch.Tensor) -> torch.Tensor:
        """Keep the probabilities and the zeros, and pass their sum on."""
        self.attention = attention.detach()
        self.zeros = torch.zeros_like(attention).requires_grad_(True)
        return attention + self.zeros


@contextmanager
def reading_taps(model: AttentionAccess, layers: Sequence[int]) -> Iterator[list[ReadTap]]:
    """Read the probabilities of these layers while the block runs."""
    taps = [ReadTap() for _ in layers]
    with model.tapped(dict(zip(layers, taps, strict=True))):
        yield taps


@contextmanager
def gradient_taps(
    model: AttentionAccess, layers: Sequence[int]
) -> Iterator[list[LeafTap] | list[ZeroTap]]:
    """Probabilities that a gradient can be taken of; one layer is cheaper than several."""
    taps: list[LeafTap] | list[ZeroTap]
    taps = [LeafTap()] if len(layers) == 1 else [ZeroTap() for _ in layers]
    with model.tapped(dict(zip(layers, taps, strict=True))), torch.enable_grad():
        yield taps


def gradients_of(
    target: torch.Tensor, taps: list[LeafTap] | list[ZeroTap]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention and gradient of a scalar target, "layers captions heads tokens patches"."""
    leaves = [tap.zeros if isinstance(tap, ZeroTap) else tap.attention for tap in taps]
    gradients = torch.autograd.grad(target, leaves)
    attention = torch.stack([tap.attention.detach() for tap in taps])
    return attention[..., 1:], torch.stack(gradients)[..., 1:]


def chosen_layers(layer: int | None, *, default: int, count: int) -> list[int]:
    """The layer to read; -1 is all of them.

    Raises:
        InputError: no such layer.
    """
    if layer is None:
        return [default]
    if layer == ALL_LAYERS:
        return list(range(count))
    if not 0 <= layer < count:
        raise InputError(f"layer must be from 0 to {count - 1} for this model; got {layer}.")
    return [layer]


ALL_LAYERS = -1
"""Stands for every layer at once."""
