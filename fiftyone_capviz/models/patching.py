"""The only place where a loaded model is altered, and only inside a ``with``.

Whatever happens in the block, the model leaves it bit-identical, with no hook on it. While a model
is altered no other thread may use it: callers hold the `ModelCache`'s lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import nn


@contextmanager
def replaced(
    parents: Sequence[nn.Module], name: str, modules: Sequence[nn.Module]
) -> Iterator[None]:
    """Put ``modules[i]`` in the place of the submodule ``name`` of ``parents[i]``."""
    originals = [getattr(parent, name) for parent in parents]
    try:
        for parent, module in zip(parents, modules, strict=True):
            setattr(parent, name, module)
        yield
    finally:
        for parent, original in zip(parents, originals, strict=True):
            setattr(parent, name, original)


@contextmanager
def attention_bias(attentions: Sequence[nn.Module], bias: torch.Tensor | None) -> Iterator[None]:
    """Add a bias to the logits of BLIP's cross-attention layers.

    transformers 5.23 drops the ``encoder_attention_mask`` that a caller gives, but its attention
    adds one that arrives (METHODS 2.3); a test watches for the day this changes.

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
