"""Scenes of given seeds with their pictures, in batches, for measuring the bundled models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.draw import Rendering, render
from fiftyone_capviz.scenes.scene import Scene
from fiftyone_capviz.scenes.world import sample_scene, sample_with

BATCH = 50
HAT_SCENES = 200
# An object counts for hats and masks when it owns more than this share of the image.
LARGE = 0.01


@dataclass(frozen=True)
class Drawn:
    """A scene with its picture."""

    scene: Scene
    rendering: Rendering

    @property
    def image(self) -> Image.Image:
        """The picture as the product opens it."""
        return Image.fromarray(self.rendering.image)


def drawn_batches(first: int, n: int) -> Iterator[list[Drawn]]:
    for start in range(first, first + n, BATCH):
        scenes = [sample_scene(seed) for seed in range(start, min(start + BATCH, first + n))]
        yield [Drawn(scene, render(scene)) for scene in scenes]


def load_bundled(kind: str, folder: Path) -> Any:
    return load_model(kind, str(folder), dtype="float32")


def share_of(hits: Sequence[bool]) -> float:
    return round(float(np.mean(hits)), 4) if len(hits) else float("nan")


def hat_scenes(first: int, count: int = HAT_SCENES) -> list[Drawn]:
    """Scenes with a hat larger than 1 % of the image, men and women in turn."""
    found: dict[str, list[Drawn]] = {"man": [], "woman": []}
    seed = first
    while min(len(drawn) for drawn in found.values()) < (count + 1) // 2:
        scene = sample_with(seed, "hat")
        seed += 1
        if len(found[scene.subject.kind]) >= (count + 1) // 2:
            continue
        drawn = Drawn(scene, render(scene))
        place = next(i for i, thing in enumerate(scene.things) if thing.kind == "hat")
        if drawn.rendering.masks[place].mean() > LARGE:
            found[scene.subject.kind].append(drawn)
    return [drawn for pair in zip(*found.values(), strict=True) for drawn in pair][:count]
