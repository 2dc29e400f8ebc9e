"""Trains the bundled Segment Anything model from point prompts on exact masks.

Formulas: docs/methods.md, section 8.6.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from segment_anything.modeling import Sam

from fiftyone_capviz.models.segmenters.sam_architecture import build_sam
from fiftyone_capviz.scenes.architectures import SAM_CONFIG, save_sam
from fiftyone_capviz.scenes.descent import Descent
from fiftyone_capviz.scenes.training_data import SceneArrays, batches, draw_scenes

SCENES = 12_000
STEPS = 6_000
BATCH = 8
PROMPTS = 10
LEARNING_RATE = 8e-4
# Regions smaller than this share of the image are no prompts: the product drops them anyway.
SMALLEST = 0.004


def train_sam(
    out: Path,
    *,
    device: str = "cpu",
    seed: int = 0,
    steps: int = STEPS,
    scenes: int = SCENES,
    log: Callable[[str], None] = print,
) -> None:
    """Train from nothing and save ``out/sam``.

    Each step prompts every image with points inside its regions (things, ground, sky). Of the
    three masks the best one is trained (cross-entropy + dice), and the IoU
    head learns the IoU of all three.

    Args:
        out: folder that receives the checkpoint.
        device: torch device; bfloat16 autocast is used on every device.
        seed: seeds weights, scenes and order.
        steps: optimiser steps of 8 scenes with 10 prompts each.
        scenes: number of distinct training scenes.
        log: receives a line every 100 steps.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    data = draw_scenes(scenes, seed=seed + 1, size=SAM_CONFIG["image_size"])
    log(f"drew {scenes} scenes")
    model = build_sam(SAM_CONFIG).to(device).train()
    descent = Descent(
        model.parameters(), steps=steps, learning_rate=LEARNING_RATE, weight_decay=0.02
    )
    mean, std = (torch.tensor(SAM_CONFIG[key]).view(3, 1, 1) for key in ("pixel_mean", "pixel_std"))
    started, total, overlap = time.time(), 0.0, 0.0
    for step, index in enumerate(batches(scenes, BATCH, steps, rng), start=1):
        raw = torch.from_numpy(data.images[index]).permute(0, 3, 1, 2).float()
        points, targets = _prompts(data, index, rng)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            embeddings = model.image_encoder(((raw - mean) / std).to(device))
            loss, best = _mask_loss(model, embeddings, points.to(device), targets.to(device))
        descent.step(loss)
        total, overlap = total + float(loss.detach()), overlap + best
        if step % 100 == 0:
            log(
                f"step {step}/{steps}  loss {total / 100:.3f}  best IoU {overlap / 100:.3f}"
                f"  {time.time() - started:.0f} s"
            )
            total = overlap = 0.0
        if step % 1000 == 0 or step == steps:
            save_sam(model, out / "sam")


def _prompts(
    data: SceneArrays, index: np.ndarray, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points "images prompts 2" (x, y) and the masks "images prompts size size" they lie in."""
    size = data.labels.shape[-1]
    points = np.zeros((len(index), PROMPTS, 2), dtype=np.float32)
    masks = np.zeros((len(index), PROMPTS, size, size), dtype=bool)
    for row, image in enumerate(index):
        labels = data.labels[image]
        names, counts = np.unique(labels, return_counts=True)
        names = names[counts >= SMALLEST * labels.size]
        for prompt in range(PROMPTS):
            name = names[prompt % len(names)] if prompt < len(names) else rng.choice(names)
            mask = labels == name
            inside = np.flatnonzero(mask)
            spot = int(inside[rng.integers(len(inside))])
            points[row, prompt] = (spot % size + rng.random(), spot // size + rng.random())
            masks[row, prompt] = mask
    return torch.from_numpy(points), torch.from_numpy(masks)


def _mask_loss(
    model: Sam, embeddings: torch.Tensor, points: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, float]:
    position = model.prompt_encoder.get_dense_pe()
    losses, best = [], []
    for embedding, spots, target in zip(embeddings, points, targets, strict=True):
        sparse, dense = model.prompt_encoder(
            points=(spots[:, None], torch.ones(len(spots), 1, device=spots.device)),
            boxes=None,
            masks=None,
        )
        low, predicted = model.mask_decoder(
            image_embeddings=embedding[None],
            image_pe=position,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )
        # At the decoder's own resolution, against the share of each cell that belongs to the mask.
        logits = low.float()
        wanted = F.adaptive_avg_pool2d(target[:, None].float(), logits.shape[-2:])
        wanted = wanted.expand_as(logits)
        probability = logits.sigmoid()
        cross = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        cross = cross.flatten(2).mean(-1)
        both = (probability * wanted).flatten(2).sum(-1)
        sizes = (probability + wanted).flatten(2).sum(-1)
        dice = 1 - (2 * both + 1) / (sizes + 1)
        per_mask = 2 * cross + dice
        with torch.no_grad():
            hard, true = logits > 0, wanted > 0.5
            union = (hard | true).flatten(2).sum(-1).clamp_min(1)
            iou = (hard & true).flatten(2).sum(-1) / union
        # A tenth of the mean keeps the two losing masks alive.
        chosen = 0.9 * per_mask.min(1).values + 0.1 * per_mask.mean(1)
        losses.append(chosen.mean() + F.mse_loss(predicted.float(), iou))
        best.append(float(iou.max(1).values.mean()))
    return torch.stack(losses).mean(), float(np.mean(best))
