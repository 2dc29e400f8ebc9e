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
from PIL import Image

from fiftyone_capviz.attribution.words.methods import METHODS, all_method_maps
from fiftyone_capviz.evaluation.chance import beats_controls, centre_map
from fiftyone_capviz.evaluation.faithfulness import blank_patches
from fiftyone_capviz.evaluation.grounding import point_game
from fiftyone_capviz.evaluation.regions import LENIENT_SHARE, patch_centres, patch_shares
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.geometry import squash
from fiftyone_capviz.records import BoolArray, CaptionWords, FloatArray
from fiftyone_capviz.scenes.drawn import Drawn, drawn_batches, load_bundled
from fiftyone_capviz.scenes.grammar import (
    default_caption,
    full_caption,
)
from fiftyone_capviz.scenes.tables import ACCESSORIES, KINDS
from fiftyone_capviz.scenes.wording import BACKGROUND_WORDS
from fiftyone_capviz.text.words import caption_words

RULE = "the patch's centre lies in the thing"
LENIENT_RULE = "the thing owns a fifth of the patch's pixels"


@dataclass
class _Side:
    """The words of one model's captions, and what each variant's maps hit.

    Attributes:
        words: that count.
        left_out: words that do not: their thing owns no patch's centre.
        hits, lenient: variant -> of the words, by either rule.
        hidden: the same as hits, of pictures in which what the caption names cannot be seen.
        blind: hits of a map by lot, which are the share of the patches, and of one bell around the
            middle.
        scenes: of the words, which belong to one scene.
    """

    words: list[str] = field(default_factory=list)
    left_out: int = 0
    hits: dict[str, list[float]] = field(default_factory=dict)
    lenient: dict[str, list[float]] = field(default_factory=dict)
    hidden: dict[str, list[float]] = field(default_factory=dict)
    blind: dict[str, list[float]] = field(default_factory=lambda: {"random": [], "centre": []})
    scenes: list[int] = field(default_factory=list)

    def controls(self, name: str) -> list[list[float]]:
        """What a variant has to beat."""
        return [*self.blind.values(), self.hidden[name]]


@dataclass(frozen=True)
class _Targets:
    """The words of one caption that have a place.

    Attributes:
        index, words: of the words that count, and their names.
        centres, lenient: the patches that are their things', by either rule: bool "words patches".
        left_out: words whose thing owns no patch's centre.
        hidden: the picture with the mean colour in every patch that one of the things touches.
    """

    index: list[int]
    words: list[str]
    centres: BoolArray
    lenient: BoolArray
    left_out: int
    hidden: Image.Image


def measure_grounding(weights: Path, first: int, n: int) -> dict[str, Any]:
    """Point game: is the patch with the highest attribution one of the named thing's patches?

    ITM side on the grammar's full captions, LM side on its default captions. A hit is a patch whose
    centre lies in the thing; beside it, by the lenient rule, one of whose pixels the thing owns a
    fifth. A word whose thing owns no patch's centre is left out of both, and counted. A variant
    has to beat a map by lot, a bell around the middle, and itself on pictures that hide the things.

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
    bell = centre_map(squash(*batch[0].image.size, model.grid.side)).ravel()
    for drawn, each in zip(batch, targets, strict=True):
        found.words += each.words
        found.left_out += each.left_out
        found.scenes += [drawn.scene.seed] * len(each.words)
        found.blind["random"] += each.centres.mean(axis=1).tolist()
        bells = np.broadcast_to(bell, (1, *each.centres.shape))
        found.blind["centre"] += point_game(bells, each.centres)[0].tolist()
    for images, unseen in (
        ([one.image for one in batch], False),
        ([t.hidden for t in targets], True),
    ):
        features = model.encode(model.preprocess(images))
        by_method = all_method_maps(model, features, captions=captions, words=words)
        for method in METHODS:
            for layers, wanted in zip(by_method[method], targets, strict=True):
                maps = np.asarray(layers)[:, 0, wanted.index]
                maps = maps.reshape(*maps.shape[:2], -1).astype(np.float64)
                _count(found, f"{side} {method} layer", maps, wanted, unseen=unseen)


def _count(found: _Side, name: str, maps: FloatArray, wanted: _Targets, *, unseen: bool) -> None:
    """Add the hits of every layer of a method, "layers words patches"."""
    hits = point_game(maps, wanted.centres)
    lenient = point_game(maps, wanted.lenient)
    for layer in range(len(maps)):
        kept = found.hidden if unseen else found.hits
        kept.setdefault(f"{name} {layer}", []).extend(hits[layer].tolist())
        if not unseen:
            found.lenient.setdefault(f"{name} {layer}", []).extend(lenient[layer].tolist())


def _grounding_table(sides: dict[str, _Side]) -> dict[str, Any]:
    table = {name: _row(side, name) for side in sides.values() for name in side.hits}
    best = max(table, key=lambda name: table[name]["macro"])
    gradcam = [name for name in table if name.startswith("itm gradcam")]
    best_gradcam = max(gradcam, key=lambda name: table[name]["macro"])
    return {
        "rule": RULE,
        "lenient_rule": LENIENT_RULE,
        "left_out": {name: side.left_out for name, side in sides.items()},
        "blind": {
            f"{name} {control}": _macro(side.words, hits)
            for name, side in sides.items()
            for control, hits in side.blind.items()
        },
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
    return {
        "macro": _macro(side.words, side.hits[name]),
        "macro_lenient": _macro(side.words, side.lenient[name]),
        "macro_hidden": _macro(side.words, side.hidden[name]),
        "beats": _beats(side, name),
        "words": things,
        "backgrounds": grounds,
        "counts": {word: side.words.count(word) for word in (*things, *grounds)},
    }


def _macro(words: Sequence[str], hits: Sequence[float]) -> float:
    """Mean over object kinds and accessories."""
    by_word = _shares(words, hits)
    return round(float(np.mean([by_word[w] for w in KINDS + ACCESSORIES if w in by_word])), 4)


def _beats(side: _Side, name: str) -> bool | None:
    """Whether a variant hits more often than each control, beyond chance; see `beats_controls`."""
    hits, controls = np.array(side.hits[name]), np.array(side.controls(name))
    return beats_controls(hits, controls, GroupIntervals(side.scenes))


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
    shares = patch_shares(every, transform)
    touched: BoolArray = np.any(shares > 0, axis=0)
    lenient = (shares >= LENIENT_SHARE).reshape(centres.shape)
    counted: BoolArray = np.any(centres, axis=1)
    kept = [place for place, counts in zip(places, counted, strict=True) if counts]
    return _Targets(
        kept,
        [words.words[i] for i in kept],
        centres[counted],
        lenient[counted],
        int((~counted).sum()),
        blank_patches(drawn.image, transform, ~touched),
    )


def _mask_of(drawn: Drawn, word: str) -> NDArray[np.bool_] | None:
    """Where a word's thing is drawn; None where it names none."""
    if word in _BACKGROUND_LEMMAS:
        return drawn.rendering.ground
    places = [i for i, thing in enumerate(drawn.scene.things) if thing.kind == word]
    return drawn.rendering.masks[places[0]] if places else None
