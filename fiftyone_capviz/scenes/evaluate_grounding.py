"""The point game of the bundled models: does a word attend most to a patch of its thing?

Formulas: docs/methods.md, sections 7.2, 8.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.attribution.words.methods import METHODS, all_method_maps
from fiftyone_capviz.evaluation.grounding import point_game
from fiftyone_capviz.evaluation.regions import LENIENT_SHARE, patch_centres, patch_shares
from fiftyone_capviz.geometry import squash
from fiftyone_capviz.records import BoolArray, CaptionWords
from fiftyone_capviz.scenes.drawn import Drawn, drawn_batches, load_bundled
from fiftyone_capviz.scenes.grammar import (
    default_caption,
    full_caption,
)
from fiftyone_capviz.scenes.tables import ACCESSORIES, KINDS
from fiftyone_capviz.scenes.wording import BACKGROUND_WORDS
from fiftyone_capviz.text.words import caption_words

RETRIEVAL_SIZE = 100

RULE = "the patch's centre lies in the thing"
LENIENT_RULE = "the thing owns a fifth of the patch's pixels"


@dataclass
class _Side:
    """The words of one model's captions, and what each variant's maps hit.

    Attributes:
        words: that count.
        left_out: words that do not: their thing owns no patch's centre.
        hits, lenient: variant -> of the words, by either rule.
    """

    words: list[str] = field(default_factory=list)
    left_out: int = 0
    hits: dict[str, list[float]] = field(default_factory=dict)
    lenient: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Targets:
    """The words of one caption that have a place.

    Attributes:
        index, words: of the words that count, and their names.
        centres, lenient: the patches that are their things', by either rule: bool "words patches".
        left_out: words whose thing owns no patch's centre.
    """

    index: list[int]
    words: list[str]
    centres: BoolArray
    lenient: BoolArray
    left_out: int


def measure_grounding(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Point game: is the patch with the highest attribution one of the named thing's patches?

    ITM side on the grammar's full captions, LM side on its default captions. A hit is a patch whose
    centre lies in the thing; beside it, by the lenient rule, one of whose pixels the thing owns a
    fifth. A word whose thing owns no patch's centre is left out of both, and counted.
    Macro-average over object kinds and accessories; backgrounds are listed apart.
    """
    sides: dict[str, _Side] = {"itm": _Side(), "lm": _Side()}
    models = {
        "itm": load_bundled("matcher", weights / "matcher"),
        "lm": load_bundled("captioner", weights / "captioner"),
    }
    for batch in drawn_batches(first, n):
        for side, model in models.items():
            _measure_side(sides[side], side, model, batch)
    return _grounding_table(sides)


def _measure_side(found: _Side, side: str, model: Any, batch: Sequence[Drawn]) -> None:
    features = model.encode(model.preprocess([drawn.image for drawn in batch]))
    captions = [
        full_caption(drawn.scene, np.random.default_rng(drawn.scene.seed))
        if side == "itm"
        else default_caption(drawn.scene)
        for drawn in batch
    ]
    words = [caption_words(caption) for caption in captions]
    targets = [
        _word_patches(drawn, each, model.grid.side)
        for drawn, each in zip(batch, words, strict=True)
    ]
    for each in targets:
        found.words += each.words
        found.left_out += each.left_out
    by_method = all_method_maps(model, features, captions=captions, words=words)
    for method in METHODS:
        for layers, wanted in zip(by_method[method], targets, strict=True):
            maps = np.asarray(layers)[:, 0, wanted.index]
            maps = maps.reshape(*maps.shape[:2], -1).astype(np.float64)
            hits, lenient = (point_game(maps, each) for each in (wanted.centres, wanted.lenient))
            for layer in range(len(maps)):
                name = f"{side} {method} layer {layer}"
                found.hits.setdefault(name, []).extend(hits[layer].tolist())
                found.lenient.setdefault(name, []).extend(lenient[layer].tolist())


def _grounding_table(sides: dict[str, _Side]) -> dict[str, Any]:
    table = {name: _row(side, name) for side in sides.values() for name in side.hits}
    best = max(table, key=lambda name: table[name]["macro"])
    gradcam = [name for name in table if name.startswith("itm gradcam")]
    best_gradcam = max(gradcam, key=lambda name: table[name]["macro"])
    return {
        "rule": RULE,
        "lenient_rule": LENIENT_RULE,
        "left_out": {name: side.left_out for name, side in sides.items()},
        "best": table[best]["macro"],
        "best_name": best,
        "best_itm_gradcam": table[best_gradcam]["macro"],
        "best_itm_gradcam_name": best_gradcam,
        "table": table,
    }


def _row(side: _Side, name: str) -> dict[str, Any]:
    """A variant's shares by word, and their macro-averages by either rule."""
    by_word = _shares(side.words, side.hits[name])
    things = {word: by_word[word] for word in KINDS + ACCESSORIES if word in by_word}
    grounds = {word: by_word[word] for word in _BACKGROUND_LEMMAS if word in by_word}
    lenient = _shares(side.words, side.lenient[name])
    return {
        "macro": round(float(np.mean(list(things.values()))), 4),
        "macro_lenient": round(float(np.mean([lenient[word] for word in things])), 4),
        "words": things,
        "backgrounds": grounds,
        "counts": {word: side.words.count(word) for word in (*things, *grounds)},
    }


def _shares(words: Sequence[str], hits: Sequence[float]) -> dict[str, float]:
    """Word -> mean of its hits."""
    names, values = np.array(words, dtype=object), np.array(hits)
    return {word: round(float(values[names == word].mean()), 4) for word in dict.fromkeys(words)}


_BACKGROUND_LEMMAS = tuple(BACKGROUND_WORDS.values())


def _word_patches(drawn: Drawn, words: CaptionWords, grid: int) -> _Targets:
    """The words of a caption that name a drawn thing or the ground, and its patches."""
    places, masks = [], []
    for index, word in enumerate(words.words):
        mask = _mask_of(drawn, word)
        if mask is not None:
            places.append(index)
            masks.append(mask)
    height, width = drawn.rendering.ground.shape
    every = np.stack(masks) if masks else np.zeros((0, height, width), dtype=bool)
    transform = squash(width, height, grid)
    centres = patch_centres(every, transform).reshape(len(every), grid * grid)
    lenient = (patch_shares(every, transform) >= LENIENT_SHARE).reshape(centres.shape)
    counted = centres.any(axis=1)
    index = [place for place, counts in zip(places, counted, strict=True) if counts]
    return _Targets(
        index,
        [words.words[i] for i in index],
        centres[counted],
        lenient[counted],
        int((~counted).sum()),
    )


def _mask_of(drawn: Drawn, word: str) -> NDArray[np.bool_] | None:
    """Where a word's thing is drawn; None where it names none."""
    if word in _BACKGROUND_LEMMAS:
        return drawn.rendering.ground
    places = [i for i, thing in enumerate(drawn.scene.things) if thing.kind == word]
    return drawn.rendering.masks[places[0]] if places else None
