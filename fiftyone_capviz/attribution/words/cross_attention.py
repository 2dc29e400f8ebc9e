"""Raw cross-attention: where each word looks, whether or not it matters to the score.

Formulas: docs/methods.md, section 2.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fiftyone_capviz.attribution.words.taps import CrossAttention, reading_taps
from fiftyone_capviz.models.interfaces import CaptionAttention, MatchAttention


@torch.no_grad()
def read_matcher_attention(
    matcher: MatchAttention,
    features: torch.Tensor,
    *,
    texts: Sequence[str],
    layers: Sequence[int],
    use_enc: bool = True,
) -> CrossAttention:
    """Cross-attention of the matcher; row t is the token's own."""
    tokens = matcher.tokens(texts, use_enc=use_enc)
    with reading_taps(matcher, layers) as taps:
        logits = matcher.match_logits(features, tokens)
        attention = torch.stack([tap.attention for tap in taps])[..., 1:]
    return CrossAttention(attention, None, tokens.mask, tokens.offsets, logits, tokens.cut)


@torch.no_grad()
def read_captioner_attention(
    captioner: CaptionAttention,
    features: torch.Tensor,
    *,
    texts: Sequence[str],
    layers: Sequence[int],
) -> CrossAttention:
    """Cross-attention of the captioner at the moment at which it predicts each token.

    The row that predicts token t is that of token t-1; rows are moved so that row t belongs to
    token t, and row 0 is zero.
    """
    tokens = captioner.tokens(texts)
    with reading_taps(captioner, layers) as taps:
        captioner.token_logits(features, tokens)
        attention = torch.stack([tap.attention for tap in taps])[..., 1:]
    rows = predicted_rows(attention)
    return CrossAttention(rows, None, tokens.mask, tokens.offsets, None, tokens.cut)


def predicted_rows(values: torch.Tensor) -> torch.Tensor:
    """Move rows from the predicting token to the predicted one: "... tokens patches"."""
    moved = torch.zeros_like(values)
    moved[..., 1:, :] = values[..., :-1, :]
    return moved
