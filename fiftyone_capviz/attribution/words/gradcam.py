"""Grad-CAM of cross-attention: what a match score, or each word of a caption, owes to the image.

ITM-side, one backward pass from the match score serves every word. LM-side, the target of the
token at t+1 is its log-probability, predicted by row t. One backward pass over the sum of all
targets would mix them, because row t also serves later words as key and value. So the captioner
keeps gradients on a token's own row (`CaptionAttention.own_rows`); then one backward pass is exact
for every word and every layer.

Formulas: docs/methods.md, sections 2.4, 2.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fiftyone_capviz.attribution.words.cross_attention import predicted_rows
from fiftyone_capviz.attribution.words.taps import CrossAttention, gradient_taps, gradients_of
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.interfaces import CaptionAttention, MatchAttention

TARGETS = ("logit", "margin")
"""What is differentiated: the match logit (LAVIS), or match minus no-match. The probability is not
offered: its gradient vanishes where the model is sure."""


def read_itm_gradients(
    matcher: MatchAttention,
    features: torch.Tensor,
    *,
    texts: Sequence[str],
    layers: Sequence[int],
    target: str = "logit",
    use_enc: bool = True,
) -> CrossAttention:
    """Cross-attention and its gradient, from one forward and one short backward pass.

    The target is summed over the batch; as pairs do not see each other this is exact for each.

    Args:
        matcher: frozen, in eval mode.
        features: "images 1+patches hidden".
        texts: one per image.
        layers: zero-based text layers.
        target: one of `TARGETS`.
        use_enc: begin with [ENC] instead of [CLS].
    """
    if target not in TARGETS:
        raise InputError(f"target must be one of {', '.join(TARGETS)}; got {target!r}.")
    tokens = matcher.tokens(texts, use_enc=use_enc)
    with gradient_taps(matcher, layers) as taps:
        logits = matcher.match_logits(features, tokens)
        wanted = logits[:, 1] if target == "logit" else logits[:, 1] - logits[:, 0]
        attention, gradient = gradients_of(wanted.sum(), taps)
    # Padding attends to the image too; what it sees is nobody's.
    gradient = gradient * tokens.mask[:, None, :, None].to(gradient.dtype)
    return CrossAttention(
        attention, gradient, tokens.mask, tokens.offsets, logits.detach(), tokens.cut
    )


def read_lm_gradients(
    captioner: CaptionAttention,
    features: torch.Tensor,
    *,
    texts: Sequence[str],
    layers: Sequence[int],
) -> CrossAttention:
    """Cross-attention and its gradient for every token, from one forward and one backward pass.

    Args:
        captioner: frozen, in eval mode.
        features: "images 1+patches hidden".
        texts: one per image, with the prompt before it.
        layers: zero-based decoder layers.

    Returns:
        Rows moved to the token that they predict; row 0 is zero.
    """
    tokens = captioner.tokens(texts)
    with captioner.own_rows(), gradient_taps(captioner, layers) as taps:
        logits = captioner.token_logits(features, tokens)
        precise = logits if logits.dtype == torch.float64 else logits.float()
        picked = precise[:, :-1].log_softmax(-1).gather(-1, tokens.ids[:, 1:, None])[..., 0]
        target = (picked * tokens.mask[:, 1:]).sum()
        attention, gradient = gradients_of(target, taps)
    return CrossAttention(
        predicted_rows(attention),
        predicted_rows(gradient),
        tokens.mask,
        tokens.offsets,
        None,
        tokens.cut,
    )
