"""Curves of arXiv 2408.14153 for the bundled CLIP, on scenes with known masks.

    python -m benchmarks.pair_curves [--n 40] [--encoder scenes] [--out FOLDER] [CURVE ...]

Each curve is an evaluation of its own: perturbation, completeness, references, layers,
distributions, cross. All are printed, and written as JSON where a folder is given.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fiftyone_capviz.curation.evaluation.pair_curves import (
    LabelledPair,
    completeness_curve,
    cross_attribution,
    distributions,
    grounding_by_layer,
    grounding_by_reference,
    perturbation_curves,
)
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.grammar import complete_caption
from fiftyone_capviz.scenes.tables import ACCESSORIES, KINDS
from fiftyone_capviz.scenes.world import sample_scene

FIRST_SEED = 740_000_000
"""Neither training nor any choice of a layer drew from these seeds."""
Curve = Callable[[Any, list[LabelledPair]], Any]

CURVES: dict[str, Curve] = {
    "perturbation": perturbation_curves,
    "completeness": completeness_curve,
    "references": grounding_by_reference,
    "layers": grounding_by_layer,
    "distributions": partial(distributions, labels=KINDS + ACCESSORIES),
    "cross": cross_attribution,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("curves", nargs="*", metavar="CURVE", help=f"of {', '.join(CURVES)}")
    parser.add_argument("--n", type=int, default=40, help="scenes")
    parser.add_argument("--encoder", default="scenes")
    parser.add_argument("--out", type=Path, help="folder for a JSON file of each curve")
    asked = parser.parse_args()
    unknown = set(asked.curves) - set(CURVES)
    if unknown:
        parser.error(f"unknown curves: {', '.join(sorted(unknown))}; known: {', '.join(CURVES)}")
    encoder = load_model("encoder", asked.encoder)
    pairs = [scene_pair(FIRST_SEED + i) for i in range(asked.n)]
    for name in asked.curves or CURVES:
        found = CURVES[name](encoder, pairs)
        text = json.dumps(found, indent=1)
        print(f"{name}, {asked.n} scenes\n{text}", flush=True)
        if asked.out is not None:
            asked.out.mkdir(parents=True, exist_ok=True)
            (asked.out / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def scene_pair(seed: int) -> LabelledPair:
    """An unbiased scene with its complete caption."""
    scene = sample_scene(seed, biased=False)
    drawn = render(scene)
    masks = np.array([np.asarray(one, dtype=bool) for one in drawn.masks])
    labels = tuple(thing.kind for thing in scene.things)
    return LabelledPair(Image.fromarray(drawn.image), complete_caption(scene), labels, masks)


if __name__ == "__main__":
    main()
