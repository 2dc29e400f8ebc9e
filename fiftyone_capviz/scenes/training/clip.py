"""Trains the bundled CLIP: contrast with one-word swaps, on whole scenes and on parts of them.

Half of the images show a part of a scene, so that things are learned for themselves. Beside the
contrast, the name of every kind and background has to be similar to the images that show it and
dissimilar to the others (a sigmoid loss without bias): the sign of a similarity means something.
Masks draw the parts; no attribution is supervised.

Formulas: docs/methods.md, section 8.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPModel

from fiftyone_capviz.scenes.architectures import MEAN, STD, build_clip, save_model
from fiftyone_capviz.scenes.grammar import complete_caption, full_caption
from fiftyone_capviz.scenes.swaps import swap_words
from fiftyone_capviz.scenes.tables import ACCESSORIES, BACKGROUNDS, KINDS, SHOWN_BY_BACKGROUND
from fiftyone_capviz.scenes.training.data import SceneArrays, SceneTokens, draw_scenes
from fiftyone_capviz.scenes.training.partial_scenes import (
    Facts,
    ShownScene,
    show_ground,
    show_things,
)
from fiftyone_capviz.scenes.training.run import (
    STATES,
    Phase,
    TrainingRun,
    batch_of,
    fast_arithmetic,
)
from fiftyone_capviz.scenes.wording import noun_phrase, place_phrase

SCENES = 16_000
STEPS = 4_000
BATCH = 64
SWAPS = 1
PARTS, GROUNDS = 0.5, 0.3
"""Share of the images that show a part; of those, the share that shows the background."""
LEARNING_RATE = 1e-3
_NOUNS = (*KINDS, *ACCESSORIES)
_EXCLUDED = -1e4


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
        device: torch device; see `fast_arithmetic`.
        seed: seeds weights, scenes and order.
        steps: optimiser steps of 64 images.
        scenes: number of distinct training scenes.
        log: receives a line every 100 steps.
    """
    torch.manual_seed(seed)
    model = build_clip().to(device).train()
    model.set_attn_implementation("eager")  # on CPUs its backward pass is the faster one
    sharpness = nn.ParameterDict({"of_names": nn.Parameter(torch.tensor(2.3, device=device))})
    settings = {"model": "clip", "seed": seed, "steps": steps, "scenes": scenes}
    models = {"clip": model, "sharpness": sharpness}
    run = TrainingRun(out / STATES / "clip.pt", settings, models, seed=seed, log=log)
    if run.is_finished:
        log("clip is trained")
        return
    data = draw_scenes(scenes, seed=seed, accessories=True)
    log(f"drew {scenes} scenes")
    tokens = SceneTokens()
    names = tokens.pad_batch([tokens.encode(name, "[CLS]")[0] for name in _names()])

    def losses(step: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        shown = [_show(data, int(i), rng) for i in batch_of(scenes, BATCH, step, seed)]
        captions = [one.caption for one in shown]
        for one in shown:
            captions += [swap.caption for swap in swap_words(one.caption, one.scene, rng, SWAPS)]
        texts = tokens.pad_batch([tokens.encode(caption, "[CLS]")[0] for caption in captions])
        with fast_arithmetic(device):
            image = model.visual_projection(
                model.vision_model(_pixels(shown).to(device)).pooler_output
            )
            text, name = (_embed(model, *each) for each in (texts, names))
        image, text, name = (F.normalize(each.float(), dim=-1) for each in (image, text, name))
        similarity = image @ text.T * model.logit_scale.exp().clamp(max=100.0)
        similarity = similarity.masked_fill(_also_true(shown, captions).to(device), _EXCLUDED)
        target = torch.arange(len(shown), device=similarity.device)
        contrast = F.cross_entropy(similarity, target) + F.cross_entropy(
            similarity[:, : len(shown)].T, target
        )
        naming = _naming_loss(image @ name.T * sharpness["of_names"].exp(), shown)
        return {"contrast": contrast, "naming": naming}

    phase = Phase(0, steps, LEARNING_RATE, 0.05)
    run.descend(phase, losses, unclipped=sharpness.parameters())
    save_model(model, out / "clip")
    run.finish()


def _show(data: SceneArrays, index: int, rng: np.random.Generator) -> ShownScene:
    """A whole scene with a true caption, or a part of it."""
    if rng.random() < PARTS:
        show = show_ground if rng.random() < GROUNDS else show_things
        part = show(data, index, rng)
        if part is not None:
            return part
    scene = data.scenes[index]
    whole = rng.random() < 0.6
    caption = complete_caption(scene) if whole else full_caption(scene, rng)
    return ShownScene(data.images[index], scene, True, caption)


def _names() -> list[str]:
    """Of every kind and accessory, then of every background."""
    grounds = [place_phrase(ground, "").split(" ", 1)[1] for ground in BACKGROUNDS]
    return [*map(noun_phrase, _NOUNS), *grounds]


def _pixels(shown: Sequence[ShownScene]) -> torch.Tensor:
    images = torch.from_numpy(np.stack([one.image for one in shown])).permute(0, 3, 1, 2)
    return (images.float() / 255 - MEAN) / STD


def _embed(model: CLIPModel, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    place = next(model.parameters()).device
    found = model.text_model(input_ids=ids.to(place), attention_mask=mask.to(place))
    embedded: torch.Tensor = model.text_projection(found.pooler_output)
    return embedded


def _also_true(shown: Sequence[ShownScene], captions: Sequence[str]) -> torch.Tensor:
    """Captions that are true of another image than their own: no negatives. "images captions"."""
    facts = [Facts.of(caption) for caption in captions]
    found = torch.tensor(
        [[fact.hold_for(one.scene, on_ground=one.on_ground) for fact in facts] for one in shown]
    )
    own = torch.arange(len(shown))
    found[own, own] = False
    return found


def _naming_loss(logits: torch.Tensor, shown: Sequence[ShownScene]) -> torch.Tensor:
    """Sigmoid loss of every name with every image, mean of the true and mean of the false."""
    truth, known = torch.zeros(logits.shape), torch.ones(logits.shape)
    for row, one in enumerate(shown):
        for kind in one.scene.kinds:
            truth[row, _NOUNS.index(kind)] = 1
        if one.on_ground:
            background = one.scene.background
            truth[row, len(_NOUNS) + BACKGROUNDS.index(background)] = 1
            for kind in SHOWN_BY_BACKGROUND.get(background, ()):
                known[row, _NOUNS.index(kind)] = 0
    truth, known = truth.to(logits), known.to(logits)
    each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * known
    false = known * (1 - truth)
    return (each * truth).sum() / truth.sum() + (each * false).sum() / false.sum()
