"""Where the things of a scene stand, how large, in which color and pose."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from fiftyone_capviz.scenes.scene import Thing
from fiftyone_capviz.scenes.tables import HELD, HIDING_COLORS, KIND_COLORS, PERSONS, VEHICLES

_SIZES = {
    # Subject size range: height for persons, length for what lies along the ground.
    "man": (0.60, 0.82), "woman": (0.58, 0.80), "dog": (0.58, 0.80), "wolf": (0.62, 0.82),
    "cat": (0.60, 0.82), "bird": (0.60, 0.80), "fish": (0.56, 0.78), "car": (0.62, 0.84),
    "boat": (0.62, 0.82), "bus": (0.70, 0.88),
}  # fmt: skip
_COMPANION_SIZES = {
    "dog": (0.32, 0.38), "wolf": (0.35, 0.41), "cat": (0.31, 0.37), "bird": (0.29, 0.35),
    "fish": (0.28, 0.34), "car": (0.36, 0.44), "boat": (0.34, 0.42), "bus": (0.40, 0.48),
    "ball": (0.16, 0.20), "tree": (0.46, 0.60), "house": (0.38, 0.46), "sun": (0.17, 0.21),
}  # fmt: skip


def _color(
    rng: np.random.Generator, kind: str, background: str, avoid: str | None = None
) -> str | None:
    allowed = [
        name
        for name in KIND_COLORS.get(kind, ())
        if name not in HIDING_COLORS[background] and name != avoid
    ]
    return allowed[int(rng.integers(len(allowed)))] if allowed else None


class _Traits(TypedDict):
    facing: int
    pose: float
    lean: float
    tint: float
    variant: int


def _traits(rng: np.random.Generator) -> _Traits:
    return {
        "facing": 1 if rng.random() < 0.5 else -1,
        "pose": float(rng.random()),
        "lean": float(rng.uniform(-0.05, 0.05)),
        "tint": float(rng.uniform(-1, 1)),
        "variant": int(rng.integers(12)),
    }


def place_subject(
    rng: np.random.Generator,
    kind: str,
    background: str,
    belongings: list[str],
    extras: list[str],
) -> Thing:
    low, high = _SIZES[kind]
    size = float(rng.uniform(low, high))
    traits = _traits(rng)
    crowded = any(extra != "sun" for extra in extras)
    if kind in PERSONS:
        if "umbrella" in belongings:
            size = min(size, 0.70)
        elif set(HELD) & set(belongings):
            size = min(size, 0.74)
        offset = rng.uniform(0.16, 0.20) if crowded else rng.uniform(0.0, 0.16)
    else:
        if crowded:
            size = low + (size - low) * 0.4
        offset = rng.uniform(0.08, 0.13) if crowded else rng.uniform(0.0, 0.06)
    x = 0.5 + float(offset) * (1 if rng.random() < 0.5 else -1)
    y = float(rng.uniform(0.91, 0.97))
    if kind == "fish":
        y = float(rng.uniform(0.66, 0.74))
    elif kind == "bird" and traits["pose"] >= 0.5:
        y = float(rng.uniform(0.48, 0.58))
    return Thing(kind, _color(rng, kind, background), None, x, y, size, **traits)


def attach(
    rng: np.random.Generator, person: Thing, background: str, kinds: list[str]
) -> list[Thing]:
    """Accessories and held things of the person, the hands shared out among them."""
    things = []
    # What reaches far goes to the hand on the roomy side, so that it stays in the image.
    inward = 1 if person.x < 0.5 else -1
    wide = {"umbrella", *HELD} & set(kinds)
    for kind in kinds:
        hand = inward
        if (kind == "bag" and wide) or (kind in HELD and "umbrella" in kinds):
            hand = -inward
        elif kind == "bag" and person.variant % 2:
            hand = -inward
        avoid = person.color if kind in ("tie", "bag", "fish", "ball") else None
        traits = _traits(rng)
        traits["facing"] = hand
        things.append(Thing(kind, _color(rng, kind, background, avoid), 0, **traits))
    return things


def place_extra(
    rng: np.random.Generator,
    kind: str,
    background: str,
    subject: Thing,
    side: float,
    horizon: float,
) -> Thing:
    """A companion before or beside the subject, scenery behind it, on the free side."""
    size = float(rng.uniform(*_COMPANION_SIZES[kind]))
    traits = _traits(rng)
    person = subject.kind in PERSONS
    x = 0.5 + side * float(rng.uniform(0.24, 0.30) if person else rng.uniform(0.30, 0.34))
    y = float(rng.uniform(0.93, 0.97))
    if kind == "sun":
        x = 0.5 + side * float(rng.uniform(0.31, 0.37))
        y = float(rng.uniform(0.12, 0.16))
    elif kind in ("tree", "house"):
        y = horizon + float(rng.uniform(0.05, 0.12))
    elif kind in VEHICLES:
        y = horizon + float(rng.uniform(0.10, 0.16))
    elif kind == "bird" and traits["pose"] >= 0.5:
        y = float(rng.uniform(0.22, 0.30))
    return Thing(kind, _color(rng, kind, background), None, x, y, size, **traits)
