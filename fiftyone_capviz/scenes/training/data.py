"""Scenes as arrays for training: small pixels, label maps, and the scenes they came from."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from fiftyone_capviz.scenes.architectures import (
    IMAGE_SIZE,
    MEAN,
    PATCH_SIZE,
    PIECES,
    STD,
    vocabulary,
)
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.scene import Scene
from fiftyone_capviz.scenes.tables import ACCESSORIES, BACKGROUNDS, COLORS, PERSONS
from fiftyone_capviz.scenes.wording import BACKGROUND_WORDS
from fiftyone_capviz.scenes.world import sample_scene, sample_with

# Training draws from seeds that no evaluation or demo uses.
TRAINING_SEEDS = 1_000_000_000
GRID = IMAGE_SIZE // PATCH_SIZE
GROUND, ELSEWHERE = 254, 255


@dataclass(frozen=True)
class SceneArrays:
    """Drawn scenes.

    Attributes:
        scenes: what is in each image.
        images: uint8 "scenes size size 3".
        labels: uint8 "scenes size size": index of the thing that owns the pixel, or GROUND (the
            background's tell-tale region), or ELSEWHERE.
        centers: uint8 "scenes grid grid": the label in the middle of each patch, as drawn: whose
            patch it is by the point game's rule.
    """

    scenes: list[Scene]
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    centers: NDArray[np.uint8]

    def pixels(self, index: NDArray[np.integer]) -> torch.Tensor:
        """Normalised float32 "images 3 size size", as the image processor makes them."""
        chosen = torch.from_numpy(self.images[index]).permute(0, 3, 1, 2).float()
        return (chosen / 255 - MEAN) / STD


def _draw(
    task: tuple[int, bool, str | None, int],
) -> tuple[Scene, NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    seed, biased, kind, size = task
    if kind is None:
        scene = sample_scene(seed, biased=biased)
    else:
        scene = sample_with(seed, kind, biased=biased)
    drawn = render(scene)
    small = Image.fromarray(drawn.image).resize((size, size), Image.Resampling.BICUBIC)
    label = np.full(drawn.ground.shape, ELSEWHERE, dtype=np.uint8)
    label[drawn.ground] = GROUND
    for index, mask in enumerate(drawn.masks):
        label[mask] = index
    pixels, patches = (((np.arange(n) + 0.5) * len(label) / n).astype(int) for n in (size, GRID))
    return (
        scene,
        np.asarray(small),
        label[np.ix_(pixels, pixels)],
        label[np.ix_(patches, patches)],
    )


def draw_scenes(
    count: int,
    *,
    seed: int = 0,
    size: int = IMAGE_SIZE,
    accessories: bool = False,
    workers: int = 2,
) -> SceneArrays:
    """Draw scenes for training: half follow the planted biases, half a flat distribution.

    Args:
        count: number of scenes.
        seed: shifts the block of scene seeds.
        accessories: a third of the scenes shows a person with an accessory, each kind in turn;
            they are small and rare, and learned last.
        size: side of the images in pixels.
        workers: processes that draw.
    """
    first = TRAINING_SEEDS + seed * 10_000_000
    tasks: list[tuple[int, bool, str | None, int]] = []
    for index in range(count):
        wanted = ACCESSORIES[index // 3 % len(ACCESSORIES)] if accessories else None
        kind = wanted if index % 3 == 2 else None
        tasks.append((first + index, index % 2 == 0, kind, size))
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    labels = np.empty((count, size, size), dtype=np.uint8)
    centers = np.empty((count, GRID, GRID), dtype=np.uint8)
    scenes: list[Scene] = []
    with ProcessPoolExecutor(workers) as pool:
        for index, (scene, *drawn) in enumerate(pool.map(_draw, tasks, chunksize=64)):
            scenes.append(scene)
            images[index], labels[index], centers[index] = drawn
    return SceneArrays(scenes, images, labels, centers)


class SceneTokens:
    """The tokenizer's ids for sentences of the grammar, without its overhead."""

    def __init__(self) -> None:
        self.ids = {piece: index for index, piece in enumerate(vocabulary())}
        self.pad, self.sep = self.ids["[PAD]"], self.ids["[SEP]"]

    def encode(self, sentence: str, first: str) -> tuple[list[int], list[int]]:
        """Token ids from ``first`` to [SEP], and for each token the index of its word or -1."""
        ids, words = [self.ids[first]], [-1]
        for index, word in enumerate(sentence.split()):
            for piece in PIECES.get(word, (word,)):
                ids.append(self.ids[piece])
                words.append(index)
        return [*ids, self.sep], [*words, -1]

    def pad_batch(self, rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Right-padded ids and attention mask, both int64 "sentences tokens"."""
        width = max(len(row) for row in rows)
        ids = torch.full((len(rows), width), self.pad)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
            mask[index, : len(row)] = 1
        return ids, mask


def word_labels(sentence: str, scene: Scene) -> list[int | None]:
    """For each word the label whose pixels it speaks of, None for words without a place.

    A color speaks of the thing it colors, a shirt of the person who wears it.
    """
    places = {thing.kind: index for index, thing in enumerate(scene.things)}
    words = sentence.split()
    found: list[int | None] = []
    for position, word in enumerate(words):
        noun = words[position + 1] if word in COLORS and position + 1 < len(words) else word
        if noun == "shirt":
            found.append(0 if scene.subject.kind in PERSONS else None)
        elif noun in BACKGROUND_WORDS and BACKGROUND_WORDS[noun] in BACKGROUNDS:
            found.append(GROUND)
        else:
            found.append(places.get(noun))
    return found
