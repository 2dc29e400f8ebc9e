"""The point game of the bundled models: does a word attend most to a patch of its thing?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.attribution.words.methods import METHODS, all_method_maps
from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.scenes.drawn import Drawn, drawn_batches, load_bundled, share_of
from fiftyone_capviz.scenes.grammar import (
    default_caption,
    full_caption,
)
from fiftyone_capviz.scenes.tables import ACCESSORIES, KINDS
from fiftyone_capviz.scenes.wording import BACKGROUND_WORDS
from fiftyone_capviz.text.words import caption_words

RETRIEVAL_SIZE = 100

# The point game's rule: a hit if at least a fifth of the patch's pixels belong to the object.
PATCH_SHARE = 0.2


def measure_grounding(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Point game: is the patch with the highest attribution one of the named thing's patches?

    ITM side on the grammar's full captions, LM side on its default captions. A word counts where
    its thing owns a fifth of at least one patch. Macro-average over object kinds and accessories;
    backgrounds are listed apart.
    """
    hits: dict[str, dict[str, list[bool]]] = {}
    sides = [
        ("itm", load_bundled("matcher", weights / "matcher")),
        ("lm", load_bundled("captioner", weights / "captioner")),
    ]
    for batch in drawn_batches(first, n):
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
                _word_patches(drawn, found, model.grid.side)
                for drawn, found in zip(batch, words, strict=True)
            ]
            by_method = all_method_maps(model, features, captions=captions, words=words)
            for method in METHODS:
                maps = by_method[method]
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
        things = {word: share_of(by_word[word]) for word in KINDS + ACCESSORIES if word in by_word}
        grounds = {word: share_of(by_word[word]) for word in _BACKGROUND_LEMMAS if word in by_word}
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
