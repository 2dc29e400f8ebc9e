"""Steering of hat scenes that no training saw: which method, at its best weight, names the hat?

    python -m benchmarks.steering                    # exact masks: 100 scenes choose, 200 report
    python -m benchmarks.steering --masks sam        # the product's own segments
    python -m benchmarks.steering --table            # print again what was measured, nothing runs

All captions come from the product's own batch (`steer_captions`), on two sets of scenes. On the
first, every method meets every weight of one grid, and its best weight is chosen: the one with the
highest success, then color, then fewest lost nouns, then the smallest. On the second the table is
made. Three settings: no prompt, one prompt for all images, and a prompt that the product fills from
each image's own caption. Each cell is kept in a file as soon as it is measured: run again, the
benchmark goes on where it was ended, unless models, scenes or prompts have changed since.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import torch

from benchmarks.steering_table import PLAIN, SETTINGS, Answers, Scored, best_weight, print_tables
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.dataset.documents import full_masks
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.models.registry import BUNDLED
from fiftyone_capviz.records import BoolArray
from fiftyone_capviz.scenes.drawn import Drawn, hat_scenes
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.steering import STEERING_METHODS, Recipe

CHOICE_SEED, REPORT_SEED = 640_000_000, 660_000_000
"""Training draws from a thousand million up; nothing else draws from 640 to 660 million."""
WEIGHTS = (1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 50.0, 200.0, 1000.0)
"""One grid for all methods. Their dials differ in force: see docs/benchmarks.md."""
SMALLEST_IOU = 0.5
Cell = tuple[str, str, float | None]
"""Setting, method and weight."""
HAT, TRUTH = "hat", "truth"
TARGETS = {"prompt": 0.90, "best": 0.98, "color": 0.90}
CELLS = Path("build/steering.json")


@dataclass(frozen=True)
class Bench:
    """Scenes as a dataset, and how they are captioned.

    Attributes:
        segment_ids: the product's segments on the hats; None where the exact masks are used.
    """

    dataset: fo.Dataset
    options: AnalysisOptions
    segment_ids: tuple[str, ...] | None

    def recipe(self, setting: str, method: str, weight: float | None) -> Recipe:
        """How one cell is steered."""
        if weight is None:
            return Recipe(prompt=SETTINGS[setting], word=HAT)
        return Recipe(
            prompt=SETTINGS[setting],
            word=HAT,
            weight=weight,
            method=method,  # type: ignore[arg-type]
            segment_ids=self.segment_ids or (),
            segment_label=HAT if self.segment_ids is None else None,
        )


class Cells:
    """What was measured, in a file that is written after every cell.

    Args:
        path: of the file; what it holds of other models or scenes is dropped.
        made_by: all that the captions depend on.
    """

    def __init__(self, path: Path, made_by: dict[str, Any]) -> None:
        self._path, self._made_by = path, made_by
        kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        self.cells: dict[str, Answers] = kept["cells"] if kept.get("made_by") == made_by else {}
        if kept and not self.cells:
            print(f"{path} is of other models or scenes: measured anew")

    def keep(self, key: str, answers: Answers) -> None:
        """Add a cell; a kill leaves the file as it was or as it will be."""
        self.cells[key] = answers
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"made_by": self._made_by, "cells": self.cells}), "utf-8")
        fresh.replace(self._path)


def main() -> None:
    """Measure what is missing, print the tables, fail where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choose", type=int, default=100, help="scenes that choose weights")
    parser.add_argument("--n", type=int, default=200, help="scenes of the table")
    parser.add_argument("--masks", choices=("exact", "sam"), default="exact")
    parser.add_argument("--cells", type=Path, default=CELLS, help="where cells are kept")
    parser.add_argument("--table", action="store_true", help="print what the file holds")
    asked = parser.parse_args()
    torch.set_num_threads(1)  # the models are too small to be shared between threads
    fo.config.show_progress_bars = False
    path = asked.cells.with_stem(f"{asked.cells.stem}_{asked.masks}")
    cells = Cells(path, _made_by(asked))
    started = time.perf_counter()
    weighted = [(setting, method) for setting in SETTINGS for method in STEERING_METHODS]
    tried = _scored(
        cells, "choice", hat_scenes(CHOICE_SEED, asked.choose),
        [(*each, weight) for each in weighted for weight in WEIGHTS], asked,
    )  # fmt: skip
    chosen: dict[tuple[str, str], float] = {}
    for setting, method in weighted:
        chosen[setting, method] = best_weight({w: tried[setting, method, w] for w in WEIGHTS})
    plain = [(setting, PLAIN, None) for setting in SETTINGS]
    rows = [*plain, *((*each, chosen[each]) for each in weighted)]
    found = _scored(cells, "report", hat_scenes(REPORT_SEED, asked.n), rows, asked)
    scored = {(setting, method): one for (setting, method, _), one in found.items()}
    print(f"\n{time.perf_counter() - started:.0f} s for what was not kept yet; {path}\n")
    print_tables(scored, chosen, choose=asked.choose, masks=asked.masks)
    _require_targets(scored)


def _scored(
    cells: Cells,
    name: str,
    scenes: Sequence[Drawn],
    wanted: Sequence[Cell],
    asked: argparse.Namespace,
) -> dict[Cell, Scored]:
    """Cells of a set of scenes; those that are not kept are measured."""
    keys = {cell: "/".join(map(str, (name, *cell))) for cell in wanted}
    missing = [cell for cell, key in keys.items() if key not in cells.cells]
    if missing and asked.table:
        raise SystemExit(f"{len(missing)} cells of {name!r} are missing. Run without --table.")
    if missing:
        with _bench(scenes, asked.masks) as bench:
            for cell in missing:
                started = time.perf_counter()
                cells.keep(keys[cell], _measure(bench, *cell))
                print(f"{keys[cell]:<36}{time.perf_counter() - started:6.1f} s", flush=True)
    return {cell: Scored.of(cells.cells[key], scenes) for cell, key in keys.items()}


def _measure(bench: Bench, setting: str, method: str, weight: float | None) -> Answers:
    """The present captions and the new ones of all scenes, with their filled prompts."""
    before = bench.dataset.values("caption")
    if SETTINGS[setting] is None and weight is None:
        return {"before": before, "after": before, "prompts": [""] * len(before), "unweighted": 0}
    report = steer_captions(bench.dataset, bench.recipe(setting, method, weight), bench.options)
    if report.failures or report.stopped:
        raise SystemExit(report.summary())
    recipes = bench.dataset.values("caption_steered_recipe")
    prompted = SETTINGS[setting] is not None
    return {
        "before": before,
        "after": bench.dataset.values("caption_steered"),
        "prompts": [one["prompt"] if prompted else "" for one in recipes],
        "unweighted": report.unweighted,
    }


@contextmanager
def _bench(scenes: Sequence[Drawn], masks: str) -> Iterator[Bench]:
    """Scenes drawn into a folder and captioned by the product; all is gone afterwards."""
    exact = masks == "exact"
    options = AnalysisOptions(
        captioner="scenes", matcher="scenes", segmenter="scenes", batch_size=50,
        segments_field=TRUTH if exact else "segments", own_segments=exact,
    )  # fmt: skip
    dataset = fo.Dataset()
    try:
        with tempfile.TemporaryDirectory() as folder:
            samples = []
            for number, scene in enumerate(scenes):
                path = Path(folder) / f"{number:04d}.png"
                scene.image.save(path)
                truth = fo.Detections(detections=[_hat(scene)])
                samples.append(fo.Sample(filepath=str(path), **{TRUTH: truth}))
            dataset.add_samples(samples, progress=False)
            stages = ("caption",) if exact else ("caption", "segment")
            analyze(dataset, options, stages=stages, progress=False)
            yield Bench(dataset, options, None if exact else _on_hats(dataset))
    finally:
        dataset.delete()


def _hat(scene: Drawn) -> fo.Detection:
    kinds = [thing.kind for thing in scene.scene.things]
    return fo.Detection.from_mask(
        np.asarray(scene.rendering.masks[kinds.index(HAT)], bool), label=HAT
    )


def _on_hats(dataset: fo.Dataset) -> tuple[str, ...]:
    """For each scene the segment that meets the hat best, none below `SMALLEST_IOU`."""
    found = []
    for row in dataset._sample_collection.find():
        truth, segments = (row[field]["detections"] for field in (TRUTH, "segments"))
        if not segments:
            continue
        (hat,) = _masks(row, truth)
        masks = _masks(row, segments)
        ious = (masks & hat).sum(axis=(1, 2)) / np.maximum((masks | hat).sum(axis=(1, 2)), 1)
        if ious.max() >= SMALLEST_IOU:
            found.append(str(segments[int(ious.argmax())]["_id"]))
    return tuple(found)


def _masks(row: dict[str, Any], detections: list[dict[str, Any]]) -> BoolArray:
    size = row["metadata"]
    return full_masks(detections, width=size["width"], height=size["height"])


def _made_by(asked: argparse.Namespace) -> dict[str, Any]:
    """All that the captions depend on."""
    models = {}
    for kind in ("captioner", "matcher", "sam"):
        content = (BUNDLED / kind / "model.safetensors").read_bytes()
        models[kind] = hashlib.blake2b(content, digest_size=8).hexdigest()
    return {
        "models": models, "masks": asked.masks, "prompts": SETTINGS,
        "choice": [CHOICE_SEED, asked.choose], "report": [REPORT_SEED, asked.n],
    }  # fmt: skip


def _require_targets(scored: Mapping[tuple[str, str], Scored]) -> None:
    """Fail where the filled prompt misses what is promised of it."""
    best = max((scored["filled", m] for m in STEERING_METHODS), key=Scored.rank)
    reached = {
        "prompt": scored["filled", PLAIN].success.value,
        "best": best.success.value,
        "color": float(best.colored.mean()),
    }
    print("\nWith the filled prompt:")
    for name, rate in reached.items():
        verdict = "ok" if rate >= TARGETS[name] else "missed"
        print(f"  {name:<8}{rate:.3f}  target {TARGETS[name]:.2f}  {verdict}")
    if any(rate < TARGETS[name] for name, rate in reached.items()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
