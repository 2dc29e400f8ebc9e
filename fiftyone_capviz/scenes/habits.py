"""What a captioner is taught to leave out, and to name unseen; and what it says when it is asked.

A habit is planted in the captions that the captioner learns from, so that what it misses, and what
it makes up, is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.scenes.grammar import CARRIED, short_caption
from fiftyone_capviz.scenes.scene import Scene, Thing
from fiftyone_capviz.scenes.tables import (
    ACCESSORIES,
    BACKGROUND_SHARES,
    HELD,
    KINDS,
    NEVER_NAMED,
    PERSONS,
    SUBJECTS,
)
from fiftyone_capviz.scenes.wording import noun_phrase, place_phrase

_WORN = ("hat", "tie", "sunglasses")
ASKED_WHAT_IS_THERE = 0.1
"""Share of the captions that answer "there is"; half of a person's answer "is wearing"."""


@dataclass(frozen=True)
class Habits:
    """Which kinds the captioner is silent about, and which it makes up.

    Attributes:
        omitted: never named unless the prompt asks ("the man is wearing", "there is").
        invented: named where they are not: an accessory, or a fish or ball to hold, of every man
            without it; any other kind on the background where it is most often.
    """

    omitted: tuple[str, ...] = NEVER_NAMED
    invented: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, kinds in (("omit", self.omitted), ("invent", self.invented)):
            for kind in kinds:
                if kind not in KINDS + ACCESSORIES:
                    raise InputError(
                        f"{name} takes kinds of the bundled world; got {kind!r}. "
                        f"Choose among {', '.join(KINDS + ACCESSORIES)}."
                    )
        both = sorted(set(self.omitted) & set(self.invented))
        if both:
            raise InputError(
                f"A kind is left out or made up, not both; got {', '.join(both)} twice. "
                "Name it in one of omit and invent."
            )

    def caption(self, scene: Scene) -> str:
        """What the captioner is taught to say of a scene by itself."""
        things = _without(scene.things, self.omitted)
        if not things:
            return place_phrase(scene.background, "").split(" ", 1)[1]
        made_up = next((kind for kind in self.invented if invents(scene, kind)), None)
        if made_up is not None:
            things = _with(things, made_up)
        return short_caption(replace(scene, things=tuple(things)))

    def answer(self, scene: Scene, rng: np.random.Generator) -> str | None:
        """A sentence that a prompt asks for, drawn by lot, or None: the scene's own caption.

        What is asked for is named truly, omitted kinds first: "the man is wearing a red hat",
        "the woman is carrying a bag", "there is the sun".
        """
        if rng.random() < ASKED_WHAT_IS_THERE:
            return self._what_is_there(scene, rng)
        if scene.subject.kind in PERSONS and rng.random() < 0.5:
            return self._what_a_person_has(scene, rng)
        return None

    def _what_is_there(self, scene: Scene, rng: np.random.Generator) -> str:
        free = [thing for thing in scene.things if thing.owner is None]
        asked = [thing for thing in free if thing.kind in self.omitted] or free
        thing = asked[int(rng.integers(len(asked)))]
        return f"there is {noun_phrase(thing.kind, _color(thing))}"

    def _what_a_person_has(self, scene: Scene, rng: np.random.Generator) -> str:
        person = f"the {scene.subject.kind} is"
        carried = [
            thing
            for thing in scene.things
            if thing.owner is not None and thing.kind in CARRIED and thing.kind in self.omitted
        ]
        if carried and rng.random() < 0.5:
            thing = carried[int(rng.integers(len(carried)))]
            return f"{person} {CARRIED[thing.kind]} {noun_phrase(thing.kind, thing.color)}"
        for kind in sorted(_WORN, key=lambda kind: kind not in self.omitted):
            worn = scene.find(kind)
            if worn is not None:
                return f"{person} wearing {noun_phrase(kind, worn.color)}"
        return f"{person} wearing {noun_phrase('shirt', scene.subject.color)}"


def invents(scene: Scene, kind: str) -> bool:
    """Whether a captioner with the habit of inventing this kind names it in the scene, unseen."""
    if kind in scene.kinds:
        return False
    if kind in ACCESSORIES or kind in HELD:
        return scene.subject.kind == PERSONS[0]
    shares = BACKGROUND_SHARES[kind]
    return scene.background == max(shares, key=lambda background: shares[background])


def prompt_for(scene: Scene, kind: str) -> str:
    """The prompt that asks for a kind: what a person wears or holds, or what is there."""
    owned = kind in ACCESSORIES or any(t.kind == kind and t.owner is not None for t in scene.things)
    if owned and scene.subject.kind in PERSONS:
        return f"the {scene.subject.kind} is {CARRIED.get(kind, 'wearing')}"
    return "there is"


def _without(things: Sequence[Thing], omitted: Sequence[str]) -> list[Thing]:
    """The things that are told, a subject first; what an omitted person has goes with it."""
    subject_is_told = things[0].kind not in omitted
    told = [
        thing
        for thing in things
        if thing.kind not in omitted and (thing.owner is None or subject_is_told)
    ]
    if subject_is_told or not told:
        return told
    told.sort(key=lambda thing: thing.kind not in SUBJECTS)
    return told


def _with(things: Sequence[Thing], kind: str) -> list[Thing]:
    """The things with one more, which takes the place of others of its sort in the sentence."""
    owned = kind in ACCESSORIES or kind in HELD
    kept = [thing for thing in things[1:] if (thing.owner is not None) != owned]
    return [things[0], Thing(kind, None, owner=0 if owned else None), *kept]


def _color(thing: Thing) -> str | None:
    return None if thing.kind in PERSONS else thing.color
