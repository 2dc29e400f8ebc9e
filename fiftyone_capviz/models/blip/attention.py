"""BLIP's text attention, read, differentiated and weighted: its `AttentionAccess`.

Where BLIP lets us in is its own business: the inactive attention dropout stands between the
probabilities and the values, and a mask that its text attention adds arrives as an argument.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

import torch
from torch import nn
from transformers.models.blip.modeling_blip_text import BlipTextAttention, BlipTextSelfAttention

from fiftyone_capviz.models.interfaces import Tap
from fiftyone_capviz.models.patching import replaced


class BlipAttentionAccess(ABC):
    """Taps and weights on the cross-attention of a BLIP text model."""

    @property
    @abstractmethod
    def cross_attentions(self) -> list[BlipTextSelfAttention]:
        """The cross-attention of each layer."""

    def tapped(self, taps: Mapping[int, Tap]) -> AbstractContextManager[None]:
        """Send the probabilities of these layers through taps; see `AttentionAccess`."""
        attentions = [self.cross_attentions[layer] for layer in taps]
        return replaced(attentions, "dropout", [_TapModule(tap) for tap in taps.values()])

    def weighted(self, bias: torch.Tensor | None) -> AbstractContextManager[None]:
        """Add a bias to the logits of every layer; see `AttentionAccess`."""
        return attention_bias(self.cross_attentions, bias)


class _TapModule(nn.Module):
    """Stands in for the inactive attention dropout."""

    def __init__(self, tap: Tap) -> None:
        super().__init__()
        self.tap = tap

    def forward(self, probabilities: torch.Tensor) -> torch.Tensor:
        """What the tap makes of the probabilities."""
        return self.tap(probabilities)


@contextmanager
def attention_bias(attentions: Sequence[nn.Module], bias: torch.Tensor | None) -> Iterator[None]:
    """Add a bias to the logits of BLIP's cross-attention layers.

    transformers 5.23 drops the ``encoder_attention_mask`` that a caller gives, but its attention
    adds one that arrives (docs/methods.md, 5.4); a test watches for the day this changes.

    Args:
        attentions: the `BlipTextSelfAttention` of each layer's cross-attention.
        bias: Float "images 1 1 tokens", 0 leaves a token as it is; None changes nothing. Rows are
            repeated where beams stand for one image.
    """
    if bias is None:
        yield
        return

    def add(
        _: nn.Module, args: tuple[torch.Tensor, ...], options: dict[str, object]
    ) -> tuple[tuple[torch.Tensor, ...], dict[str, object]]:
        rows = (args[0] if args else options["hidden_states"]).shape[0]  # type: ignore[attr-defined]
        repeats = rows // bias.shape[0]
        options["encoder_attention_mask"] = bias.repeat_interleave(repeats, 0)
        return args, options

    with ExitStack() as stack:
        for attention in attentions:
            hook = attention.register_forward_pre_hook(add, with_kwargs=True)
            stack.callback(hook.remove)
        yield


def own_rows(blocks: Sequence[BlipTextAttention]) -> AbstractContextManager[None]:
    """Self-attention whose gradients stay on a token's own row; see `CaptionAttention`."""
    return replaced(blocks, "self", [OwnRowSelfAttention(block.self) for block in blocks])


class OwnRowSelfAttention(nn.Module):
    """BLIP's text self-attention, whose gradient reaches a token's own key and value only.

    Forward: identical. Backward: keys and values of other tokens count as constants.
    """

    def __init__(self, attention: BlipTextSelfAttention) -> None:
        super().__init__()
        self.attention: BlipTextSelfAttention = attention

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        **_: object,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Attend; returns the context "captions tokens hidden" and the probabilities."""
        source = self.attention
        shape = (
            *hidden_states.shape[:-1], source.num_attention_heads, source.attention_head_size,
        )  # fmt: skip
        query, key, value = (
            project(hidden_states).view(shape).transpose(1, 2)
            for project in (source.query, source.key, source.value)
        )
        scores = query @ key.detach().transpose(-1, -2)
        scores = scores + torch.diag_embed((query * (key - key.detach())).sum(-1))
        scores = scores / math.sqrt(source.attention_head_size)
        if attention_mask is not None:
            scores = scores + attention_mask
        probabilities = scores.softmax(-1)
        own = probabilities.diagonal(dim1=-2, dim2=-1)[..., None]
        context = probabilities @ value.detach() + own * (value - value.detach())
        return context.transpose(1, 2).flatten(2), probabilities
