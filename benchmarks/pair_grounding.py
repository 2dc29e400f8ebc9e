"""Second-order attribution of the bundled CLIP against its baselines, on scenes with known masks.

    python -m benchmarks.pair_grounding [--n 150] [--without-ilime] [--all-layers]

Unbiased scenes that no training saw. For every object word of the complete caption: does its map
peak on the object (point game), is its attribution to the object positive, and to the others
negative? Second-order at the product's default layers is compared with each baseline at its best
pair of layers on these very scenes, which favors the baselines; ILIME, a thousand forward passes a
pair, takes most of the time. Fails unless the interval of the difference in point game excludes 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import cast

import numpy as np
from PIL import Image

from fiftyone_capviz.attribution.pairs.explain import explain_pairs
from fiftyone_capviz.evaluation.grounding import ground
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.models.interfaces import DualEncoder
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.records import BoolArray
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.grammar import complete_caption
from fiftyone_capviz.scenes.world import sample_scene
from fiftyone_capviz.settings.pairs import PairMethod

FIRST_SEED = 720_000_000
"""Neither training nor the choice of the default layer drew from these seeds."""
BATCH = 10
Layers = tuple[int, int] | None
"""Of image and text; None is the default, or a method without any."""


@dataclass(frozen=True)
class Pair:
    """An image, its caption, and the masks of the objects that the caption names."""

    image: Image.Image
    caption: str
    labels: tuple[str, ...]
    masks: BoolArray


@dataclass(frozen=True, eq=False)
class Outcome:
    """Of each named object: point game, own sum, negative and all other objects; and its pair."""

    hit: np.ndarray
    own: np.ndarray
    negative: np.ndarray
    others: np.ndarray
    pair: np.ndarray

    def line(self) -> str:
        """Point game, share of positive own sums, share of negative other sums."""
        negative = self.negative.sum() / max(self.others.sum(), 1)
        return f"{self.hit.mean():>10.3f}{(self.own > 0).mean():>10.3f}{negative:>10.3f}"


def main() -> None:
    """Print the table and the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=150, help="scenes")
    parser.add_argument("--without-ilime", action="store_true", help="quick, and no verdict")
    parser.add_argument(
        "--all-layers",
        action="store_true",
        help="second-order at every layer: minutes",
    )
    asked = parser.parse_args()
    encoder: DualEncoder = load_model("encoder", "scenes")
    pairs = [_pair(FIRST_SEED + i) for i in range(asked.n)]
    layers = list(product(range(encoder.image_layers), range(encoder.text_layers)))
    print(f"{asked.n} scenes, layers of image and text\n{'':28}{'points':>10}", end="")
    print(f"{'own > 0':>10}{'other < 0':>10}")
    default = _show(encoder, pairs, "second_order", None)
    if asked.all_layers:
        for choice in layers:
            _show(encoder, pairs, "second_order", choice)
    found = [
        _show(encoder, pairs, method, choice)
        for method, choices in (
            ("icam", layers),
            ("itsm_hidden", layers),
            ("itsm_output", [None]),
            ("ilime", [] if asked.without_ilime else [None]),
        )
        for choice in choices
    ]
    best = max(found, key=lambda one: float(one.hit.mean()))
    difference = GroupIntervals(default.pair).difference(default.hit, best.hit)
    print(f"default minus the best baseline: {difference}")
    if difference.low <= 0:
        sys.exit("The interval of the difference does not exclude 0.")


def _pair(seed: int) -> Pair:
    scene = sample_scene(seed, biased=False)
    drawn = render(scene)
    masks = np.array([np.asarray(one, dtype=bool) for one in drawn.masks])
    labels = tuple(thing.kind for thing in scene.things)
    return Pair(Image.fromarray(drawn.image), complete_caption(scene), labels, masks)


def _show(encoder: DualEncoder, pairs: Sequence[Pair], method: str, layers: Layers) -> Outcome:
    outcome = _measure(encoder, pairs, cast(PairMethod, method), layers or (None, None))
    name = method if layers is None else f"{method}, {layers[0]} and {layers[1]}"
    print(f"{name:<28}{outcome.line()}", flush=True)
    return outcome


def _measure(
    encoder: DualEncoder,
    pairs: Sequence[Pair],
    method: PairMethod,
    layers: tuple[int | None, int | None],
) -> Outcome:
    rows: list[tuple[float, ...]] = []
    for start in range(0, len(pairs), BATCH):
        batch = pairs[start : start + BATCH]
        explained = explain_pairs(
            encoder,
            [one.image for one in batch],
            [one.caption for one in batch],
            method=method,
            layer=layers[0],
            text_layer=layers[1],
        )
        for number, (pair, found) in enumerate(zip(batch, explained, strict=True), start):
            regions = GridRegions.of(pair.masks, found.transform)
            vocabulary = Vocabulary(pair.labels)
            named = vocabulary.name_regions(pair.caption, found.words, pair.labels).pairs
            chosen = [(i, words) for i, words in named if regions.counted[i]]
            if not chosen:
                continue
            others = [[j for j in range(len(pair.labels)) if j != i] for i, _ in chosen]
            part = ground(found.word_maps[None], chosen, regions, others=others)
            columns = (part.hit, part.own, part.cross_negative, part.cross_count)
            rows += [(*values, number) for values in zip(*(one[0] for one in columns), strict=True)]
    return Outcome(*np.array(rows, dtype=float).T)


if __name__ == "__main__":
    main()
