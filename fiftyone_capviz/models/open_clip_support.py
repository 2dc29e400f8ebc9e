"""Which models of open_clip can be attributed: what they are made of, and what they give."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from fiftyone_capviz.errors import CheckpointError
from fiftyone_capviz.models.dual_encoder import TowerEncoder

_TOLERANCE, _HALF_TOLERANCE = 1e-3, 0.05
"""Distance of unit vectors: more than a precision loses, less than another architecture."""


def require_support(model: Any, text: Any, spec: str) -> None:
    """Raise CheckpointError unless both sides are transformers whose tokens can be attributed."""
    visual = model.visual
    pooling = getattr(text, "pool_type", None) or getattr(text, "text_pool_type", None)
    grid = getattr(visual, "grid_size", (1, 2))
    if not hasattr(visual, "transformer") or not hasattr(text, "transformer"):
        raise CheckpointError(
            f"Both sides of a dual encoder must be transformers here; {spec!r} has another vision "
            "or text model. Use a ViT of open_clip, or a model of transformers."
        )
    if getattr(text, "cls_emb", None) is not None:
        raise CheckpointError(
            f"The text side must pool its end token; {spec!r} appends a token of its own and pools "
            "that (CoCa). Use a CLIP of open_clip, or a model of transformers."
        )
    if pooling != "argmax" or getattr(text, "attn_mask", None) is None:
        raise CheckpointError(
            f"The text side must be causal and pool its end token; {spec!r} pools {pooling!r}. "
            "Use a CLIP of open_clip, or the model's version for transformers."
        )
    if visual.proj is None or text.text_projection is None:
        raise CheckpointError(
            f"A dual encoder needs a projection head on both sides; {spec!r} has none. Use a "
            "checkpoint with its projection."
        )
    if grid[0] != grid[1]:
        raise CheckpointError(
            f"Images must be square; {spec!r} has a grid of {tuple(grid)}. Use another model."
        )


@torch.no_grad()
def require_own_outputs(encoder: TowerEncoder, model: Any) -> None:
    """Raise CheckpointError unless both sides give what the model itself gives.

    An architecture that is built of the same parts in another way is found out by this.

    Args:
        encoder: ours.
        model: of open_clip.
    """
    edge, limit = int(model.visual.image_size[0]), int(model.context_length)
    noise = torch.randn(1, 3, edge, edge, generator=torch.Generator().manual_seed(0))
    batch = encoder.tokens(["a photo of a dog"])
    ids = functional.pad(batch.ids, (0, limit - batch.ids.shape[1])).to(encoder.device)
    pixels = noise.to(encoder.device, encoder.dtype)
    pairs = {
        "images": (encoder.encode_pixels(noise), model.encode_image(pixels, normalize=True)),
        "texts": (encoder.encode_tokens(batch), model.encode_text(ids, normalize=True)),
    }
    half = encoder.dtype in (torch.float16, torch.bfloat16)
    for side, (ours, own) in pairs.items():
        away = float((ours.double() - own.double()).norm())
        if not away < (_HALF_TOLERANCE if half else _TOLERANCE):
            raise CheckpointError(
                f"{encoder.spec!r} turns {side} into vectors in a way that is not known here: they "
                f"are {away:.2g} away from the model's own. Use a CLIP of open_clip, or a model of "
                "transformers."
            )
