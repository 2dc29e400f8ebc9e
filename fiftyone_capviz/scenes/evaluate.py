"""Measures the bundled models on scenes of unseen seeds; the figures of the model card.

Every metric is defined here, once, with its target. Nothing is tuned on the scenes it sees: the
layers and methods are all listed, and "best" is said to be the best of a list.

Formulas: docs/methods.md, section 8.7.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

from fiftyone_capviz.models.registry import BUNDLED
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.drawn import (
    LARGE,
    drawn_batches,
    load_bundled,
    share_of,
)
from fiftyone_capviz.scenes.evaluate_grounding import measure_grounding
from fiftyone_capviz.scenes.evaluate_habits import measure_habits
from fiftyone_capviz.scenes.grammar import (
    background_of,
    color_named_for,
    complete_caption,
    default_caption,
    full_caption,
    subject_of,
)
from fiftyone_capviz.scenes.scene import Scene
from fiftyone_capviz.scenes.swaps import swap_word
from fiftyone_capviz.scenes.tables import ACCESSORIES, KINDS
from fiftyone_capviz.scenes.wording import BACKGROUND_WORDS
from fiftyone_capviz.scenes.world import sample_scene
from fiftyone_capviz.segments import filter_segments

RETRIEVAL_SIZE = 100

TARGETS: dict[str, tuple[str, float]] = {
    "captions.subject": ("at least", 0.98),
    "captions.background": ("at least", 0.97),
    "captions.color": ("at least", 0.97),
    "habit.hats_named_by_default": ("at most", 0.02),
    "habit.hats_named_when_asked": ("at least", 0.92),
    "habit.hat_color_when_asked": ("at least", 0.85),
    "matching.auc_of_swaps": ("at least", 0.98),
    "grounding.best": ("at least", 0.90),
    "grounding.best_itm_gradcam": ("at least", 0.80),
    "masks.found": ("at least", 0.90),
    "masks.mean_best_iou": ("at least", 0.80),
    "retrieval.recall_at_1": ("at least", 0.90),
    "weights.megabytes": ("at most", 20.0),
}


def evaluate(n: int, seed: int, weights: Path | None = None) -> dict[str, Any]:
    """Measure every bundled model.

    Args:
        n: scenes for captions, matching, grounding and masks; retrieval uses n // 100 galleries.
        seed: the scenes are those of seeds ``seed * 1_000_000`` and up; training uses none below
            a thousand million.
        weights: folder with captioner, matcher, sam and clip; None measures the bundled ones.

    Returns:
        Figures by section (those whose models are in the folder), and under "targets" each
        target with the figure reached.
    """
    folder = weights or BUNDLED
    first = seed * 1_000_000
    figures: dict[str, Any] = {"n": n, "seed": seed}
    for section, (needs, measure) in _SECTIONS.items():
        if all((folder / name).is_dir() for name in needs):
            figures[section] = measure(folder, first, n)
    figures["targets"] = compare_with_targets(figures)
    return figures


def compare_with_targets(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each target beside the figure that was reached."""
    compared = {}
    for path, (sense, bound) in TARGETS.items():
        section, name = path.split(".")
        if name not in figures.get(section, {}):
            continue
        value = figures[section][name]
        met = value >= bound if sense == "at least" else value <= bound
        compared[path] = {"target": f"{sense} {bound}", "measured": value, "met": bool(met)}
    return compared


def measure_captions(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Shares of default captions that name the subject, the background and the subject's color.

    The color counts where the grammar's own caption of the scene names one.
    """
    captioner = load_bundled("captioner", weights / "captioner")
    subject: list[bool] = []
    background: list[bool] = []
    color: list[bool] = []
    examples: list[dict[str, Any]] = []
    for batch in drawn_batches(first, n):
        features = captioner.encode(captioner.preprocess([drawn.image for drawn in batch]))
        captions = captioner.generate(features, [captioner.default_prompt] * len(batch))
        for drawn, caption in zip(batch, captions, strict=True):
            scene, text = drawn.scene, caption.text
            subject.append(subject_of(text) == scene.subject.kind)
            background.append(background_of(text) == scene.background)
            truth = color_named_for(default_caption(scene), scene.subject.kind)
            if truth is not None:
                color.append(color_named_for(text, scene.subject.kind) == truth)
            if len(examples) < 5:
                examples.append({"seed": scene.seed, "caption": text})
    return {
        "subject": share_of(subject),
        "background": share_of(background),
        "color": share_of(color),
        "colors_counted": len(color),
        "examples": examples,
    }


def measure_matching(weights: Path, first: int, n: int) -> dict[str, Any]:
    """AUC of the match logit: a true caption against the same caption with one word swapped."""
    matcher = load_bundled("matcher", weights / "matcher")
    truth: list[int] = []
    score: list[float] = []
    by_group: dict[str, list[bool]] = {"noun": [], "background": [], "color": []}
    for batch in drawn_batches(first, n):
        features = matcher.encode(matcher.preprocess([drawn.image for drawn in batch]))
        rows, texts, labels, groups = [], [], [], []
        for row, drawn in enumerate(batch):
            rng = np.random.default_rng(drawn.scene.seed)
            caption = full_caption(drawn.scene, rng)
            swap = swap_word(caption, drawn.scene, rng)
            if swap is None:
                continue
            rows += [row, row]
            texts += [caption, swap.caption]
            labels += [1, 0]
            groups.append(_group(swap.old))
        matches = matcher.score(features[torch.tensor(rows)], texts)
        logits = [match.logit for match in matches]
        truth += labels
        score += logits
        for pair, group in enumerate(groups):
            by_group[group].append(logits[2 * pair] > logits[2 * pair + 1])
    return {
        "pairs": len(truth) // 2,
        "auc_of_swaps": round(float(roc_auc_score(truth, score)), 4),
        "true_above_its_swap": {group: share_of(hits) for group, hits in by_group.items()},
    }


def _group(word: str) -> str:
    if word in BACKGROUND_WORDS:
        return "background"
    return "noun" if word in KINDS + ACCESSORIES else "color"


def measure_masks(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Automatic masks after the product's filters against the exact masks of large things."""
    segmenter = load_bundled("segmenter", weights / "sam")
    best: dict[str, list[float]] = {}
    counts = []
    for batch in drawn_batches(first, n):
        for drawn in batch:
            found, _ = filter_segments(segmenter.segment(drawn.image))
            counts.append(len(found))
            flat = found.masks.reshape(len(found), drawn.rendering.ground.size).astype(np.float32)
            for thing, mask in zip(drawn.scene.things, drawn.rendering.masks, strict=True):
                if mask.mean() <= LARGE:
                    continue
                truth = mask.ravel().astype(np.float32)
                both = flat @ truth
                union = flat.sum(1) + truth.sum() - both
                best.setdefault(thing.kind, []).append(float((both / union).max(initial=0.0)))
    every = np.concatenate([np.asarray(values) for values in best.values()])
    return {
        "objects": len(every),
        "found": round(float((every >= 0.5).mean()), 4),
        "mean_best_iou": round(float(every.mean()), 4),
        "segments_per_image": round(float(np.mean(counts)), 2),
        "by_kind": {kind: round(float(np.mean(values)), 4) for kind, values in best.items()},
    }


def measure_retrieval(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Image to caption: is the image's own complete caption the nearest of 100 distinct ones?

    Over n // 100 galleries, at least one.
    """
    galleries = max(1, n // RETRIEVAL_SIZE)
    encoder = load_bundled("encoder", weights / "clip")
    right = []
    seed = first
    for _ in range(galleries):
        gallery: dict[str, Scene] = {}
        while len(gallery) < RETRIEVAL_SIZE:
            scene = sample_scene(seed)
            seed += 1
            gallery.setdefault(complete_caption(scene), scene)
        images = [Image.fromarray(render(scene).image) for scene in gallery.values()]
        similarity = encoder.encode_images(images) @ encoder.encode_texts(list(gallery)).T
        right += (similarity.argmax(1) == torch.arange(len(gallery))).tolist()
    return {"galleries": galleries, "recall_at_1": share_of(right)}


def measure_weights(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Size of everything that ships in the weights folder, in megabytes of 10^6 bytes."""
    sizes = {
        folder.name: sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        for folder in sorted(weights.iterdir())
        if folder.is_dir()
    }
    return {
        "megabytes": round(sum(sizes.values()) / 1e6, 3),
        "by_model": {name: round(size / 1e6, 3) for name, size in sizes.items()},
    }


_SECTIONS: dict[str, tuple[tuple[str, ...], Callable[[Path, int, int], dict[str, Any]]]] = {
    "captions": (("captioner",), measure_captions),
    "habit": (("captioner",), measure_habits),
    "matching": (("matcher",), measure_matching),
    "grounding": (("captioner", "matcher"), measure_grounding),
    "masks": (("sam",), measure_masks),
    "retrieval": (("clip",), measure_retrieval),
    "weights": ((), measure_weights),
}
