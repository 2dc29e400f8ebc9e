"""How words are attributed to patches by cross-attention: what can be chosen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WordMethod:
    """One way of attributing words.

    Attributes:
        source: "itm", by the matcher, or "lm", by the captioner.
        method: "gradcam" or "cross_attention".
        layer: zero-based; None is the model's default.
        head: zero-based; None is the mean of all heads.
        clamp: "none", signed maps (seed paper); "grad", negative gradients count as 0 (LAVIS);
            "product", negative products count as 0. Only Grad-CAM has signs.
        use_enc: a matcher's text begins with [ENC] instead of [CLS].
        target: what Grad-CAM differentiates in a matcher: "logit", or "margin" over no match.
    """

    source: str = "itm"
    method: str = "gradcam"
    layer: int | None = None
    head: int | None = None
    clamp: str = "none"
    use_enc: bool = True
    target: str = "logit"
