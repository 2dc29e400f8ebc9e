"""False sentences: a true caption with one word replaced.

Articles and prepositions are made to agree with the new word, so that no small word gives
the falsehood away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fiftyone_capviz.scenes.scene import Scene
from fiftyone_capviz.scenes.tables import COLORS, KINDS, PERSONS, SHOWN_BY_BACKGROUND
from fiftyone_capviz.scenes.wording import (
    BACKGROUND_WORDS,
    article,
    place_phrase,
    word_of_background,
)

_WEARABLE = ("hat", "tie", "sunglasses")
_PORTABLE = ("bag", "umbrella", "fish", "ball")
_BESIDE = tuple(kind for kind in KINDS if kind != "sun")
_LIVING = ("man", "woman", "dog", "wolf", "cat", "bird", "fish")
_ACTIONS = ("running", "flying", "swimming", "sitting")
_OF_PERSONS = ("wearing", "holding", "carrying", "shirt")


@dataclass(frozen=True)
class Swap:
    """A false caption, the index of the new word in it, the word it replaced, the new one.

    Where "sunglasses" (which takes no article) is the old or the new word, the caption has
    one word more or less than the true one; `position` counts in the false caption.
    """

    caption: str
    position: int
    old: str
    new: str


def swap_word(caption: str, scene: Scene, rng: np.random.Generator) -> Swap | None:
    """Replace one word so that the caption is false for the scene; None if none can be.

    The class of the word (a kind or accessory, a background, a color) is drawn first, the
    position second, so that rare classes are swapped as often as frequent ones.
    """
    swaps = swap_words(caption, scene, rng, 1)
    return swaps[0] if swaps else None


def swap_words(caption: str, scene: Scene, rng: np.random.Generator, n: int) -> list[Swap]:
    """Up to `n` different false captions, each with one word replaced.

    Raises:
        ValueError: `n` is below 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1; got {n}. Ask for one swap or more.")
    words = caption.split()
    options: dict[str, dict[int, list[str]]] = {}
    for position in range(len(words)):
        group, candidates = _candidates(words, position, scene)
        if candidates:
            options.setdefault(group, {})[position] = candidates
    swaps: list[Swap] = []
    while options and len(swaps) < n:
        groups = list(options)
        group = groups[_draw([_GROUP_WEIGHTS[name] for name in groups], rng)]
        positions = list(options[group])
        # Persons head most sentences: without a smaller pull they would be most swaps.
        pulls = [0.5 if words[position] in PERSONS else 1.0 for position in positions]
        position = positions[_draw(pulls, rng)]
        candidates = options[group][position]
        new = candidates.pop(_rarer_first(candidates, rng))
        swaps.append(_replace(words, position, new, group))
        if not candidates:
            del options[group][position]
            if not options[group]:
                del options[group]
    return swaps


_GROUP_WEIGHTS = {"noun": 0.5, "background": 0.28, "color": 0.22}


_RARE = {"sun": 4.0, "tree": 3.0, "bag": 2.0, "umbrella": 2.0, "sunglasses": 2.0, "house": 1.5}
"""Pull of nouns that fit in few places, so that each is wrong about as often as it is right."""


def _draw(weights: list[float], rng: np.random.Generator) -> int:
    cumulative = np.cumsum(weights)
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))


def _rarer_first(candidates: list[str], rng: np.random.Generator) -> int:
    return _draw([_RARE.get(word, 1.0) for word in candidates], rng)


def _candidates(words: list[str], position: int, scene: Scene) -> tuple[str, list[str]]:
    """The class of a word and what may replace it: nothing that is true of the scene."""
    word = words[position]
    if word in COLORS:
        noun = words[position + 1] if position + 1 < len(words) else ""
        owner = scene.subject if noun == "shirt" else scene.find(noun)
        truth = owner.color if owner is not None else word
        return "color", [color for color in COLORS if color not in (word, truth)]
    if word in BACKGROUND_WORDS:
        return "background", [
            other
            for other, background in BACKGROUND_WORDS.items()
            if other != word and background != scene.background
        ]
    present = scene.kinds | set(SHOWN_BY_BACKGROUND.get(scene.background, ()))
    return "noun", [noun for noun in _natural_nouns(words, position) if noun not in present]


def _natural_nouns(words: list[str], position: int) -> tuple[str, ...]:
    """Nouns that keep the sentence natural in the place of a word."""
    word = words[position]
    if word not in (*KINDS, *_WEARABLE, *_PORTABLE):
        return ()
    colored = position > 0 and words[position - 1] in COLORS
    head = _phrase_start(words, position)
    before = words[head - 1] if head > 0 else ""
    if before == "wearing":
        nouns: tuple[str, ...] = _WEARABLE
    elif before in ("holding", "carrying"):
        nouns = _PORTABLE
    elif word in PERSONS and any(verb in words for verb in _OF_PERSONS):
        nouns = PERSONS
    elif position + 1 < len(words) and words[position + 1] in _ACTIONS:
        nouns = _LIVING
    elif before == "to":
        nouns = _BESIDE
    elif word in (*_WEARABLE, "bag", "umbrella"):
        nouns = (*_WEARABLE, "bag", "umbrella")
    elif before == "and" or position + 1 == len(words):
        nouns = KINDS
    else:
        nouns = _BESIDE  # "the sun with a dog" is no sentence of this grammar
    if colored:
        nouns = tuple(noun for noun in nouns if noun not in ("sunglasses", "sun", "tree", *PERSONS))
    return tuple(noun for noun in nouns if noun != word)


def _phrase_start(words: list[str], position: int) -> int:
    """Index of the first word of the noun phrase: article or color or the noun itself."""
    start = position
    if start > 0 and words[start - 1] in COLORS:
        start -= 1
    if start > 0 and words[start - 1] in ("a", "an", "the"):
        start -= 1
    return start


def _replace(words: list[str], position: int, new: str, group: str) -> Swap:
    old = words[position]
    if group == "background":
        result = [*words[:position], new, *words[position + 1 :]]
        _fit_place(result, position, "boat" if "boat" in words[:position] else "")
        return Swap(" ".join(result), position, old, new)
    noun_at = position if group == "noun" else position + 1
    start = _phrase_start(words, noun_at)
    phrase = [*words[start:position], new, *words[position + 1 : noun_at + 1]]
    # "the man is ..." keeps its article; "a", "an", none and "the sun" follow the noun.
    definite = phrase[0] == "the" and old != "sun"
    if phrase[0] in ("a", "an", "the"):
        phrase = phrase[1:]
    first = "the" if definite else article(phrase[0], phrase[-1])
    phrase = ([first] if first else []) + phrase
    result = words[:start] + phrase + words[noun_at + 1 :]
    place = start + len(phrase) - 1 - (noun_at - position)
    return Swap(" ".join(result), place, old, new)


def _fit_place(words: list[str], position: int, subject: str) -> None:
    """Make preposition and article before a background word agree with it, in place."""
    background = BACKGROUND_WORDS[words[position]]
    preposition, determiner, noun = place_phrase(background, subject).split()
    assert noun == word_of_background(background)
    if position > 0 and words[position - 1] in ("a", "the"):
        words[position - 1] = determiner
    if position > 1 and words[position - 2] in ("in", "on"):
        words[position - 2] = preposition
