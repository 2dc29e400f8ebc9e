"""BLIP-base and SAM ViT-B with random weights, saved as the published checkpoints are.

Random weights give no captions or masks worth a look, but shapes, memory and time of the real
thing. Three things are planted, or there would be nothing to work on: the language head is
sharpened (random ones have near-ties), it ends after about ten word pieces, and the mask decoder
makes masks of a few percent of the image instead of half of it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from segment_anything import sam_model_registry
from segment_anything.modeling import Sam
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
)

from fiftyone_capviz.models.segmenters.automatic_masks import decode_prompts, encode_image

BERT_SIZE = 30_522  # then [DEC] and [ENC]
SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
WORD_LENGTH = 10
SHARPNESS = 40.0
IMAGE_SHARE = 3.0


def save_blip(folder: Path, kind: str, words: list[str], *, seed: int = 0) -> Path:
    """Save a BLIP-base "captioner" or "matcher" that knows these words."""
    torch.manual_seed(seed)
    config = BlipConfig()  # transformers' defaults are BLIP-base
    config.vision_config.initializer_range = 0.02  # theirs is 1e-10: all images alike
    vocabulary = _vocabulary(words)
    config.text_config.bos_token_id = BERT_SIZE
    config.text_config.sep_token_id = config.text_config.eos_token_id = 102
    config.text_config.pad_token_id = 0
    classes = {"captioner": BlipForConditionalGeneration, "matcher": BlipForImageTextRetrieval}
    model = classes[kind](config).eval()
    _look_at_the_image(model)
    if kind == "captioner":
        _plant_an_end(model, [i for i, word in enumerate(vocabulary) if word.isalpha()])
    folder.mkdir(parents=True)
    file = folder / "vocab.txt"
    file.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    BertTokenizer(str(file), do_lower_case=True, model_max_length=512).save_pretrained(str(folder))
    BlipImageProcessor().save_pretrained(str(folder))  # 384 x 384, as BLIP's
    model.save_pretrained(str(folder))
    return folder


def save_sam_vit_b(file: Path, photo: Image.Image, *, seed: int = 0) -> dict[str, float]:
    """Save a SAM ViT-B as segment_anything publishes it, one .pth file.

    Returns:
        ``pred_iou_thresh`` and ``stability_score_thresh`` that nine in ten masks of the
        photo pass, each.
    """
    torch.manual_seed(seed)
    model = sam_model_registry["vit_b"]().eval().requires_grad_(False)
    for parameter in model.mask_decoder.parameters():
        parameter *= 3
    embedding, (height, width) = encode_image(model, photo)
    spots = np.random.default_rng(seed).random((16, 2)) * (width, height)
    _plant_small_masks(model, embedding, spots[:4])
    _, ious, _ = decode_prompts(model, embedding, spots, iou_above=0)
    last = model.mask_decoder.iou_prediction_head.layers[-1]
    scale = 0.1 / float(ious.std())
    last.weight *= scale
    last.bias -= float(ious.mean())
    last.bias *= scale
    last.bias += 0.5
    logits, ious, _ = decode_prompts(model, embedding, spots, iou_above=0)
    inner, outer = (logits > 1).sum((-1, -2)), (logits > -1).sum((-1, -2)).clamp_min(1)
    torch.save(model.state_dict(), file)
    return {
        "pred_iou_thresh": round(float(ious.quantile(0.1)), 3),
        "stability_score_thresh": round(float((inner / outer).quantile(0.1)), 3),
    }


def words_of(captions: str) -> list[str]:
    """The distinct words of a text, the most frequent first."""
    words, counts = np.unique(re.findall("[a-z]+", captions.lower()), return_counts=True)
    return [str(word) for word in words[np.argsort(-counts, kind="stable")]]


def _vocabulary(words: list[str]) -> list[str]:
    """As long as BERT's, its special tokens where BERT has them."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    prompt = ["a", "picture", "of"]
    known = list(dict.fromkeys([*prompt, *words, *letters, *(f"##{each}" for each in letters)]))
    ids = {position: token for position, token in SPECIAL.items()}
    free = (position for position in range(104, BERT_SIZE))
    ids |= dict(zip(free, known, strict=False))
    return [ids.get(i, f"[unused{i}]") for i in range(BERT_SIZE)] + ["[DEC]", "[ENC]"]


@torch.no_grad()
def _look_at_the_image(model: torch.nn.Module) -> None:
    """Random cross-attention hardly matters: every image would get the same caption."""
    for name, parameter in model.named_parameters():
        if name.endswith("crossattention.output.dense.weight"):
            parameter.mul_(IMAGE_SHARE)


@torch.no_grad()
def _plant_an_end(model: BlipForConditionalGeneration, allowed: list[int]) -> None:
    """Sharpen the head, allow only words, and raise [SEP] from a certain position on.

    The direction in which the head's input moves with the position is measured, and [SEP]'s row
    of the (untied) head points there.
    """
    head = model.text_decoder.cls.predictions
    rows = head.decoder.weight.clone()
    rows /= rows.norm(dim=1, keepdim=True).clamp_min(1e-6)  # the padding row is zero
    pixels = torch.randn(2, 3, 384, 384)
    features = model.vision_model(pixels).last_hidden_state
    chosen = torch.tensor(allowed)[torch.randint(len(allowed), (2, 24))]
    states = []
    handle = head.transform.register_forward_hook(lambda *call: states.append(call[2]))
    model.text_decoder(
        input_ids=chosen,
        attention_mask=torch.ones_like(chosen),
        encoder_hidden_states=features,
    )
    handle.remove()
    late, early = states[0][:, WORD_LENGTH + 4 :], states[0][:, :WORD_LENGTH]
    away = late.mean((0, 1)) - early.mean((0, 1))
    middle = (late.mean((0, 1)) + early.mean((0, 1))) / 2
    away /= (late.mean((0, 1)) - middle) @ away
    bias = torch.full_like(head.decoder.bias, -1e4)
    bias[allowed] = 0.0
    typical = float(
        (SHARPNESS / states[0].norm(dim=-1).mean() * states[0] @ rows.T).max(-1)[0].mean()
    )
    rows *= SHARPNESS / float(states[0].norm(dim=-1).mean())
    rows[102] = 4 * typical * away
    bias[102] = -4 * typical * float(middle @ away)
    head.decoder.weight = torch.nn.Parameter(rows)
    head.decoder.bias.copy_(bias)


@torch.no_grad()
def _plant_small_masks(model: Sam, embedding: torch.Tensor, spots: np.ndarray) -> None:
    """Shift the mask heads' biases until a mask holds about 4 % of the image."""
    biases = [mlp.layers[-1].bias for mlp in model.mask_decoder.output_hypernetworks_mlps]
    before = [bias.clone() for bias in biases]
    low, high = 0.0, 100.0
    for _ in range(14):
        shift = (low + high) / 2
        for bias, old in zip(biases, before, strict=True):
            bias.copy_(old - shift)
        logits, _, _ = decode_prompts(model, embedding, spots, iou_above=0)
        if float((logits > model.mask_threshold).float().mean()) > 0.04:
            low = shift
        else:
            high = shift
