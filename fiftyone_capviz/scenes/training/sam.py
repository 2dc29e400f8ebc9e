"""Trains the bundled Segment Anything model from point prompts on exact masks.

Formulas: docs/methods.md, section 8.6.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from segment_anything.modeling import Sam

from fiftyone_capviz.models.segmenters.sam_architecture import build_sam
from fiftyone_capviz.scenes.architectures import SAM_CONFIG, save_sam
from fiftyone_capviz.scenes.training.data import SceneArrays, draw_scenes
from fiftyone_capviz.scenes.training.run import (
    STATES,
    Phase,
    TrainingRun,
    batch_of,
    fast_arithmetic,
)

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
        device: torch device; see `fast_arithmetic`.
        seed: seeds weights, scenes and order.
        steps: optimiser steps of 8 scenes with 10 prompts each.
        scenes: number of distinct training scenes.
        log: receives a line every 100 steps.
    """
    torch.manual_seed(seed)
    model = build_sam(SAM_CONFIG).to(device).train()
    settings = {"model": "sam", "seed": seed, "steps": steps, "scenes": scenes}
    run = TrainingRun(out / STATES / "sam.pt", settings, {"sam": model}, seed=seed, log=log)
    if run.is_finished:
        log("sam is trained")
        return
    data = draw_scenes(scenes, seed=seed + 1, size=SAM_CONFIG["image_size"])
    log(f"drew {scenes} scenes")
    mean, std = (torch.tensor(SAM_CONFIG[key]).view(3, 1, 1) for key in ("pixel_mean", "pixel_std"))

    def losses(step: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        index = batch_of(scenes, BATCH, step, seed)
        raw = torch.from_numpy(data.images[index]).permute(0, 3, 1, 2).float()
        points, targets = _prompts(data, index, rng)
        with fast_arithmetic(device):
            embeddings = model.image_encoder(((raw - mean) / std).to(device))
            return _mask_losses(model, embeddings, points.to(device), targets.to(device))

    run.descend(Phase(0, steps, LEARNING_RATE, 0.02), losses)
    save_sam(model, out / "sam")
    run.finish()


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


def _mask_losses(
    model: Sam, embeddings: torch.Tensor, points: torch.Tensor, targets: torch.Tensor
) -> dict[str, torch.Tensor]:
    position = model.prompt_encoder.get_dense_pe()
    shapes, scores = [], []
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
        shapes.append(chosen.mean())
        scores.append(F.mse_loss(predicted.float(), iou))
    return {"mask": torch.stack(shapes).mean(), "score": torch.stack(scores).mean()}
