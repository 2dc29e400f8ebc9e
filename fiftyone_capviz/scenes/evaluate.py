"""Measures the bundled models on scenes of unseen seeds; the figures of the model card.

Every metric is defined here, once, with its target. Nothing is tuned on the scenes it sees: the
layers and methods are all listed, and "best" is said to be the best of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from fiftyone_capviz.attribution.methods import all_layer_maps
from fiftyone_capviz.models.registry import BUNDLED, load_model
from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.scenes.draw import Rendering, render
from fiftyone_capviz.scenes.grammar import (
    background_of,
    color_named_for,
    complete_caption,
    default_caption,
    full_caption,
    named_kinds,
    subject_of,
    swap_word,
)
from fiftyone_capviz.scenes.tables import ACCESSORIES, KINDS
from fiftyone_capviz.scenes.wording import BACKGROUND_WORDS
from fiftyone_capviz.scenes.world import Scene, sample_scene, sample_with
from fiftyone_capviz.segments import filter_segments
from fiftyone_capviz.words import caption_words

BATCH = 50
HAT_SCENES = 200
RETRIEVAL_SIZE = 100
# An object counts for hats and masks when it owns more than this share of the image.
LARGE = 0.01
# The point game's rule: a hit if at least a fifth of the patch's pixels belong to the object.
PATCH_SHARE = 0.2
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


@dataclass(frozen=True)
class Drawn:
    """A scene with its picture."""

    scene: Scene
    rendering: Rendering

    @property
    def image(self) -> Image.Image:
        """The picture as the product opens it."""
        return Image.fromarray(self.rendering.image)


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
        if section not in figures:
            continue
        value = figures[section][name]
        met = value >= bound if sense == "at least" else value <= bound
        compared[path] = {"target": f"{sense} {bound}", "measured": value, "met": bool(met)}
    return compared


def _drawn(first: int, n: int) -> Iterator[list[Drawn]]:
    for start in range(first, first + n, BATCH):
        scenes = [sample_scene(seed) for seed in range(start, min(start + BATCH, first + n))]
        yield [Drawn(scene, render(scene)) for scene in scenes]


def _load(kind: str, folder: Path) -> Any:
    return load_model(kind, str(folder), device=torch.device("cpu"), dtype=torch.float32)


def _share(hits: Sequence[bool]) -> float:
    return round(float(np.mean(hits)), 4) if len(hits) else float("nan")


def measure_captions(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Shares of default captions that name the subject, the background and the subject's color.

    The color counts where the grammar's own caption of the scene names one.
    """
    captioner = _load("captioner", weights / "captioner")
    subject: list[bool] = []
    background: list[bool] = []
    color: list[bool] = []
    examples: list[dict[str, Any]] = []
    for batch in _drawn(first, n):
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
        "subject": _share(subject),
        "background": _share(background),
        "color": _share(color),
        "colors_counted": len(color),
        "examples": examples,
    }


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


def measure_habit(weights: Path, first: int, n: int = HAT_SCENES) -> dict[str, Any]:
    """How often a visible hat is named by default, and when the prompt asks what is worn.

    Always on 200 scenes, or on n where n is smaller.
    """
    captioner = _load("captioner", weights / "captioner")
    by_default, asked, color = [], [], []
    drawn = hat_scenes(first, min(n, HAT_SCENES))
    for start in range(0, len(drawn), BATCH):
        batch = drawn[start : start + BATCH]
        features = captioner.encode(captioner.preprocess([one.image for one in batch]))
        plain = captioner.generate(features, [captioner.default_prompt] * len(batch))
        prompts = [f"the {one.scene.subject.kind} is wearing" for one in batch]
        steered = captioner.generate(features, prompts)
        for one, before, after in zip(batch, plain, steered, strict=True):
            hat = one.scene.find("hat")
            by_default.append("hat" in named_kinds(before.text))
            asked.append("hat" in named_kinds(after.text))
            color.append(hat is not None and color_named_for(after.text, "hat") == hat.color)
    return {
        "scenes": len(drawn),
        "hats_named_by_default": _share(by_default),
        "hats_named_when_asked": _share(asked),
        "hat_color_when_asked": _share(color),
    }


def measure_matching(weights: Path, first: int, n: int) -> dict[str, Any]:
    """AUC of the match logit: a true caption against the same caption with one word swapped."""
    matcher = _load("matcher", weights / "matcher")
    truth: list[int] = []
    score: list[float] = []
    by_group: dict[str, list[bool]] = {"noun": [], "background": [], "color": []}
    for batch in _drawn(first, n):
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
        "true_above_its_swap": {group: _share(hits) for group, hits in by_group.items()},
    }


def _group(word: str) -> str:
    if word in BACKGROUND_WORDS:
        return "background"
    return "noun" if word in KINDS + ACCESSORIES else "color"


def measure_grounding(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Point game: is the patch with the highest attribution one of the named thing's patches?

    ITM side on the grammar's full captions, LM side on its default captions. A word counts where
    its thing owns a fifth of at least one patch. Macro-average over object kinds and accessories;
    backgrounds are listed apart.
    """
    hits: dict[str, dict[str, list[bool]]] = {}
    sides = [
        ("itm", _load("matcher", weights / "matcher")),
        ("lm", _load("captioner", weights / "captioner")),
    ]
    for batch in _drawn(first, n):
        for side, model in sides:
            features = model.encode(model.preprocess([drawn.image for drawn in batch]))
            captions = [
                full_caption(drawn.scene, np.random.default_rng(drawn.scene.seed))
                if side == "itm"
                else default_caption(drawn.scene)
                for drawn in batch
            ]
            words = [caption_words(caption) for caption in captions]
            targets = [
                _word_patches(drawn, found, model.grid)
                for drawn, found in zip(batch, words, strict=True)
            ]
            for method in ("gradcam", "cross_attention"):
                maps = all_layer_maps(
                    model, features, captions=captions, words=words, method=method
                )
                for layers, wanted in zip(maps, targets, strict=True):
                    for layer, by_word in enumerate(np.asarray(layers)[:, 0]):
                        name = f"{side} {method} layer {layer}"
                        for index, (word, patches) in wanted.items():
                            hit = bool(patches.ravel()[int(by_word[index].argmax())])
                            hits.setdefault(name, {}).setdefault(word, []).append(hit)
    return _grounding_table(hits)


def _grounding_table(hits: dict[str, dict[str, list[bool]]]) -> dict[str, Any]:
    table: dict[str, dict[str, Any]] = {}
    for name, by_word in hits.items():
        things = {word: _share(by_word[word]) for word in KINDS + ACCESSORIES if word in by_word}
        grounds = {word: _share(by_word[word]) for word in _BACKGROUND_LEMMAS if word in by_word}
        table[name] = {
            "macro": round(float(np.mean(list(things.values()))), 4),
            "words": things,
            "backgrounds": grounds,
            "counts": {word: len(by_word[word]) for word in (*things, *grounds)},
        }
    best = max(table, key=lambda name: table[name]["macro"])
    gradcam = [name for name in table if name.startswith("itm gradcam")]
    best_gradcam = max(gradcam, key=lambda name: table[name]["macro"])
    return {
        "best": table[best]["macro"],
        "best_name": best,
        "best_itm_gradcam": table[best_gradcam]["macro"],
        "best_itm_gradcam_name": best_gradcam,
        "table": table,
    }


_BACKGROUND_LEMMAS = tuple(BACKGROUND_WORDS.values())


def _word_patches(
    drawn: Drawn, words: CaptionWords, grid: int
) -> dict[int, tuple[str, NDArray[np.bool_]]]:
    """For each word with a place its name and the patches (bool "grid grid") that count as hits."""
    found = {}
    for index, word in enumerate(words.words):
        if word in _BACKGROUND_LEMMAS:
            mask = drawn.rendering.ground
        else:
            places = [i for i, thing in enumerate(drawn.scene.things) if thing.kind == word]
            if not places:
                continue
            mask = drawn.rendering.masks[places[0]]
        patches = _patch_shares(mask, grid) >= PATCH_SHARE
        if patches.any():
            found[index] = (word, patches)
    return found


def _patch_shares(mask: NDArray[np.bool_], grid: int) -> NDArray[np.floating]:
    """Share of each patch's pixels that the mask owns, for any image side."""
    edges = np.linspace(0, mask.shape[0], grid + 1)
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    sums[1:, 1:] = mask.cumsum(0).cumsum(1)
    lines = np.arange(mask.shape[0] + 1)
    # The integral image is piecewise linear, so patch edges inside a pixel are exact too.
    rows = np.stack([np.interp(edges, lines, column) for column in sums.T], axis=1)
    both = np.stack([np.interp(edges, lines, row) for row in rows], axis=0)
    pixels = (mask.shape[0] / grid) ** 2
    shares: NDArray[np.floating] = np.diff(np.diff(both, axis=0), axis=1) / pixels
    return shares


def measure_masks(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Automatic masks after the product's filters against the exact masks of large things."""
    segmenter = _load("segmenter", weights / "sam")
    best: dict[str, list[float]] = {}
    counts = []
    for batch in _drawn(first, n):
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
    encoder = _load("encoder", weights / "clip")
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
    return {"galleries": galleries, "recall_at_1": _share(right)}


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
    "habit": (("captioner",), measure_habit),
    "matching": (("matcher",), measure_matching),
    "grounding": (("captioner", "matcher"), measure_grounding),
    "masks": (("sam",), measure_masks),
    "retrieval": (("clip",), measure_retrieval),
    "weights": ((), measure_weights),
}
