"""Trains the bundled BLIP captioner and matcher in one run over one shared vision tower.

Losses: next word (captioner), image-text match against one-word swaps, image-text contrast, and
attention alignment, which asks the matcher's cross-attention to put each word's mass on the pixels
it speaks of (training scenes only; the idea of attention supervision as in AMC, arXiv 2206.15462,
applied to the attention itself). The model card says so.

Formulas: docs/methods.md, sections 8.1 to 8.4.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import BlipForConditionalGeneration, BlipForImageTextRetrieval

from fiftyone_capviz.scenes.architectures import build_captioner, build_matcher, save_model
from fiftyone_capviz.scenes.descent import Descent
from fiftyone_capviz.scenes.grammar import default_caption, full_caption, wearing_caption
from fiftyone_capviz.scenes.scene import Scene
from fiftyone_capviz.scenes.swaps import swap_words
from fiftyone_capviz.scenes.training_data import (
    SceneArrays,
    SceneTokens,
    batches,
    draw_scenes,
    word_labels,
)

DEFAULT_PROMPT = "a picture of"
SCENES = 24_000
BATCH = 32
NEGATIVES = 1
# Layers of the matcher (of 4, zero-based) whose attention is aligned: the middle ones. The last
# layer's word rows do not reach the match head.
ALIGNED_LAYERS = (1, 2)
# A patch belongs to a thing that owns at least this share of it (the point game's rule).
PATCH_SHARE = 0.2


@dataclass(frozen=True)
class Round:
    """One cosine of the learning rate over scenes of its own (warm restarts, arXiv 1608.03983).

    Attributes:
        steps: optimiser steps of 32 scenes.
        learning_rate: at its highest.
        alignment: weight of the attention alignment loss.
        accessories: whether a third of the scenes shows accessories.
    """

    steps: int
    learning_rate: float
    alignment: float
    accessories: bool


# The second round is for what is small and rare: hats, ties, bags.
ROUNDS = (Round(6_000, 1e-3, 0.15, False), Round(3_000, 6e-4, 0.3, True))


class AlignedAttention(nn.Module):
    """Stands in for a cross-attention's dropout (0.0 here) and keeps the probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.probabilities: torch.Tensor | None = None

    def forward(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Pass through, remembering."""
        self.probabilities = probabilities
        return probabilities


def train_blip(
    out: Path,
    *,
    device: str = "cpu",
    seed: int = 0,
    steps: int | None = None,
    scenes: int = SCENES,
    log: Callable[[str], None] = print,
) -> None:
    """Train from nothing and save ``out/captioner`` and ``out/matcher``.

    Args:
        out: folder that receives the two checkpoints.
        device: torch device; bfloat16 autocast is used on every device.
        seed: seeds weights, scenes and order.
        steps: optimiser steps of a single round, for trials; None trains all of `ROUNDS`.
        scenes: number of distinct training scenes in each round.
        log: receives a line every 100 steps.
    """
    torch.manual_seed(seed)
    captioner, matcher = build_captioner(), build_matcher()
    rounds = ROUNDS if steps is None else (replace(ROUNDS[0], steps=steps),)
    for number, plan in enumerate(rounds):
        log(f"round {number + 1} of {len(rounds)}")
        data = draw_scenes(scenes, seed=seed + 10 * number, accessories=plan.accessories)
        log(f"drew {scenes} scenes")
        train_round(captioner, matcher, data, plan=plan, device=device, seed=seed, log=log)
        _save(captioner, matcher, out)


def train_round(
    captioner: BlipForConditionalGeneration,
    matcher: BlipForImageTextRetrieval,
    data: SceneArrays,
    *,
    plan: Round,
    device: str,
    seed: int,
    log: Callable[[str], None],
) -> None:
    """Train both models, whose vision tower becomes one, for one round, in place."""
    rng = np.random.default_rng(seed)
    tokens = SceneTokens()
    captioner.to(device).train()
    matcher.to(device).train()
    matcher.vision_model = captioner.vision_model
    attentions = [matcher.text_encoder.encoder.layer[i].crossattention.self for i in ALIGNED_LAYERS]
    dropouts = [attention.dropout for attention in attentions]
    taps = [AlignedAttention() for _ in attentions]
    for attention, tap in zip(attentions, taps, strict=True):
        attention.dropout = tap
    parameters = list({id(p): p for m in (captioner, matcher) for p in m.parameters()}.values())
    descent = Descent(
        parameters, steps=plan.steps, learning_rate=plan.learning_rate, weight_decay=0.02
    )
    started = time.time()
    totals: dict[str, float] = {}
    indices = batches(len(data.scenes), BATCH, plan.steps, rng)
    for step, index in enumerate(indices, start=1):
        pixels = data.pixels(index).to(device)
        chosen = [data.scenes[i] for i in index]
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            features = captioner.vision_model(pixels).last_hidden_state
            losses = {
                "caption": _caption_loss(captioner, features, chosen, tokens, rng),
                **_match_losses(matcher, features, chosen, data, index, tokens, rng, taps),
            }
        losses["align"] = plan.alignment * losses["align"]
        descent.step(torch.stack(list(losses.values())).sum())
        for name, value in losses.items():
            totals[name] = totals.get(name, 0.0) + float(value.detach())
        if step % 100 == 0:
            text = "  ".join(f"{name} {value / 100:.3f}" for name, value in totals.items())
            log(f"step {step}/{plan.steps}  {text}  {time.time() - started:.0f} s")
            totals.clear()
    for attention, dropout in zip(attentions, dropouts, strict=True):
        attention.dropout = dropout


def _save(
    captioner: BlipForConditionalGeneration, matcher: BlipForImageTextRetrieval, out: Path
) -> None:
    """Save fresh copies, so that the shared vision tower is written whole into both files."""
    plain_captioner, plain_matcher = build_captioner(), build_matcher()
    plain_captioner.load_state_dict(captioner.state_dict())
    plain_matcher.load_state_dict(matcher.state_dict())
    save_model(plain_captioner, out / "captioner")
    save_model(plain_matcher, out / "matcher")


def _caption_loss(
    captioner: BlipForConditionalGeneration,
    features: torch.Tensor,
    scenes: list[Scene],
    tokens: SceneTokens,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Next-word loss; what a person wears is told in half of the person captions."""
    rows, prompts = [], []
    for scene in scenes:
        wearing = wearing_caption(scene)
        if wearing is not None and rng.random() < 0.5:
            sentence, prompt = wearing, 0
        else:
            sentence, prompt = f"{DEFAULT_PROMPT} {default_caption(scene)}", 3
        rows.append(tokens.encode(sentence, "[DEC]")[0])
        prompts.append(prompt)
    ids, mask = tokens.pad_batch(rows)
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, 0] = -100
    for row, prompt in enumerate(prompts):
        labels[row, : prompt + 1] = -100
    ids, mask, labels = (t.to(features.device) for t in (ids, mask, labels))
    logits = captioner.text_decoder(
        input_ids=ids, attention_mask=mask, encoder_hidden_states=features
    ).logits
    return F.cross_entropy(
        logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), label_smoothing=0.02
    )


def _match_losses(
    matcher: BlipForImageTextRetrieval,
    features: torch.Tensor,
    scenes: list[Scene],
    data: SceneArrays,
    index: np.ndarray,
    tokens: SceneTokens,
    rng: np.random.Generator,
    taps: list[AlignedAttention],
) -> dict[str, torch.Tensor]:
    """Match, contrast and alignment losses; true captions come first in the batch."""
    device = features.device
    rows, places, image_of, truth = [], [], [], []
    false_rows, false_of = [], []
    for row, scene in enumerate(scenes):
        caption = full_caption(scene, rng)
        row_ids, words = tokens.encode(caption, "[ENC]")
        rows.append(row_ids)
        labels = word_labels(caption, scene)
        places.append([None if word < 0 else labels[word] for word in words])
        image_of.append(row)
        truth.append(1)
        for swap in swap_words(caption, scene, rng, NEGATIVES):
            false_rows.append(tokens.encode(swap.caption, "[ENC]")[0])
            false_of.append(row)
    truth += [0] * len(false_rows)
    ids, mask = tokens.pad_batch(rows + false_rows)
    ids, mask = ids.to(device), mask.to(device)
    target = torch.tensor(truth, device=device)
    hidden = matcher.text_encoder(
        input_ids=ids,
        attention_mask=mask,
        encoder_hidden_states=features[torch.tensor(image_of + false_of, device=device)],
    ).last_hidden_state
    logits = matcher.itm_head(hidden[:, 0]).float()
    weights = torch.where(target == 1, 1.0, len(rows) / max(1, len(false_rows)))
    match = (F.cross_entropy(logits, target, reduction="none") * weights).sum() / weights.sum()
    alignment = _alignment_loss(taps, places, data, index)

    contrast_ids = ids[: len(rows)].clone()
    contrast_ids[:, 0] = tokens.ids["[CLS]"]
    text = matcher.text_encoder(input_ids=contrast_ids, attention_mask=mask[: len(rows)])
    text_side = F.normalize(matcher.text_proj(text.last_hidden_state[:, 0]).float(), dim=-1)
    image_side = F.normalize(matcher.vision_proj(features[:, 0]).float(), dim=-1)
    similarity = image_side @ text_side.T / 0.07
    diagonal = torch.arange(len(rows), device=device)
    contrast = F.cross_entropy(similarity, diagonal) + F.cross_entropy(similarity.T, diagonal)
    return {"match": 2 * match, "contrast": 0.1 * contrast, "align": alignment}


def _alignment_loss(
    taps: list[AlignedAttention],
    places: list[list[int | None]],
    data: SceneArrays,
    index: np.ndarray,
) -> torch.Tensor:
    """Minus log of the attention mass that each placed word puts on its patches, head mean."""
    rows, columns, targets = [], [], []
    for row, labels in enumerate(places):
        cached: dict[int, np.ndarray] = {}
        for column, label in enumerate(labels):
            if label is None:
                continue
            if label not in cached:
                cached[label] = data.patch_shares(int(index[row]), label).ravel() >= PATCH_SHARE
            if cached[label].any():
                rows.append(row)
                columns.append(column)
                targets.append(cached[label])
    target = torch.from_numpy(np.stack(targets)).float()
    losses = []
    for tap in taps:
        assert tap.probabilities is not None
        attention = tap.probabilities[: len(places), :, :, 1:].float().mean(1)
        mass = (attention[rows, columns] * target.to(attention.device)).sum(-1)
        losses.append(-(mass + 1e-6).log().mean())
    return torch.stack(losses).mean()
