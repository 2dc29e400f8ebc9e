"""ITM Grad-CAM: how the match score depends on what each word attends to (METHODS 1.2, 1.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fiftyone_capviz.attribution.readings import Reading, gradient_taps, gradients_of
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.interfaces import Matcher

TARGETS = ("logit", "margin")
"""What is differentiated: the match logit (LAVIS), or match minus no-match. The probability is not
offered: its gradient vanishes where the model is sure."""


def read_itm_gradients(
    matcher: Matcher,
    features: torch.Tensor,
    *,
    texts: Sequence[str],
    layers: Sequence[int],
    target: str = "logit",
    use_enc: bool = True,
) -> Reading:
    """Cross-attention and its gradient, from one forward and one short backward pass.

    The target is summed over the batch; as pairs do not see each other this is exact for each.

    Args:
        matcher: frozen, in eval mode.
        features: "images 1+p*p hidden".
        texts: one per image.
        layers: zero-based text layers.
        target: one of `TARGETS`.
        use_enc: begin with [ENC] instead of [CLS].
    """
    if target not in TARGETS:
        raise InputError(f"target must be one of {', '.join(TARGETS)}; got {target!r}.")
    tokens = matcher.tokens(texts, use_enc=use_enc)
    attentions = [matcher.cross_attentions[layer] for layer in layers]
    with gradient_taps(attentions) as taps:
        logits = matcher.match_logits(features, tokens)
        wanted = logits[:, 1] if target == "logit" else logits[:, 1] - logits[:, 0]
        attention, gradient = gradients_of(wanted.sum(), taps)
    # Padding attends to the image too; what it sees is nobody's.
    gradient = gradient * tokens.mask[:, None, :, None].to(gradient.dtype)
    return Reading(attention, gradient, tokens.mask, tokens.offsets, logits.detach())
