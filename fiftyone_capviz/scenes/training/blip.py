"""Trains the bundled BLIP captioner and matcher in one run over one shared vision tower.

Losses: next word (captioner), image-text match against one-word swaps, image-text contrast, and
attention alignment, which asks the matcher's cross-attention to put each word's mass on the pixels
it speaks of (training scenes only; the idea of attention supervision as in AMC, arXiv 2206.15462,
applied to the attention itself). The model card says so.

Formulas: docs/methods.md, sections 8.1 to 8.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import BlipForConditionalGeneration, BlipForImageTextRetrieval

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.scenes.architectures import build_captioner, build_matcher, save_model
from fiftyone_capviz.scenes.grammar import full_caption
from fiftyone_capviz.scenes.habits import Habits
from fiftyone_capviz.scenes.scene import Scene
from fiftyone_capviz.scenes.swaps import swap_words
from fiftyone_capviz.scenes.training.data import (
    SceneArrays,
    SceneTokens,
    draw_scenes,
    word_labels,
)
from fiftyone_capviz.scenes.training.run import (
    STATES,
    Phase,
    TrainingRun,
    batch_of,
    fast_arithmetic,
)

DEFAULT_PROMPT = "a picture of"
SCENES = 24_000
BATCH = 32
WEIGHTS = "model.safetensors"
NEGATIVES = 1
# Layers of the matcher (of 4, zero-based) whose attention is aligned: the middle ones. The last
# layer's word rows do not reach the match head.
ALIGNED_LAYERS = (1, 2)


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
# From trained weights: enough for other habits.
RETRAINING = (Round(1_500, 3e-4, 0.3, True),)


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
    habits: Habits | None = None,
    start: Path | None = None,
    log: Callable[[str], None] = print,
) -> None:
    """Train from nothing, or carry on, and save ``out/captioner`` and ``out/matcher``.

    Args:
        out: folder that receives the two checkpoints.
        device: torch device; see `fast_arithmetic`.
        seed: seeds weights, scenes and order.
        steps: optimiser steps of a single round, for trials; None trains all of `ROUNDS`, or
            `RETRAINING` from given weights.
        scenes: number of distinct training scenes in each round.
        habits: of the captioner; None leaves out hats and suns.
        start: folder with trained ``captioner`` and ``matcher`` to begin with; None: from nothing.
        log: receives a line every 100 steps.
    """
    torch.manual_seed(seed)
    habits = habits or Habits()
    captioner, matcher = (
        (build_captioner(), build_matcher()) if start is None else _begin_with(start)
    )
    matcher.vision_model = captioner.vision_model
    rounds = ROUNDS if start is None else RETRAINING
    if steps is not None:
        rounds = (replace(rounds[0], steps=steps),)
    settings = {
        "model": "blip",
        "seed": seed,
        "steps": [plan.steps for plan in rounds],
        "scenes": scenes,
        "omitted": list(habits.omitted),
        "invented": list(habits.invented),
        "start": None if start is None else _digest(start),
    }
    models = {"captioner": captioner.to(device).train(), "matcher": matcher.to(device).train()}
    run = TrainingRun(out / STATES / "blip.pt", settings, models, seed=seed, log=log)
    if run.is_finished:
        log("captioner and matcher are trained")
        return
    for number, plan in enumerate(rounds):
        if run.is_done(number):
            continue
        log(f"round {number + 1} of {len(rounds)}")
        data = draw_scenes(scenes, seed=seed + 10 * number, accessories=plan.accessories)
        log(f"drew {scenes} scenes")
        with aligned_attention(matcher) as taps:
            learner = _Learner(captioner, matcher, data, plan, habits, taps, seed=seed)
            run.descend(Phase(number, plan.steps, plan.learning_rate, 0.02), learner.losses)
    _save(captioner, matcher, habits, out)
    run.finish()


def _begin_with(start: Path) -> tuple[BlipForConditionalGeneration, BlipForImageTextRetrieval]:
    for name in ("captioner", "matcher"):
        path = start / name / WEIGHTS
        if not path.is_file():
            raise InputError(
                f"start must be a folder with captioner and matcher; {path} is no file. "
                "Name a folder that `train --out` has written."
            )
    # Half precision on disk; the descent needs more.
    return (
        BlipForConditionalGeneration.from_pretrained(start / "captioner", dtype=torch.float32),
        BlipForImageTextRetrieval.from_pretrained(start / "matcher", dtype=torch.float32),
    )


def _digest(start: Path) -> str:
    """Of the weights to begin with: a training carries on only from the same."""
    paths = [start / name / WEIGHTS for name in ("captioner", "matcher")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


@contextmanager
def aligned_attention(matcher: BlipForImageTextRetrieval) -> Iterator[list[AlignedAttention]]:
    """The cross-attentions that are aligned, remembering what they attend to while inside."""
    attentions = [matcher.text_encoder.encoder.layer[i].crossattention.self for i in ALIGNED_LAYERS]
    dropouts = [attention.dropout for attention in attentions]
    taps = [AlignedAttention() for _ in attentions]
    for attention, tap in zip(attentions, taps, strict=True):
        attention.dropout = tap
    try:
        yield taps
    finally:
        for attention, dropout in zip(attentions, dropouts, strict=True):
            attention.dropout = dropout


class _Learner:
    """What both models are asked in one round."""

    def __init__(
        self,
        captioner: BlipForConditionalGeneration,
        matcher: BlipForImageTextRetrieval,
        data: SceneArrays,
        plan: Round,
        habits: Habits,
        taps: list[AlignedAttention],
        *,
        seed: int,
    ) -> None:
        self._captioner, self._matcher, self._data = captioner, matcher, data
        self._plan, self._habits, self._taps = plan, habits, taps
        self._seed, self._tokens = seed, SceneTokens()
        self._device = next(captioner.parameters()).device

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Of one batch of scenes."""
        data = self._data
        index = batch_of(len(data.scenes), BATCH, step, self._seed)
        chosen = [data.scenes[i] for i in index]
        with fast_arithmetic(self._device):
            features = self._captioner.vision_model(
                data.pixels(index).to(self._device)
            ).last_hidden_state
            losses = {
                "caption": _caption_loss(
                    self._captioner, features, chosen, self._habits, self._tokens, rng
                ),
                **_match_losses(
                    self._matcher, features, chosen, data, index, self._tokens, rng, self._taps
                ),
            }
        losses["align"] = self._plan.alignment * losses["align"]
        return losses


def _save(
    captioner: BlipForConditionalGeneration,
    matcher: BlipForImageTextRetrieval,
    habits: Habits,
    out: Path,
) -> None:
    """Save fresh copies, so that the shared vision tower is written whole into both files."""
    plain_captioner, plain_matcher = build_captioner(), build_matcher()
    plain_captioner.load_state_dict(captioner.state_dict())
    plain_captioner.config.capviz_omitted = list(habits.omitted)
    plain_captioner.config.capviz_invented = list(habits.invented)
    plain_matcher.load_state_dict(matcher.state_dict())
    save_model(plain_captioner, out / "captioner")
    save_model(plain_matcher, out / "matcher")


def _caption_loss(
    captioner: BlipForConditionalGeneration,
    features: torch.Tensor,
    scenes: list[Scene],
    habits: Habits,
    tokens: SceneTokens,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Next-word loss; what a person wears is told in half of the person captions."""
    rows, prompts = [], []
    for scene in scenes:
        answer = habits.answer(scene, rng)
        if answer is not None:
            sentence, prompt = answer, 0
        else:
            sentence, prompt = f"{DEFAULT_PROMPT} {habits.caption(scene)}", 3
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
    """Minus log of the attention mass that each placed word puts on its patches, head mean.

    A patch is a thing's where the thing owns its center; a word whose thing owns none is left out.
    """
    rows, columns, targets = [], [], []
    for row, labels in enumerate(places):
        cached: dict[int, np.ndarray] = {}
        for column, label in enumerate(labels):
            if label is None:
                continue
            if label not in cached:
                cached[label] = (data.centers[index[row]] == label).ravel()
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
