# fmt: off
# ruff: noqa: E501
# One shape a line: coordinates read worse when they are wrapped.
"""Paper-doll figures of persons, and what they wear and hold.

Units of the person's frame: feet at (0, 0), crown at y = 1, +x to where the person faces
(accessory sides are handled in the same frame).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fiftyone_capviz.scenes.canvas import Canvas, Color, jitter, shade
from fiftyone_capviz.scenes.figures import paint_ball, paint_fish
from fiftyone_capviz.scenes.scene import Thing
from fiftyone_capviz.scenes.tables import COLORS

_SKINS = ((246, 212, 180), (226, 178, 138), (178, 122, 84), (120, 80, 56))
_BLACK, _DARK, _BROWN, _BLOND, _RED = (30, 28, 34), (58, 40, 32), (112, 68, 38), (222, 180, 98), (168, 76, 40)
_HAIRS = ((_BLACK, _DARK, _BROWN, _BLOND, _RED), (_BLACK, _DARK, _BROWN), (_BLACK, _DARK), (_BLACK,))
"""Hair that stands out against each skin."""
_TROUSERS = ((58, 66, 92), (84, 80, 78), (110, 96, 76), (48, 52, 58))
_HEAD = (0.0, 0.775, 0.185)
_SHOULDER = (0.125, 0.545)


def _color(thing: Thing) -> Color:
    return jitter(COLORS[thing.color or "gray"], thing.tint)


def _hand(person: Thing, side: int, held: str | None) -> tuple[float, float]:
    """Where a hand is: down with a bag, up with an umbrella, out with a fish or ball."""
    swing = (person.pose - 0.5) * side * 0.9
    angle = {"bag": 0.42, "umbrella": 1.65, "fish": 1.0, "ball": 0.95}.get(
        held or "", 0.38 + 0.4 * abs(swing)
    )
    length = 0.235
    return (
        side * (_SHOULDER[0] + np.sin(angle) * length),
        _SHOULDER[1] - 0.01 - np.cos(angle) * length,
    )


def draw_person(canvas: Canvas, person: Thing, ident: int, belongings: list[tuple[int, Thing]]) -> None:
    """Paint a person with everything worn and held; ids: the person's and each belonging's."""
    held = {thing.facing * person.facing: thing.kind for _, thing in belongings
            if thing.kind in ("bag", "umbrella", "fish", "ball")}
    own = {thing.kind: (number, thing) for number, thing in belongings}
    canvas.place(person.x, person.y, person.size, person.facing, person.lean)
    skin = _SKINS[person.variant % 4]
    hairs = _HAIRS[person.variant % 4]
    hair = hairs[int(person.pose * 97) % len(hairs)]
    female = person.kind == "woman"

    def with_id(kind: str, paint: Callable[[Canvas, Thing, tuple[float, float]], None]) -> None:
        if kind in own:
            canvas.ident = own[kind][0]
            thing = own[kind][1]
            paint(canvas, thing, _hand(person, thing.facing * person.facing, kind))
            canvas.ident = ident

    with_id("umbrella", _umbrella_back)
    canvas.ident = ident
    if female:
        _long_hair(canvas, hair, person.variant)
    _legs(canvas, person, female, skin)
    shirt = _color(person)
    hands = {side: _hand(person, side, held.get(side)) for side in (-1, 1)}
    for side in (-1, 1):
        hand = hands[side]
        start = (side * 0.115, 0.535)
        elbow = (start[0] + (hand[0] - start[0]) * 0.62, start[1] + (hand[1] - start[1]) * 0.62)
        canvas.limb(elbow, hand, 0.062, skin, shadow=True)
        canvas.limb(start, elbow, 0.095, shade(shirt, 0.88), shadow=True, taper=0.9)
    _torso(canvas, shirt, female)
    with_id("tie", _tie)
    _head(canvas, person, skin, hair, female)
    with_id("sunglasses", _sunglasses)
    with_id("hat", _hat)
    with_id("bag", _bag)
    with_id("fish", _held_fish)
    with_id("ball", _held_ball)
    with_id("umbrella", _umbrella_pole)
    for side in (-1, 1):
        canvas.ellipse(*hands[side], 0.042, 0.042, shade(skin, 0.97))


def _legs(canvas: Canvas, person: Thing, female: bool, skin: Color) -> None:
    cloth = _TROUSERS[(person.variant // 3) % 4]
    stride = 0.035 + 0.05 * person.pose
    for side in (-1, 1):
        foot = (side * stride + 0.02, 0.03)
        canvas.limb((side * 0.06, 0.26), foot, 0.085 if not female else 0.06, skin if female else cloth, shadow=True)
        canvas.ellipse(foot[0] + 0.025, 0.022, 0.062, 0.026, (52, 40, 38))
    if female:
        canvas.blob([(-0.10, 0.32), (0.10, 0.32), (0.185, 0.13), (0.0, 0.11), (-0.185, 0.13)], cloth, shadow=True)
    else:
        canvas.rectangle(-0.105, 0.2, 0.105, 0.31, cloth)


def _torso(canvas: Canvas, shirt: Color, female: bool) -> None:
    waist = 0.105 if female else 0.13
    canvas.blob(
        [(-0.15, 0.56), (0.0, 0.61), (0.15, 0.56), (waist + 0.01, 0.40), (waist, 0.25), (0.0, 0.235), (-waist, 0.25), (-waist - 0.01, 0.40)],
        shirt, shadow=True,
    )  # fmt: skip
    canvas.polygon([(waist, 0.255), (waist + 0.012, 0.42), (0.15, 0.55), (0.085, 0.42), (0.075, 0.25)], shade(shirt, 0.86))
    canvas.polygon([(-0.07, 0.6), (0.0, 0.535), (0.07, 0.6)], shade(shirt, 1.35))


def _long_hair(canvas: Canvas, hair: Color, variant: int) -> None:
    low = 0.50 if variant % 2 else 0.58
    canvas.blob([(-0.19, 0.86), (0, 0.985), (0.19, 0.86), (0.225, 0.66), (0.20, low), (0, low + 0.04), (-0.20, low), (-0.225, 0.66)], shade(hair, 0.85), shadow=True)


def _head(canvas: Canvas, person: Thing, skin: Color, hair: Color, female: bool) -> None:
    x, y, r = _HEAD
    if not female:
        for side in (-1, 1):
            canvas.ellipse(side * r, y - 0.02, 0.034, 0.044, shade(skin, 0.9))
    canvas.ellipse(x, y, r, r * 0.98, skin, shadow=True)
    look = 0.03
    for side in (-1, 1):
        canvas.ellipse(side * 0.07 + look, y - 0.005, 0.026, 0.034, (255, 255, 255))
        canvas.ellipse(side * 0.07 + look + 0.006, y - 0.008, 0.018, 0.024, (38, 30, 34))
        canvas.ellipse(side * 0.115 + look * 0.5, y - 0.075, 0.032, 0.02, _blush(skin))
    canvas.ellipse(look + 0.012, y - 0.055, 0.018, 0.014, shade(skin, 0.84))
    smile = 0.045 + 0.02 * person.pose
    canvas.polygon([(look - smile, y - 0.095), (look, y - 0.112), (look + smile, y - 0.095), (look, y - 0.135)], (176, 60, 62) if female else (150, 72, 64))
    if female:
        canvas.blob([(-r * 1.04, y - 0.02), (-r * 0.95, y + 0.13), (0, y + r * 1.1), (r * 0.95, y + 0.13), (r * 1.04, y - 0.02), (r * 0.72, y + 0.09), (0.02, y + 0.105), (-r * 0.72, y + 0.075)], hair)
    else:
        canvas.blob([(-r * 1.02, y + 0.0), (-r * 0.9, y + 0.14), (0, y + r * 1.1), (r * 0.92, y + 0.14), (r * 1.02, y + 0.02), (r * 0.8, y + 0.08), (0.03, y + 0.1), (-r * 0.78, y + 0.08)], hair)
        if person.variant % 3 == 0:
            canvas.blob([(look - 0.07, y - 0.085), (look, y - 0.062), (look + 0.07, y - 0.085), (look, y - 0.095)], hair)


def _blush(skin: Color) -> Color:
    return (min(255, skin[0] + 8), int(skin[1] * 0.84), int(skin[2] * 0.82))


def _hat(canvas: Canvas, hat: Thing, _hand: tuple[float, float]) -> None:
    color, band = _color(hat), shade(_color(hat), 0.62)
    if hat.color == "black":
        band = (92, 92, 102)
    y = 0.865
    shape = hat.variant % 4
    if shape == 0:  # wide brim
        canvas.blob([(-0.105, y + 0.01), (-0.105, y + 0.12), (-0.05, y + 0.165), (0.05, y + 0.165), (0.105, y + 0.12), (0.105, y + 0.01)], color, shadow=True)
        canvas.polygon([(-0.13, y + 0.02), (0.13, y + 0.02), (0.125, y + 0.065), (-0.125, y + 0.065)], band)
        canvas.ellipse(0, y + 0.01, 0.27, 0.04, shade(color, 0.93), shadow=True)
    elif shape == 1:  # top hat
        canvas.polygon([(-0.125, y), (-0.14, y + 0.2), (0.14, y + 0.2), (0.125, y)], color, shadow=True)
        canvas.rectangle(-0.128, y + 0.01, 0.128, y + 0.06, band)
        canvas.ellipse(0, y + 0.2, 0.14, 0.018, shade(color, 1.2))
        canvas.ellipse(0, y + 0.005, 0.22, 0.032, shade(color, 0.93), shadow=True)
    elif shape == 2:  # cap
        canvas.blob([(-0.195, y - 0.005), (-0.16, y + 0.09), (0.0, y + 0.145), (0.16, y + 0.09), (0.195, y - 0.005), (0.0, y + 0.03)], color, shadow=True)
        canvas.polygon([(0.03, y + 0.02), (0.03, y + 0.14), (0.05, y + 0.14), (0.05, y + 0.02)], shade(color, 0.8))
        canvas.blob([(0.02, y + 0.035), (0.22, y + 0.035), (0.31, y - 0.01), (0.2, y - 0.02), (0.02, y - 0.012)], band, shadow=True)
    else:  # beanie
        canvas.blob([(-0.19, y + 0.0), (-0.155, y + 0.10), (0.0, y + 0.165), (0.155, y + 0.10), (0.19, y + 0.0), (0.0, y + 0.02)], color, shadow=True)
        canvas.blob([(-0.205, y + 0.0), (-0.195, y + 0.055), (0, y + 0.075), (0.195, y + 0.055), (0.205, y + 0.0), (0.19, y - 0.025), (0, y + 0.0), (-0.19, y - 0.025)], band, shadow=True)
        canvas.ellipse(0, y + 0.175, 0.05, 0.046, shade(color, 1.45 if hat.color != "black" else 1.2))


def _sunglasses(canvas: Canvas, thing: Thing, _hand: tuple[float, float]) -> None:
    y, dark = 0.775, (22, 22, 28)
    canvas.rectangle(-0.178, y + 0.022, 0.186, y + 0.045, dark)
    for side in (-1, 1):
        cx = side * 0.092 + 0.018
        if thing.variant % 2:
            canvas.ellipse(cx, y, 0.083, 0.066, dark)
        else:
            canvas.blob([(cx - 0.08, y + 0.045), (cx, y + 0.05), (cx + 0.08, y + 0.045), (cx + 0.068, y - 0.04), (cx, y - 0.066), (cx - 0.068, y - 0.04)], dark)
        canvas.polygon([(cx - 0.045, y + 0.03), (cx - 0.01, y + 0.03), (cx - 0.035, y - 0.02), (cx - 0.06, y - 0.01)], (92, 104, 122))


def _tie(canvas: Canvas, thing: Thing, _hand: tuple[float, float]) -> None:
    color = _color(thing)
    edge = shade(color, 0.6) if thing.color != "black" else (112, 112, 122)
    canvas.polygon([(-0.042, 0.512), (0.042, 0.512), (0.074, 0.29), (0.0, 0.225), (-0.074, 0.29)], edge, shadow=True)
    canvas.polygon([(-0.032, 0.508), (0.032, 0.508), (0.062, 0.295), (0.0, 0.24), (-0.062, 0.295)], color)
    canvas.polygon([(-0.055, 0.57), (0.055, 0.57), (0.036, 0.502), (-0.036, 0.502)], edge)
    canvas.polygon([(-0.044, 0.563), (0.044, 0.563), (0.028, 0.51), (-0.028, 0.51)], shade(color, 0.86))
    for row in (0.45, 0.38):
        canvas.polygon([(-0.045, row), (0.04, row + 0.035), (0.043, row + 0.01), (-0.049, row - 0.025)], shade(color, 1.45))


def _bag(canvas: Canvas, thing: Thing, hand: tuple[float, float]) -> None:
    x, y = hand
    color = _color(thing)
    dark = shade(color, 0.7) if thing.color != "black" else (98, 96, 104)
    for side in (-1, 1):
        canvas.limb((x + side * 0.065, y - 0.09), (x + side * 0.015, y - 0.0), 0.02, dark)
    canvas.blob([(x - 0.105, y - 0.085), (x, y - 0.08), (x + 0.105, y - 0.085), (x + 0.135, y - 0.25), (x, y - 0.275), (x - 0.135, y - 0.25)], color, shadow=True)
    canvas.polygon([(x - 0.11, y - 0.09), (x + 0.11, y - 0.09), (x + 0.115, y - 0.145), (x, y - 0.175), (x - 0.115, y - 0.145)], dark)
    canvas.ellipse(x, y - 0.165, 0.018, 0.018, (238, 208, 120))


def _umbrella_back(canvas: Canvas, thing: Thing, hand: tuple[float, float]) -> None:
    side = 1 if hand[0] > 0 else -1
    color = _color(thing)
    cx, cy, r = hand[0] - side * 0.07, 1.03, 0.38
    angles = np.linspace(np.pi, 0, 17)
    dome = np.stack([cx + np.cos(angles) * r, cy + np.sin(angles) * r * 0.66], axis=1)
    scallops = [(cx + r - 2 * r * (i + 0.5) / 10, cy + (0.035 if i % 2 == 0 else 0.05)) for i in range(10)]
    canvas.polygon(np.concatenate([dome, np.array(scallops)]), color, shadow=True)
    for left, right, tone in ((-1.0, -0.5, 0.82), (0.0, 0.5, 0.9), (0.5, 1.0, 0.74)):
        canvas.polygon([(cx, cy + r * 0.66), (cx + left * r, cy + 0.01), (cx + (left + right) / 2 * r, cy + 0.05), (cx + right * r, cy + 0.01)], shade(color, tone))
    canvas.limb((cx, cy + r * 0.64), (cx, cy + r * 0.72), 0.02, (70, 56, 48))
    canvas.limb((cx, cy + 0.04), hand, 0.02, (70, 56, 48))


def _umbrella_pole(canvas: Canvas, thing: Thing, hand: tuple[float, float]) -> None:
    side = 1 if hand[0] > 0 else -1
    canvas.limb((hand[0] - side * 0.015, hand[1] + 0.10), (hand[0], hand[1] - 0.10), 0.022, (70, 56, 48))


def _held_fish(canvas: Canvas, thing: Thing, hand: tuple[float, float]) -> None:
    side = 1 if hand[0] > 0 else -1
    paint_fish(canvas, thing, hand[0] + side * 0.035, hand[1] + 0.05, 0.40, side)


def _held_ball(canvas: Canvas, thing: Thing, hand: tuple[float, float]) -> None:
    side = 1 if hand[0] > 0 else -1
    paint_ball(canvas, thing, hand[0] + side * 0.05, hand[1] + 0.07, 0.13)
