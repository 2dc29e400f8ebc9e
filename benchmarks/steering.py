"""Steering of hat scenes that no training saw: by the prompt alone, and with a weight on the hat.

    python benchmarks/steering.py                          # 200 scenes, exact masks
    python benchmarks/steering.py --masks sam              # the product's own segments

The captioner of the bundled world sees hats and never names one, unless the prompt asks what is
worn. Printed for every method and weight: the share of captions that name the hat, and that name it
in its true color. Fails where the prompt alone reaches less than 0.90 (seed paper: 193 of 214), the
best recipe less than 0.98, or the right color less than 0.90.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fiftyone_capviz.models.registry import BUNDLED, load_model
from fiftyone_capviz.records import BoolArray, FloatArray, Steering
from fiftyone_capviz.scenes.drawn import Drawn, hat_scenes
from fiftyone_capviz.scenes.grammar import color_named_for, named_kinds
from fiftyone_capviz.segments import filter_segments, owned_shares
from fiftyone_capviz.settings.steering import STEERING_METHODS
from fiftyone_capviz.steering.recaption import recaption, steer_patches
from fiftyone_capviz.steering.weighting import coverage_of_segments

FIRST_SEED = 660_000_000
"""Scenes of training come from seeds of a thousand million and more."""
WEIGHTS = (0.0, 0.5, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0)
BATCH = 50
SMALLEST_IOU = 0.5
TARGETS = {"prompt": 0.90, "recipe": 0.98, "color": 0.90}


@dataclass(frozen=True)
class Rates:
    """Shares of the scenes: the hat is named; it is named in its color."""

    hat: float
    color: float


def main() -> None:
    """Measure, print, and fail where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200, help="scenes")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first scene")
    parser.add_argument("--masks", choices=("exact", "sam"), default="exact")
    asked = parser.parse_args()
    torch.set_num_threads(1)  # the models are too small to be shared between threads
    scenes = hat_scenes(asked.seed, asked.n)
    captioner = _load("captioner")
    found = [_hat_mask(scene) for scene in scenes]
    if asked.masks == "sam":
        found = _segments_of(found, scenes)
        have = sum(mask is not None for mask in found)
        print(f"A segment on the hat: {have} of {len(scenes)}; the others: the prompt alone")
    coverages = [None if mask is None else _coverage(captioner, mask) for mask in found]
    prompts = [f"the {scene.scene.subject.kind} is wearing" for scene in scenes]
    started = time.perf_counter()
    default = _rates(captioner, scenes, [None] * len(scenes))
    prompt = _rates(captioner, scenes, [Steering(each) for each in prompts])
    print(f"{len(scenes)} scenes with a hat, seeds from {asked.seed}, {asked.masks} masks\n")
    print(f"{'recipe':<34}{'names the hat':>14}{'right color':>13}")
    _print("captioner alone", default)
    _print('prompt "the man is wearing"', prompt)
    best, best_name = prompt, "the prompt alone"
    for method in STEERING_METHODS:
        for weight in WEIGHTS:
            if method == "contrast" and weight < 1:
                continue
            steerings = [
                Steering(text)
                if coverage is None
                else steer_patches(coverage, weight, method=method, prompt=text)
                for coverage, text in zip(coverages, prompts, strict=True)
            ]
            rates = _rates(captioner, scenes, steerings)
            name = f"prompt + {method} x {weight:g}"
            _print(name, rates)
            if weight > 1 and (rates.hat, rates.color) > (best.hat, best.color):
                best, best_name = rates, name
    seconds = time.perf_counter() - started
    print(f"\nbest: {best_name}; {seconds:.0f} s")
    reached = {"prompt": prompt.hat, "recipe": best.hat, "color": best.color}
    missed = {name: rate for name, rate in reached.items() if rate < TARGETS[name]}
    for name, rate in reached.items():
        print(
            f"{name:<8}{rate:.3f}  target {TARGETS[name]:.2f}  {'no' if name in missed else 'ok'}"
        )
    if missed:
        raise SystemExit(1)


def _load(kind: str) -> Any:
    return load_model(kind, str(BUNDLED / ("sam" if kind == "segmenter" else kind)))


def _rates(captioner: Any, scenes: Sequence[Drawn], steerings: Sequence[Steering | None]) -> Rates:
    named, colored = [], []
    for first in range(0, len(scenes), BATCH):
        batch = scenes[first : first + BATCH]
        features = captioner.encode(captioner.preprocess([one.image for one in batch]))
        captions = recaption(
            captioner,
            features,
            steerings=list(steerings[first : first + BATCH]),
        )
        for one, caption in zip(batch, captions, strict=True):
            hat = one.scene.find("hat")
            named.append("hat" in named_kinds(caption.text))
            colored.append(hat is not None and color_named_for(caption.text, "hat") == hat.color)
    return Rates(float(np.mean(named)), float(np.mean(colored)))


def _hat_mask(scene: Drawn) -> BoolArray | None:
    kinds = [thing.kind for thing in scene.scene.things]
    return scene.rendering.masks[kinds.index("hat")]


def _segments_of(
    masks: Sequence[BoolArray | None], scenes: Sequence[Drawn]
) -> list[BoolArray | None]:
    """For each scene the segment that meets the hat best, None below `SMALLEST_IOU`."""
    segmenter = _load("segmenter")
    found: list[BoolArray | None] = []
    for mask, scene in zip(masks, scenes, strict=True):
        if mask is None:
            found.append(None)
            continue
        segments, _ = filter_segments(segmenter.segment(scene.image))
        both = (segments.masks & mask).sum(axis=(1, 2))
        either = (segments.masks | mask).sum(axis=(1, 2))
        ious = both / np.maximum(either, 1)
        good = len(ious) and ious.max() >= SMALLEST_IOU
        found.append(segments.masks[int(ious.argmax())] if good else None)
    return found


def _coverage(captioner: Any, mask: BoolArray) -> FloatArray:
    height, width = mask.shape
    transform = captioner.transform(width, height)
    return coverage_of_segments(owned_shares(mask[None], transform))


def _print(name: str, rates: Rates) -> None:
    print(f"{name:<34}{rates.hat:>14.3f}{rates.color:>13.3f}", flush=True)


if __name__ == "__main__":
    main()
