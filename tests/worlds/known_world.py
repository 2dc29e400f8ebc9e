"""Sources whose maps and scores are known, and samples with known regions: values can be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from bson import ObjectId
from PIL import Image

from fiftyone_capviz.curation.evaluation.grounding import GroundingRun
from fiftyone_capviz.curation.evaluation.labelled import LabelledText, OpenedSample
from fiftyone_capviz.curation.evaluation.method_groups import MethodGroups, default_variants
from fiftyone_capviz.curation.evaluation.sources import CaptionVariants
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.geometry import PixelTransform, squash
from fiftyone_capviz.records import CaptionWords, FloatArray
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from fiftyone_capviz.text.words import caption_words

SIDE, GRID = 60, 6
Box = tuple[int, int, int, int]
"""Left, top, right, bottom on the patch grid, ends outside."""
DOG: Box = (0, 0, 3, 3)
HAT: Box = (4, 4, 6, 6)
Peaks = Mapping[str, Box]
"""Word -> where its map is 1; it is 0 elsewhere."""
ELSEWHERE: Box = (5, 0, 6, 2)
OPTIONS = EvaluationOptions("boxes", bootstrap_samples=50)
GOOD, BAD = Variant("dual", "icam", 0), Variant("dual", "icam", 1)
TEXT = "a dog in a hat"
BOTH: Mapping[str, Box] = {"dog": DOG, "hat": HAT}


def opened(
    text: str, regions: Mapping[str, Box], *, image: Image.Image | None = None
) -> OpenedSample:
    """A sample of labelled boxes, one per label."""
    labels, words = tuple(regions), caption_words(text)
    masks = np.zeros((len(labels), SIDE, SIDE), bool)
    step = SIDE // GRID
    for mask, (left, top, right, bottom) in zip(masks, regions.values(), strict=True):
        mask[top * step : bottom * step, left * step : right * step] = True
    named = Vocabulary(labels).name_regions(text, words, labels)
    places = tuple((i,) for i in range(len(labels)))
    sample = LabelledText(ObjectId(), "none.png", text, words, 0, labels, places, named)
    boxes = np.array([(x / GRID, y / GRID, (r - x) / GRID, (b - y) / GRID)
                      for x, y, r, b in regions.values()])  # fmt: skip
    shown = image or Image.new("RGB", (SIDE, SIDE))
    return OpenedSample(sample, shown, masks, boxes, (False,) * len(labels))


def box_map(box: Box, *, grid: int = GRID) -> FloatArray:
    """1 in the box, 0 elsewhere."""
    made = np.zeros((grid, grid), np.float32)
    left, top, right, bottom = box
    made[top:bottom, left:right] = 1
    return made


class KnownSource:
    """Maps by variant and word; a score by image and text."""

    score_name, revision, batch_size = "known", "1", 4

    def __init__(
        self,
        name: str,
        maps: Mapping[Variant, Callable[[str], FloatArray]],
        *,
        score: Callable[[Image.Image, str], float] = lambda image, text: 0.0,
        transform: Callable[[int, int, int], PixelTransform] = squash,
        grid: int = GRID,
    ) -> None:
        self.name, self.variants = name, list(maps)
        self._maps, self._score, self._transform, self._grid = maps, score, transform, grid

    def maps(
        self, images: Sequence[Image.Image], texts: Sequence[str], words: Sequence[CaptionWords]
    ) -> list[CaptionVariants]:
        return [
            CaptionVariants(
                np.stack([np.stack([of(word) for word in named.words])
                          for of in self._maps.values()]),
                self._transform(*image.size, self._grid),
            )
            for image, named in zip(images, words, strict=True)
        ]  # fmt: skip

    def default(self, method: str) -> Variant:
        return next(each for each in self.variants if each.method == method)

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> FloatArray:
        return np.array([self._score(*each) for each in zip(images, texts, strict=True)])


def on_dog(word: str) -> FloatArray:
    return box_map(DOG)


def on_hat(word: str) -> FloatArray:
    return box_map(HAT)


def apart(word: str) -> FloatArray:
    return box_map(ELSEWHERE)


def own(word: str) -> FloatArray:
    """For the object, against the other one, twice as strongly where it is the hat."""
    signed = box_map(DOG) - box_map(HAT)
    return signed if word == "dog" else -2 * signed


def grounded(
    sources: Sequence[KnownSource], *, images: int = 8, text: str = TEXT
) -> tuple[GroundingRun, GroupIntervals]:
    """Images with a dog and a hat, grounded by sources."""
    run = GroundingRun(cast(Any, sources), sources[0].variants[0], OPTIONS)
    run.add([opened(text, BOTH) for _ in range(images)])
    groups = [str(pair.sample.id) for pair in run.pairs]
    return run, GroupIntervals(groups)


def known_families() -> tuple[MethodGroups, GroundingRun, GroupIntervals, list[Variant]]:
    """Layer 0 is right, layer 1 is not; the default of second_order is the wrong one."""
    second = {
        Variant("dual", "second_order", 1): apart,
        Variant("dual", "second_order", 0): own,
    }
    sources = [
        KnownSource("itm", {Variant("itm", "gradcam", 0): on_dog}),
        KnownSource("dual", second | {BAD: apart, GOOD: own}),
    ]
    run, intervals = grounded(sources)
    defaults = default_variants(cast(Any, sources))
    families = MethodGroups.of(run, run.grounding(), defaults, seed=0)
    return families, run, intervals, defaults


def without(unread: str) -> Callable[[str], FloatArray]:
    """Maps that lie in the dog, and none for one word."""

    def maps(word: str) -> FloatArray:
        return 0 * box_map(DOG) if word == unread else box_map(DOG)

    return maps
