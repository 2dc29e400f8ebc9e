"""The sizes of the bundled models: stock classes, small configurations.

Everything here is saved in the layout of a hub checkpoint (configuration, weights, tokenizer and
image processor in one folder), so that the bundled models and a user's own take the same path.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from segment_anything.modeling import Sam
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    PreTrainedModel,
)

from fiftyone_capviz.models.segmenters.sam_architecture import build_sam
from fiftyone_capviz.scenes.wording import WORDS

IMAGE_SIZE = 96
PATCH_SIZE = 8
HIDDEN = 128
VISION_LAYERS = 3
DECODER_LAYERS = 3
MATCHER_LAYERS = 4
CLIP_LAYERS = 2
MAX_TOKENS = 40

# Words that the tokenizer splits, so that the word-piece path runs in the bundled world too.
PIECES = {"sunglasses": ("sung", "##lasses"), "umbrella": ("umb", "##rella")}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MEAN, STD = 0.5, 0.25

SAM_CONFIG: dict[str, Any] = {
    "model_type": "segment_anything",
    "image_size": 128,
    "patch_size": 8,
    "encoder_embed_dim": 128,
    "encoder_depth": 4,
    "encoder_num_heads": 4,
    "encoder_global_attn_indexes": [1, 3],
    "encoder_window_size": 8,
    "transformer_dim": 64,
    "decoder_depth": 2,
    "decoder_num_heads": 4,
    "decoder_mlp_dim": 256,
    "iou_head_hidden_dim": 64,
    "pixel_mean": [127.5, 127.5, 127.5],
    "pixel_std": [64.0, 64.0, 64.0],
    # What SamAutomaticMaskGenerator should be given for this checkpoint.
    "points_per_side": 12,
    "pred_iou_thresh": 0.5,
    "stability_score_thresh": 0.65,
}


def vocabulary() -> list[str]:
    """Word pieces of the grammar; ids follow the order, [DEC] and [ENC] come last as in BLIP."""
    pieces: list[str] = []
    for word in ("picture", "of", *WORDS):
        pieces.extend(PIECES.get(word, (word,)))
    return [*SPECIAL, *dict.fromkeys(pieces), "[DEC]", "[ENC]"]


def save_tokenizer(folder: Path) -> BertTokenizer:
    """Write the tokenizer's files into the folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "vocab.txt"
    path.write_text("\n".join(vocabulary()) + "\n", encoding="utf-8")
    made = BertTokenizer(str(path), do_lower_case=True, model_max_length=MAX_TOKENS)
    made.save_pretrained(str(folder))
    return made


def blip_config(*, text_layers: int, attribution_layer: int) -> BlipConfig:
    """BLIP at the size of the scenes; token ids follow the vocabulary.

    Args:
        text_layers: layers of decoder or text encoder.
        attribution_layer: zero-based, the one that grounds best (see the model card).
    """
    words = vocabulary()
    ids = {word: index for index, word in enumerate(words)}
    return BlipConfig(
        text_config={
            "vocab_size": len(words),
            "hidden_size": HIDDEN,
            "encoder_hidden_size": HIDDEN,
            "intermediate_size": 4 * HIDDEN,
            "projection_dim": 64,
            "num_hidden_layers": text_layers,
            "num_attention_heads": 4,
            "max_position_embeddings": MAX_TOKENS,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "initializer_range": 0.02,
            "bos_token_id": ids["[DEC]"],
            "eos_token_id": ids["[SEP]"],
            "sep_token_id": ids["[SEP]"],
            "pad_token_id": ids["[PAD]"],
        },
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 4 * HIDDEN,
            "num_hidden_layers": VISION_LAYERS,
            "num_attention_heads": 4,
            "image_size": IMAGE_SIZE,
            "patch_size": PATCH_SIZE,
            "initializer_range": 0.02,
        },
        projection_dim=64,
        image_text_hidden_size=64,
        capviz_attribution_layer=attribution_layer,
    )


def build_captioner() -> BlipForConditionalGeneration:
    """The bundled captioner, untrained."""
    return BlipForConditionalGeneration(
        blip_config(text_layers=DECODER_LAYERS, attribution_layer=0)
    )


def build_matcher() -> BlipForImageTextRetrieval:
    """The bundled matcher with ITM and ITC heads, untrained."""
    config = blip_config(text_layers=MATCHER_LAYERS, attribution_layer=1)
    return BlipForImageTextRetrieval(config)


def build_clip() -> CLIPModel:
    """The bundled dual encoder, untrained."""
    words = vocabulary()
    return CLIPModel(
        CLIPConfig(
            text_config={
                "vocab_size": len(words),
                "hidden_size": HIDDEN,
                "intermediate_size": 4 * HIDDEN,
                "num_hidden_layers": CLIP_LAYERS,
                "num_attention_heads": 4,
                "max_position_embeddings": MAX_TOKENS,
                "projection_dim": HIDDEN,
                "bos_token_id": words.index("[CLS]"),
                "eos_token_id": words.index("[SEP]"),
                "pad_token_id": words.index("[PAD]"),
            },
            vision_config={
                "hidden_size": HIDDEN,
                "intermediate_size": 4 * HIDDEN,
                "num_hidden_layers": CLIP_LAYERS,
                "num_attention_heads": 4,
                "image_size": IMAGE_SIZE,
                "patch_size": PATCH_SIZE,
                "projection_dim": HIDDEN,
            },
            projection_dim=HIDDEN,
            # Blocks gather: behind the first, the end of a text holds what its words say, and
            # patches hold their neighbours. At the input, each speaks of itself.
            capviz_attribution_layer=0,
            capviz_text_attribution_layer=0,
        )
    )


def save_model(model: PreTrainedModel, folder: Path) -> None:
    """Save a transformers model as float16 safetensors with tokenizer and image processor."""
    save_tokenizer(folder)
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    mean, std = [MEAN] * 3, [STD] * 3
    if isinstance(model, CLIPModel):
        CLIPImageProcessor(
            size={"shortest_edge": IMAGE_SIZE}, crop_size=size, image_mean=mean, image_std=std
        ).save_pretrained(str(folder))
    else:
        BlipImageProcessor(size=size, image_mean=mean, image_std=std).save_pretrained(str(folder))
    dtype = next(model.parameters()).dtype
    model.half().save_pretrained(str(folder), safe_serialization=True)
    model.to(dtype)


def save_sam(model: Sam, folder: Path) -> None:
    """Save a Sam as float16 safetensors beside its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(SAM_CONFIG, indent=2) + "\n", encoding="utf-8")
    state = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, str(folder / "model.safetensors"))


def save_random(kind: str, folder: Path, *, seed: int = 0) -> Path:
    """Save an untrained bundled model: "captioner", "matcher", "clip" or "sam". For tests."""
    torch.manual_seed(seed)
    if kind == "sam":
        save_sam(build_sam(SAM_CONFIG), folder)
    else:
        builders = {"captioner": build_captioner, "matcher": build_matcher, "clip": build_clip}
        save_model(builders[kind](), folder)
    return folder
