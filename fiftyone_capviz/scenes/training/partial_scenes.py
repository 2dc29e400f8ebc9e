"""Parts of scenes for training: some things alone, or a background without some things.

A model that has seen things alone says of each what it is by itself; one that has only seen whole
scenes may read a dog off the field around it. What is hidden lies behind clouds of colors drawn by
lot, never behind the even grey that second-order attribution starts from: a model trained on that
grey would know the attribution's reference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fiftyone_capviz.scenes.architectures import PATCH_SIZE
from fiftyone_capviz.scenes.grammar import background_of, color_named_for, named_kinds
from fiftyone_capviz.scenes.scene import Scene, Thing
from fiftyone_capviz.scenes.tables import PERSONS
from fiftyone_capviz.scenes.training.data import SceneArrays
from fiftyone_capviz.scenes.wording import noun_phrase, place_phrase

SMALLEST = 20
"""Pixels that a thing must show to be named."""
_MOST_HIDDEN = 0.4
"""Of a thing's pixels that may be hidden with its neighbours for it to be named still."""


@dataclass(frozen=True, eq=False)
class ShownScene:
    """What a training image shows.

    Attributes:
        image: uint8 "size size 3".
        scene: with the things that can be seen, and no others.
        on_ground: whether its background can be seen.
        caption: true of it.
    """

    image: NDArray[np.uint8]
    scene: Scene
    on_ground: bool
    caption: str


def show_things(data: SceneArrays, index: int, rng: np.random.Generator) -> ShownScene | None:
    """One to three of a scene's things, all else hidden; None where none can be seen."""
    scene, labels = data.scenes[index], data.labels[index]
    seen = [k for k in range(len(scene.things)) if (labels == k).sum() >= SMALLEST]
    if not seen:
        return None
    count = min(len(seen), 1 + int(rng.random() < 0.4) + int(rng.random() < 0.15))
    kept = sorted(rng.permutation(seen)[:count].tolist())
    image = _hide(data.images[index], ~np.isin(labels, kept), rng)
    return _shown(image, scene, kept, rng, on_ground=False)


def show_ground(data: SceneArrays, index: int, rng: np.random.Generator) -> ShownScene:
    """A scene's background, with the patches of most of its things hidden."""
    scene, labels = data.scenes[index], data.labels[index]
    hidden = [k for k in range(len(scene.things)) if rng.random() < 0.7]
    side = len(labels) // PATCH_SIZE
    patches = np.isin(labels, hidden).reshape(side, PATCH_SIZE, side, PATCH_SIZE).any((1, 3))
    covered = patches.repeat(PATCH_SIZE, 0).repeat(PATCH_SIZE, 1)
    kept = []
    for k in range(len(scene.things)):
        pixels = labels == k
        if k not in hidden and pixels.sum() >= SMALLEST:
            kept += [k] if (pixels & covered).sum() <= _MOST_HIDDEN * pixels.sum() else []
    image = _hide(data.images[index], covered, rng)
    return _shown(image, scene, kept, rng, on_ground=True)


def _hide(
    image: NDArray[np.uint8], hidden: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The image with clouds of colors where it is hidden."""
    side = len(image)
    knots = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    clouds = np.asarray(knots.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32)
    clouds = clouds + rng.normal(0, 12, (side, side, 3)).astype(np.float32)
    return np.where(hidden[..., None], clouds.clip(0, 255).astype(np.uint8), image)


def _shown(
    image: NDArray[np.uint8],
    scene: Scene,
    kept: list[int],
    rng: np.random.Generator,
    *,
    on_ground: bool,
) -> ShownScene:
    things = tuple(replace(scene.things[k], owner=None) for k in kept)
    nouns = [_noun(things[k], rng) for k in rng.permutation(len(things))]
    caption = " and ".join(nouns)
    if on_ground:
        place = place_phrase(scene.background, "")
        caption = f"{caption} {place}" if caption else place.split(" ", 1)[1]
    return ShownScene(image, replace(scene, things=things), on_ground, caption)


def _noun(thing: Thing, rng: np.random.Generator) -> str:
    if thing.kind in PERSONS:
        shirt = f" in {noun_phrase('shirt', thing.color)}" if rng.random() < 0.4 else ""
        return noun_phrase(thing.kind) + shirt
    return noun_phrase(thing.kind, thing.color if rng.random() < 0.5 else None)


@dataclass(frozen=True)
class Facts:
    """What a sentence says of things, colors and the background; not what they do, or where."""

    things: tuple[tuple[str, str | None], ...]
    background: str | None

    @classmethod
    def of(cls, sentence: str) -> Facts:
        """Of a sentence of the grammar."""
        kinds = named_kinds(sentence)
        return cls(
            tuple((kind, color_named_for(sentence, kind)) for kind in kinds),
            background_of(sentence),
        )

    def hold_for(self, scene: Scene, *, on_ground: bool) -> bool:
        """Whether a scene, as far as it can be seen, has all of it."""
        if self.background is not None and (not on_ground or self.background != scene.background):
            return False
        colors = {thing.kind: thing.color for thing in scene.things}
        return all(kind in colors and color in (None, colors[kind]) for kind, color in self.things)
