"""Trains the bundled CLIP by image-text contrast with one-word swaps as extra negatives."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from fiftyone_capviz.scenes.architectures import build_clip, save_model
from fiftyone_capviz.scenes.grammar import complete_caption, full_caption, swap_words
from fiftyone_capviz.scenes.training_data import SceneTokens, batches, draw_scenes

SCENES = 24_000
STEPS = 3_000
BATCH = 64
SWAPS = 1
LEARNING_RATE = 1e-3
WARM_UP = 200


def train_clip(
    out: Path,
    *,
    device: str = "cpu",
    seed: int = 0,
    steps: int = STEPS,
    scenes: int = SCENES,
    log: Callable[[str], None] = print,
) -> None:
    """Train from nothing and save ``out/clip``.

    Args:
        out: folder that receives the checkpoint.
        device: torch device; bfloat16 autocast is used on every device.
        seed: seeds weights, scenes and order.
        steps: optimiser steps of 64 scenes.
        scenes: number of distinct training scenes.
        log: receives a line every 100 steps.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    data = draw_scenes(scenes, seed=seed)
    log(f"drew {scenes} scenes")
    tokens = SceneTokens()
    model = build_clip().to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            min(1.0, (step + 1) / WARM_UP)
            * 0.5
            * (1 + float(np.cos(np.pi * min(1.0, step / steps))))
        ),
    )
    started, total, right = time.time(), 0.0, 0.0
    for step, index in enumerate(batches(scenes, BATCH, steps, rng), start=1):
        sentences, swapped = [], []
        for i in index:
            scene = data.scenes[i]
            whole = rng.random() < 0.6
            sentences.append(complete_caption(scene) if whole else full_caption(scene, rng))
            swapped += [swap.caption for swap in swap_words(sentences[-1], scene, rng, SWAPS)]
        rows = [tokens.encode(sentence, "[CLS]")[0] for sentence in sentences + swapped]
        ids, mask = tokens.pad_batch(rows)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            image = model.visual_projection(
                model.vision_model(data.pixels(index).to(device)).pooler_output
            )
            text = model.text_projection(
                model.text_model(
                    input_ids=ids.to(device), attention_mask=mask.to(device)
                ).pooler_output
            )
        image, text = F.normalize(image.float(), dim=-1), F.normalize(text.float(), dim=-1)
        similarity = image @ text.T * model.logit_scale.exp().clamp(max=100.0)
        target = torch.arange(len(index), device=similarity.device)
        loss = F.cross_entropy(similarity, target) + F.cross_entropy(
            similarity[:, : len(index)].T, target
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += float(loss.detach())
        right += float((similarity.argmax(1) == target).float().mean())
        if step % 100 == 0:
            log(
                f"step {step}/{steps}  loss {total / 100:.3f}  first among {len(rows)}:"
                f" {right / 100:.3f}  {time.time() - started:.0f} s"
            )
            total = right = 0.0
        if step % 1000 == 0 or step == steps:
            save_model(model, out / "clip")
