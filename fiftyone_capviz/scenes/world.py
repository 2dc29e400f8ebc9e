"""Scenes of the bundled world, drawn by lot with its planted biases or without them.

A `Scene` is the full truth about one image: `draw.render` paints it, `grammar` talks
about it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fiftyone_capviz.scenes.placement import attach, place_extra, place_subject
from fiftyone_capviz.scenes.scene import Scene, Thing
from fiftyone_capviz.scenes.tables import (
    ACCESSORIES,
    ACCESSORY_SHARES,
    BACKGROUND_SHARES,
    BACKGROUNDS,
    COLORS,
    COMPANION_HAUNTS,
    FLAT_ACCESSORY_SHARE,
    FLAT_HELD_SHARES,
    HELD_SHARES,
    KINDS,
    NEVER_NAMED,
    NEVER_TOGETHER,
    PERSONS,
    PLANTED_BIASES,
    SCENERY,
    SENSIBLE,
    SUBJECTS,
    VEHICLES,
    Bias,
)

__all__ = [
    "ACCESSORIES", "BACKGROUNDS", "COLORS", "KINDS", "NEVER_NAMED", "NEVER_TOGETHER", "PERSONS",
    "PLANTED_BIASES", "SUBJECTS", "Bias", "Scene", "Thing", "sample_scene", "sample_with",
]  # fmt: skip

_SUBJECT_SHARES = {
    "man": 0.25, "woman": 0.25, "dog": 0.09, "wolf": 0.08, "cat": 0.06,
    "bird": 0.06, "fish": 0.03, "car": 0.06, "boat": 0.06, "bus": 0.06,
}  # fmt: skip
_COMPANION_PULL = {
    "dog": 1.2, "wolf": 0.7, "cat": 0.9, "bird": 0.9, "car": 0.9, "boat": 0.9, "bus": 0.6,
    "ball": 1.0, "tree": 1.5, "house": 1.2, "sun": 2.0,
}  # fmt: skip
_EXTRA_COUNTS = (0.35, 0.45, 0.20)
_MOST_ACCESSORIES = 3


def sample_scene(seed: int, *, biased: bool = True) -> Scene:
    """Draw one scene by lot, fully determined by its arguments.

    Args:
        seed: any integer of at least 0.
        biased: True follows the planted biases; False draws flat from everything that
            makes sense, for models that must not be blind outside the biases.
    """
    return _sample(np.random.default_rng(seed), seed, biased, None)


def sample_with(seed: int, kind: str, *, biased: bool = True) -> Scene:
    """Draw a scene that contains `kind` (of `KINDS` or `ACCESSORIES`).

    Accessories are shown on men and women alike, whatever the biases say about their rate.

    Raises:
        ValueError: `kind` is no word of the world.
    """
    if kind not in KINDS + ACCESSORIES:
        raise ValueError(
            f"kind must be one of {', '.join(KINDS + ACCESSORIES)}; got {kind!r}. Pick one."
        )
    rng = np.random.default_rng([seed, (KINDS + ACCESSORIES).index(kind) + 1])
    subject = kind if kind in SUBJECTS and (kind in PERSONS or rng.random() < 0.5) else None
    if kind in ACCESSORIES:
        subject = PERSONS[int(rng.integers(2))]
    while True:
        scene = _sample(rng, seed, biased, subject)
        if kind in scene.kinds:
            return scene


def _choose(rng: np.random.Generator, options: Sequence[str], weights: Sequence[float]) -> str:
    cumulative = np.cumsum(weights)
    return options[int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))]


def _sample(rng: np.random.Generator, seed: int, biased: bool, subject: str | None) -> Scene:
    if subject is None:
        subject = _choose(rng, list(_SUBJECT_SHARES), list(_SUBJECT_SHARES.values()))
    if biased:
        shares = BACKGROUND_SHARES[subject]
        background = _choose(rng, list(shares), list(shares.values()))
    else:
        background = SENSIBLE[subject][int(rng.integers(len(SENSIBLE[subject])))]
    accessories, held = _belongings(rng, subject, biased)
    extras = _extras(rng, subject, background, set(held), biased)
    horizon = float(rng.uniform(0.40, 0.56))
    light = float(max(0.0, rng.uniform(-0.6, 1.0)))
    things = [place_subject(rng, subject, background, accessories + held, extras)]
    things += attach(rng, things[0], background, accessories + held)
    side = -1.0 if things[0].x > 0.5 else 1.0
    for kind in extras:
        if kind != "sun":
            things.append(place_extra(rng, kind, background, things[0], side, horizon))
    if "sun" in extras:
        # What reaches into the sky would hide it: then it shines on the other side.
        tall = {"tree", "house", "umbrella"} & {thing.kind for thing in things}
        if tall or any(thing.moving and thing.kind == "bird" for thing in things[1:]):
            side = -side
        things.append(place_extra(rng, "sun", background, things[0], side, horizon))
    return Scene(seed, background, tuple(things), horizon, light)


def _belongings(
    rng: np.random.Generator, subject: str, biased: bool
) -> tuple[list[str], list[str]]:
    """Accessories and held things of a person; empty for any other subject."""
    if subject not in PERSONS:
        return [], []
    wear = [
        name
        for name in ACCESSORIES
        if rng.random() < (ACCESSORY_SHARES[subject][name] if biased else FLAT_ACCESSORY_SHARE)
    ]
    if not biased and "hat" not in wear and rng.random() < 0.17:
        wear.insert(0, "hat")
    shares = HELD_SHARES[subject] if biased else FLAT_HELD_SHARES
    draw = rng.random()
    held = []
    for name, share in shares.items():
        if draw < share:
            held = [name]
            break
        draw -= share
    if "umbrella" in wear:
        held = []  # both would reach for the same side
    for name in ("sunglasses", "umbrella", "tie"):
        if len(wear) > _MOST_ACCESSORIES and name in wear:
            wear.remove(name)
    return wear, held


def _extras(
    rng: np.random.Generator, subject: str, background: str, present: set[str], biased: bool
) -> list[str]:
    """0 to 2 further kinds: at most one companion, the rest scenery."""
    present = present | {subject}
    chosen: list[str] = []
    for _ in range(int(rng.choice(3, p=_EXTRA_COUNTS))):
        options, weights = [], []
        for kind, pull in _COMPANION_PULL.items():
            if kind in present or background not in SENSIBLE[kind]:
                continue
            if kind not in SCENERY and any(other not in SCENERY for other in chosen):
                continue
            if {kind} | set(chosen) >= {"tree", "house"}:
                continue  # both stand behind the subject on the same side
            if {"tree", "house"} & {kind, *chosen} and {kind, *chosen} & set(VEHICLES):
                continue  # and so do these
            if kind in VEHICLES and subject in VEHICLES:
                continue
            if biased and any(kind in pair and present & set(pair) for pair in NEVER_TOGETHER):
                continue
            options.append(kind)
            if biased:
                pull *= BACKGROUND_SHARES[kind].get(background, 0.0)
                pull *= COMPANION_HAUNTS.get((kind, background), 1.0)
            weights.append(pull)
        if not options or sum(weights) == 0:
            break
        kind = _choose(rng, options, weights)
        chosen.append(kind)
        present.add(kind)
    return chosen
