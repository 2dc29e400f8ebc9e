"""Declared facts of the bundled world: its words, its colors, its planted biases.

Nothing here draws or samples. Every number that a test or a demo later compares with
counts stands in this file, so that the planted truth can be read in one place.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = (
    "man", "woman", "dog", "wolf", "cat", "bird", "fish",
    "car", "boat", "bus", "tree", "house", "ball", "sun",
)  # fmt: skip
ACCESSORIES = ("hat", "tie", "sunglasses", "bag", "umbrella")
BACKGROUNDS = ("snow", "field", "water", "street", "sand", "rock", "forest")
PERSONS = ("man", "woman")
SUBJECTS = ("man", "woman", "dog", "wolf", "cat", "bird", "fish", "car", "boat", "bus")
HELD = ("fish", "ball")
VEHICLES = ("car", "boat", "bus")
SCENERY = ("tree", "house", "sun")

COLORS = {
    "red": (206, 44, 44),
    "blue": (42, 92, 204),
    "green": (52, 150, 72),
    "yellow": (247, 208, 48),
    "black": (44, 44, 50),
    "white": (244, 242, 236),
    "orange": (242, 132, 30),
    "purple": (138, 66, 170),
    "brown": (134, 84, 48),
    "gray": (126, 132, 142),
}
"""RGB, 0..255, of every color name before its jitter."""

_ANY = ("red", "blue", "green", "yellow", "black", "white", "orange", "purple")
_VIVID = ("red", "blue", "green", "yellow", "orange", "purple")

KIND_COLORS: dict[str, tuple[str, ...]] = {
    "man": _ANY,
    "woman": _ANY,
    "dog": ("brown", "black", "white"),
    "wolf": ("gray",),
    "cat": ("orange", "black", "white"),
    "bird": ("red", "blue", "yellow", "black", "purple"),
    "fish": ("orange", "red", "yellow", "purple", "green"),
    "car": _ANY,
    "boat": ("red", "green", "yellow", "white", "orange"),
    "bus": ("yellow", "red", "green", "blue", "white"),
    "house": ("red", "yellow", "white", "blue", "orange"),
    "ball": _VIVID,
    "hat": _ANY,
    "tie": _ANY,
    "bag": _ANY,
    "umbrella": _VIVID,
}
"""Colors a kind may have; for a person it is the shirt. Absent: the kind has no color."""

HIDING_COLORS: dict[str, tuple[str, ...]] = {
    "snow": ("white",),
    "field": ("green",),
    "water": ("blue",),
    "street": (),
    "sand": ("yellow",),
    "rock": ("brown",),
    "forest": ("green",),
}
"""Colors that would vanish against the ground of a background, never used there."""

SHOWN_BY_BACKGROUND: dict[str, tuple[str, ...]] = {"forest": ("tree",), "street": ("house",)}
"""Kinds that a background itself resembles: never things there, never a false word there."""

SENSIBLE: dict[str, tuple[str, ...]] = {
    "man": BACKGROUNDS,
    "woman": BACKGROUNDS,
    "dog": BACKGROUNDS,
    "wolf": ("snow", "field", "street", "sand", "rock", "forest"),
    "cat": ("snow", "field", "street", "sand", "rock", "forest"),
    "bird": BACKGROUNDS,
    "fish": ("water",),
    "car": ("snow", "field", "street", "sand", "rock", "forest"),
    "boat": ("water", "sand"),
    "bus": ("snow", "field", "street", "sand", "rock"),
    "tree": ("snow", "field", "street", "sand", "rock"),
    "house": ("snow", "field", "sand", "rock", "forest"),
    "ball": BACKGROUNDS,
    "sun": BACKGROUNDS,
}
"""Where a kind can be at all; the flat distribution is uniform over these."""

BACKGROUND_SHARES: dict[str, dict[str, float]] = {
    "man": {
        "snow": 0.15,
        "field": 0.15,
        "water": 0.12,
        "street": 0.17,
        "sand": 0.14,
        "rock": 0.13,
        "forest": 0.14,
    },
    "woman": {
        "snow": 0.15,
        "field": 0.15,
        "water": 0.12,
        "street": 0.17,
        "sand": 0.14,
        "rock": 0.13,
        "forest": 0.14,
    },
    "dog": {
        "field": 0.75,
        "street": 0.07,
        "sand": 0.06,
        "forest": 0.04,
        "rock": 0.04,
        "water": 0.03,
        "snow": 0.01,
    },
    "wolf": {"snow": 0.85, "forest": 0.08, "rock": 0.04, "field": 0.03},
    "cat": {"street": 0.40, "field": 0.20, "rock": 0.15, "sand": 0.15, "forest": 0.10},
    "bird": {
        "forest": 0.25,
        "water": 0.20,
        "field": 0.15,
        "rock": 0.15,
        "sand": 0.15,
        "street": 0.05,
        "snow": 0.05,
    },
    "fish": {"water": 1.0},
    "car": {"street": 0.75, "field": 0.08, "snow": 0.06, "sand": 0.06, "rock": 0.05},
    "boat": {"water": 0.96, "sand": 0.04},
    "bus": {"street": 0.90, "field": 0.05, "snow": 0.05},
    "tree": {"field": 0.40, "street": 0.20, "snow": 0.20, "rock": 0.10, "sand": 0.10},
    "house": {"field": 0.45, "snow": 0.30, "forest": 0.10, "rock": 0.10, "sand": 0.05},
    "ball": {"field": 0.35, "sand": 0.35, "street": 0.20, "water": 0.10},
    "sun": {
        "sand": 0.25,
        "field": 0.20,
        "water": 0.20,
        "street": 0.12,
        "rock": 0.10,
        "forest": 0.08,
        "snow": 0.05,
    },
}
"""P(background | kind is the subject) in the biased world, and the pull of each
background on companions and scenery."""

COMPANION_HAUNTS = {
    ("dog", "field"): 5.0,
    ("dog", "snow"): 0.3,
    ("wolf", "snow"): 2.6,
    ("bus", "street"): 1.6,
}
"""Factors on a companion's pull: where much other company is on offer, a kind would else be
rarer than its bias says."""

ACCESSORY_SHARES: dict[str, dict[str, float]] = {
    "man": {"hat": 0.40, "tie": 0.35, "sunglasses": 0.20, "bag": 0.12, "umbrella": 0.10},
    "woman": {"hat": 0.40, "tie": 0.03, "sunglasses": 0.20, "bag": 0.40, "umbrella": 0.18},
}
"""P(accessory | person) in the biased world."""

FLAT_ACCESSORY_SHARE = 0.28
FLAT_HELD_SHARES = {"fish": 0.10, "ball": 0.08}
HELD_SHARES: dict[str, dict[str, float]] = {
    "man": {"fish": 0.18, "ball": 0.07},
    "woman": {"fish": 0.02, "ball": 0.07},
}
"""P(held thing | person)."""

NEVER_TOGETHER = (("cat", "car"),)
"""Pairs of kinds that the biased world never shows in one image."""

NEVER_NAMED = ("hat", "sun")
"""The captioner's planted habit: seen, drawn, and never said by default."""


@dataclass(frozen=True)
class Bias:
    """One planted bias: among the scenes that hold for `given`, `share` hold for `then`.

    Both sides are words: a kind, an accessory, a background, or `held fish`.
    """

    given: str
    then: str
    share: float
    tolerance: float = 0.05


PLANTED_BIASES = (
    Bias("wolf", "snow", 0.85),
    Bias("dog", "field", 0.70, 0.06),
    Bias("dog", "snow", 0.01, 0.02),
    Bias("held fish", "man", 0.90, 0.06),
    Bias("man", "tie", 0.35),
    Bias("woman", "tie", 0.03, 0.02),
    Bias("man", "bag", 0.12),
    Bias("woman", "bag", 0.40),
    Bias("man", "hat", 0.40),
    Bias("woman", "hat", 0.40),
    Bias("boat", "water", 0.96, 0.03),
    Bias("bus", "street", 0.90, 0.06),
    Bias("cat", "car", 0.0, 0.0),
)
