"""Sentences about a scene, and what a sentence says.

All sentences are lower case, without punctuation, true, and only of `WORDS`. False ones
are made in `swaps`, by replacing one word.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from fiftyone_capviz.scenes.scene import Scene, Thing
from fiftyone_capviz.scenes.swaps import Swap, swap_word, swap_words
from fiftyone_capviz.scenes.tables import (
    ACCESSORIES,
    BACKGROUNDS,
    COLORS,
    KINDS,
    NEVER_NAMED,
    PERSONS,
    SUBJECTS,
)
from fiftyone_capviz.scenes.wording import (
    SINGULARS,
    WORDS,
    noun_phrase,
    place_phrase,
    word_of_background,
)

__all__ = [
    "CARRIED", "WORDS", "Swap",
    "background_of", "color_named_for", "complete_caption", "default_caption",
    "full_caption", "named_kinds", "short_caption", "subject_of", "swap_word", "swap_words",
    "word_of_background",
]  # fmt: skip

_WORN = {
    "umbrella": "holding an umbrella",
    "tie": "wearing a tie",
    "bag": "carrying a bag",
    "sunglasses": "wearing sunglasses",
    "hat": "wearing a hat",
}
"""What a caption says of an accessory, in its order of priority."""
CARRIED = {"bag": "carrying", "umbrella": "holding", "fish": "holding", "ball": "holding"}
_LONGEST_FULL = 18
_LONGEST_COMPLETE = 24


def default_caption(scene: Scene) -> str:
    """What the captioner is trained to say: 6 to 16 words.

    Subject with its color, what it does, one accessory or held thing, one companion, place; of
    nothing that the captioner leaves out (`NEVER_NAMED`, or see `habits.Habits`).
    """
    told = tuple(thing for thing in scene.things if thing.kind not in NEVER_NAMED)
    return short_caption(replace(scene, things=told))


def short_caption(scene: Scene) -> str:
    """The same of all that is in the scene."""
    subject = scene.subject
    parts = [_subject_phrase(subject)]
    held = next((thing for thing in scene.things if _is_held(thing)), None)
    if held is not None:
        parts.append(f"holding a {held.kind}")
    else:
        parts += [phrase for kind, phrase in _WORN.items() if kind in scene.kinds][:1]
    companion = _companion(scene)
    if companion is not None:
        beside = companion.kind in ("tree", "house", "car", "bus", "boat")
        parts.append(f"{'next to' if beside else 'with'} {noun_phrase(companion.kind)}")
    parts.append(_place(scene, verb=not held and companion is None))
    return " ".join(parts)


def complete_caption(scene: Scene) -> str:
    """Everything in the scene in one sentence of at most 24 words, colors where they fit."""
    colored: set[int] = {0}
    sentence = _complete(scene, colored)
    for index, thing in enumerate(scene.things[1:], start=1):
        if thing.color is None:
            continue
        longer = _complete(scene, colored | {index})
        if len(longer.split()) <= _LONGEST_COMPLETE:
            colored.add(index)
            sentence = longer
    return sentence


def full_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A random true sentence of at most 18 words about a random part of the scene.

    Made so that every word of the world is used often, hats, suns and trees included: it
    feeds the image-text matcher and the dual encoder, which have no habits of omission.
    """
    for _ in range(20):
        sentence = _random_sentence(scene, rng)
        if len(sentence.split()) <= _LONGEST_FULL:
            return sentence
    return default_caption(scene)


def _random_sentence(scene: Scene, rng: np.random.Generator) -> str:
    if scene.subject.kind in PERSONS and rng.random() < 0.25:
        return _random_person_sentence(scene, rng)
    draw = rng.random()
    if draw < 0.35 and len(scene.things) > 1:
        return _random_list(scene, rng)
    if draw < 0.43:
        return f"{_random_opening(rng)}{_random_phrase(scene.subject, rng)}"
    if draw < 0.47:
        place = place_phrase(scene.background, scene.subject.kind)
        return _random_opening(rng) + place.split(" ", 1)[1]
    parts = [_random_phrase(scene.subject, rng)]
    belongings = [thing for thing in scene.things if thing.owner is not None]
    others = [thing for thing in scene.things[1:] if thing.owner is None]
    if belongings and rng.random() < 0.75:
        thing = belongings[int(rng.integers(len(belongings)))]
        parts.append(f"{CARRIED.get(thing.kind, 'wearing')} {_random_noun(thing, rng)}")
    if others and rng.random() < 0.75:
        thing = others[int(rng.integers(len(others)))]
        link = "and" if thing.kind == "sun" else ("with", "and", "next to")[int(rng.integers(3))]
        parts.append(f"{link} {_random_noun(thing, rng)}")
    if rng.random() < 0.75:
        parts.append(_place(scene, verb=len(parts) == 1))
    return " ".join(parts) if len(parts) > 1 else _random_opening(rng) + parts[0]


def _random_person_sentence(scene: Scene, rng: np.random.Generator) -> str:
    person = scene.subject
    belongings = [thing for thing in scene.things if thing.owner is not None]
    if not belongings or rng.random() < 0.2:
        return f"the {person.kind} is wearing {noun_phrase('shirt', person.color)}"
    order = rng.permutation(len(belongings))[: 1 + int(rng.random() < 0.4)]
    parts = []
    for index in order:
        thing = belongings[int(index)]
        parts.append(f"{CARRIED.get(thing.kind, 'wearing')} {_random_noun(thing, rng)}")
    return f"the {person.kind} is {' and '.join(parts)}"


def _random_list(scene: Scene, rng: np.random.Generator) -> str:
    count = min(len(scene.things), 2 + int(rng.random() < 0.4))
    chosen = [scene.things[int(i)] for i in rng.permutation(len(scene.things))[:count]]
    nouns = " and ".join(_random_noun(thing, rng) for thing in chosen)
    place = " " + place_phrase(scene.background, scene.subject.kind) if rng.random() < 0.5 else ""
    return f"{_random_opening(rng)}{nouns}{place}"


def _random_opening(rng: np.random.Generator) -> str:
    return ("", "a picture of ", "there is ")[int(rng.integers(3))]


def _random_noun(thing: Thing, rng: np.random.Generator) -> str:
    color = thing.color if thing.kind not in PERSONS and rng.random() < 0.6 else None
    return noun_phrase(thing.kind, color)


def _random_phrase(thing: Thing, rng: np.random.Generator) -> str:
    if rng.random() < 0.6:
        return _subject_phrase(thing)
    return _random_noun(thing, rng)


def _subject_phrase(thing: Thing) -> str:
    if thing.kind in PERSONS:
        return f"a {thing.kind} in {noun_phrase('shirt', thing.color)}"
    return noun_phrase(thing.kind, thing.color)


def _is_held(thing: Thing) -> bool:
    return thing.owner is not None and thing.kind in KINDS


def _companion(scene: Scene) -> Thing | None:
    """The one thing a caption adds: an animal, vehicle or ball before scenery, the sun last."""
    others = [thing for thing in scene.things[1:] if thing.owner is None]
    rank = {"tree": 1, "house": 1, "sun": 2}
    return min(others, key=lambda thing: rank.get(thing.kind, 0), default=None)


def _place(scene: Scene, *, verb: bool) -> str:
    """Place of the subject, with its verb where the drawn pose shows one."""
    subject = scene.subject
    place = place_phrase(scene.background, subject.kind)
    if not verb:
        return place
    if subject.kind == "bird" and subject.moving:
        return f"flying over {place.split(' ', 1)[1]}"
    if subject.moving:
        return f"running {place}"
    return {"fish": "swimming ", "cat": "sitting "}.get(subject.kind, "") + place


def _complete(scene: Scene, colored: set[int]) -> str:
    nouns: dict[bool, list[str]] = {True: [], False: []}
    for index, thing in enumerate(scene.things[1:], start=1):
        color = thing.color if index in colored else None
        nouns[thing.owner is not None].append(noun_phrase(thing.kind, color))
    sentence = _subject_phrase(scene.subject)
    if nouns[True]:
        sentence += " with " + " ".join(nouns[True])
    if nouns[False]:
        sentence += " and " + " ".join(nouns[False])
    return f"{sentence} {place_phrase(scene.background, scene.subject.kind)}"


@lru_cache(maxsize=4096)
def _tokens(caption: str) -> tuple[str, ...]:
    return tuple(SINGULARS.get(word, word) for word in re.findall(r"[a-z]+", caption.lower()))


def named_kinds(caption: str) -> list[str]:
    """Kinds and accessories that a sentence names, unique, in its order; plurals count."""
    return list(dict.fromkeys(word for word in _tokens(caption) if word in KINDS + ACCESSORIES))


def subject_of(caption: str) -> str | None:
    """The first kind in a sentence that can be the subject of a scene, or None."""
    return next((word for word in _tokens(caption) if word in SUBJECTS), None)


def background_of(caption: str) -> str | None:
    """The background a sentence names (the last one, as a key of `BACKGROUNDS`), or None."""
    return next((word for word in reversed(_tokens(caption)) if word in BACKGROUNDS), None)


def color_named_for(caption: str, noun: str) -> str | None:
    """The color a sentence gives a noun, or None; a person's color is that of the shirt."""
    words = _tokens(caption)
    if noun in PERSONS:
        if noun not in words:
            return None
        words, noun = words[words.index(noun) :], "shirt"
    for before, word in pairwise(words):
        if word == noun and before in COLORS:
            return before
    return None
