"""Builds segment_anything's own ``Sam`` at any size, from a configuration or from its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)

from fiftyone_capviz.errors import CheckpointError

STOCK_PIXEL_MEAN = (123.675, 116.28, 103.53)
STOCK_PIXEL_STD = (58.395, 57.12, 57.375)
"""Of the published checkpoints; weights do not hold them."""

STOCK_DECODER_HEADS = 8
STOCK_WINDOW = 14

_BLOCK = re.compile(r"image_encoder\.blocks\.(\d+)\.attn\.rel_pos_h")
_DECODER_LAYER = re.compile(r"mask_decoder\.transformer\.layers\.(\d+)\.mlp\.lin1\.weight")


def build_sam(config: Mapping[str, Any]) -> Sam:
    """An untrained ``Sam``; the keys are those of a bundled ``config.json``."""
    dim, size, patch = config["transformer_dim"], config["image_size"], config["patch_size"]
    return Sam(
        image_encoder=ImageEncoderViT(
            img_size=size,
            patch_size=patch,
            embed_dim=config["encoder_embed_dim"],
            depth=config["encoder_depth"],
            num_heads=config["encoder_num_heads"],
            mlp_ratio=4,
            out_chans=dim,
            qkv_bias=True,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=config["encoder_window_size"],
            global_attn_indexes=tuple(config["encoder_global_attn_indexes"]),
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=dim,
            image_embedding_size=(size // patch, size // patch),
            input_image_size=(size, size),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(
                depth=config["decoder_depth"],
                embedding_dim=dim,
                mlp_dim=config["decoder_mlp_dim"],
                num_heads=config["decoder_num_heads"],
            ),
            transformer_dim=dim,
            iou_head_depth=3,
            iou_head_hidden_dim=config["iou_head_hidden_dim"],
        ),
        pixel_mean=list(config["pixel_mean"]),
        pixel_std=list(config["pixel_std"]),
    )


def infer_config(state: Mapping[str, torch.Tensor], *, name: str) -> dict[str, Any]:
    """The configuration that these weights were trained with, read from their shapes.

    This is how ``sam_vit_b_01ec64.pth`` and its like are loaded without being told their size.
    What no shape tells is taken from the published models: 8 decoder heads, pixel mean and
    deviation.

    Args:
        state: weights of a ``Sam``, by name.
        name: of the checkpoint, for the message.

    Returns:
        What `build_sam` takes.

    Raises:
        CheckpointError: these are not the weights of a ``Sam``.
    """
    try:
        return _read_shapes(state)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        first = next(iter(state), "none")
        raise CheckpointError(
            f"The segmenter needs Segment Anything weights (ViT-B, -L or -H); {name!r} holds "
            f"others (first weight: {first!r}). Use e.g. sam_vit_b_01ec64.pth."
        ) from error


def _read_shapes(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    dim, _, patch, _ = state["image_encoder.patch_embed.proj.weight"].shape
    _, grid, _, _ = state["image_encoder.pos_embed"].shape
    # A block's relative positions reach as far as its attention: the whole grid, or a window.
    reaches = {
        int(match[1]): (tensor.shape[0] + 1) // 2
        for key, tensor in state.items()
        if (match := _BLOCK.fullmatch(key))
    }
    layers = [int(match[1]) for key in state if (match := _DECODER_LAYER.fullmatch(key))]
    windows = [reach for reach in reaches.values() if reach != grid]
    return {
        "model_type": "segment_anything",
        "image_size": grid * patch,
        "patch_size": patch,
        "encoder_embed_dim": dim,
        "encoder_depth": max(reaches, default=-1) + 1,
        "encoder_num_heads": dim // state["image_encoder.blocks.0.attn.rel_pos_h"].shape[1],
        "encoder_global_attn_indexes": sorted(
            block for block, reach in reaches.items() if reach == grid
        ),
        "encoder_window_size": windows[0] if windows else STOCK_WINDOW,
        "transformer_dim": state["image_encoder.neck.0.weight"].shape[0],
        "decoder_depth": max(layers) + 1,
        "decoder_num_heads": STOCK_DECODER_HEADS,
        "decoder_mlp_dim": state["mask_decoder.transformer.layers.0.mlp.lin1.weight"].shape[0],
        "iou_head_hidden_dim": state["mask_decoder.iou_prediction_head.layers.0.weight"].shape[0],
        "pixel_mean": list(STOCK_PIXEL_MEAN),
        "pixel_std": list(STOCK_PIXEL_STD),
    }
