# fmt: off
# ruff: noqa: E501
# One shape a line: coordinates read worse when they are wrapped.
"""Paper-cut animals, vehicles and scenery.

Each figure is drawn in its own frame: foot point at (0, 0), y up, facing +x; animals and
vehicles are 1 long, trees and houses 1 tall, balls and the sun 1 across.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fiftyone_capviz.scenes.canvas import Canvas, Color, jitter, shade
from fiftyone_capviz.scenes.scene import Thing
from fiftyone_capviz.scenes.tables import COLORS

_INK = (36, 32, 38)
_GLASS = (186, 218, 232)


def draw_figure(canvas: Canvas, thing: Thing, ident: int) -> None:
    """Paint any thing that is no person and has no owner."""
    canvas.ident = ident
    upright = thing.kind in ("sun", "ball", "house", "car", "bus", "boat")
    lean = 0.0 if upright else thing.lean
    canvas.place(thing.x, thing.y, thing.size, thing.facing, lean)
    _PAINTERS[thing.kind](canvas, thing)


def _color(thing: Thing) -> Color:
    return jitter(COLORS[thing.color or "gray"], thing.tint)


def _dark(thing: Thing, factor: float = 0.8) -> Color:
    """A shade for parts: black things need lighter parts to be legible."""
    color = _color(thing)
    return shade(color, 1.22) if thing.color == "black" else shade(color, factor)


def _legs(canvas: Canvas, thing: Thing, xs: tuple[float, ...], hip: float, width: float) -> None:
    """Four legs: straight when standing, far apart when running."""
    swing = 0.20 if thing.moving else 0.02 + 0.03 * thing.pose
    for i, x in enumerate(xs):
        forward = (1 if x > 0 else -1) if thing.moving else (1 if i % 2 else -1)
        foot = (x + forward * swing * (1.0 if i % 2 else 0.6), 0.035 + (0.05 if thing.moving and i % 2 else 0))
        tone = _dark(thing, 0.74) if i % 2 == 0 else _color(thing)
        canvas.limb((x, hip), foot, width, tone, shadow=i % 2 == 1, taper=0.72)
        canvas.ellipse(foot[0] + 0.015, foot[1] - 0.012, 0.042, 0.024, shade(tone, 0.8))


def _dog(canvas: Canvas, thing: Thing) -> None:
    color, part = _color(thing), _dark(thing, 0.62)
    canvas.blob([(-0.33, 0.44), (-0.42, 0.56), (-0.43, 0.70), (-0.38, 0.70), (-0.36, 0.58), (-0.27, 0.50)], color, shadow=True)
    _legs(canvas, thing, (-0.25, -0.20, 0.14, 0.20), 0.30, 0.10)
    canvas.blob([(-0.34, 0.42), (-0.20, 0.50), (0.05, 0.49), (0.24, 0.54), (0.29, 0.38), (0.16, 0.24), (-0.08, 0.26), (-0.30, 0.24)], color, shadow=True)
    if thing.variant % 2:
        canvas.blob([(-0.16, 0.49), (-0.02, 0.49), (0.03, 0.38), (-0.09, 0.33), (-0.19, 0.40)], part)
    canvas.ellipse(0.30, 0.62, 0.15, 0.145, color, shadow=True)
    canvas.blob([(0.34, 0.64), (0.46, 0.62), (0.50, 0.56), (0.45, 0.50), (0.33, 0.51)], shade(color, 1.3))
    canvas.ellipse(0.49, 0.60, 0.036, 0.03, _INK)
    canvas.polygon([(0.39, 0.515), (0.45, 0.515), (0.44, 0.44), (0.40, 0.44)], (224, 108, 118))
    canvas.blob([(0.19, 0.72), (0.27, 0.735), (0.27, 0.60), (0.22, 0.45), (0.14, 0.45), (0.13, 0.60)], part, shadow=True)
    _eye(canvas, 0.345, 0.665, 0.028)


def _wolf(canvas: Canvas, thing: Thing) -> None:
    color, part, pale = _color(thing), shade(_color(thing), 0.68), (214, 216, 220)
    canvas.blob([(-0.28, 0.44), (-0.38, 0.46), (-0.48, 0.34), (-0.50, 0.14), (-0.42, 0.10), (-0.34, 0.22), (-0.27, 0.32)], part, shadow=True)
    canvas.blob([(-0.50, 0.18), (-0.44, 0.20), (-0.41, 0.12), (-0.48, 0.07)], pale)
    _legs(canvas, thing, (-0.25, -0.20, 0.12, 0.18), 0.30, 0.085)
    canvas.polygon([(-0.32, 0.44), (-0.12, 0.49), (0.04, 0.54), (0.10, 0.52), (0.14, 0.60), (0.30, 0.52), (0.27, 0.34), (0.22, 0.32), (0.20, 0.25), (0.13, 0.28), (0.08, 0.22), (-0.10, 0.28), (-0.31, 0.25)], color, shadow=True)
    canvas.polygon([(-0.30, 0.44), (-0.12, 0.49), (0.04, 0.54), (0.10, 0.52), (0.02, 0.44), (-0.14, 0.41)], part)
    canvas.polygon([(0.26, 0.48), (0.27, 0.34), (0.22, 0.33), (0.20, 0.26), (0.15, 0.32), (0.18, 0.44)], pale)
    for x, tone in ((0.14, part), (0.25, color)):
        canvas.polygon([(x - 0.005, 0.66), (x + 0.02, 0.86), (x + 0.115, 0.70)], tone, shadow=True)
        canvas.polygon([(x + 0.025, 0.70), (x + 0.03, 0.80), (x + 0.085, 0.71)], (92, 70, 78))
    canvas.polygon([(0.10, 0.64), (0.22, 0.74), (0.34, 0.70), (0.40, 0.63), (0.53, 0.575), (0.52, 0.53), (0.34, 0.49), (0.24, 0.44), (0.20, 0.50), (0.13, 0.47), (0.14, 0.55)], color, shadow=True)
    canvas.polygon([(0.20, 0.50), (0.34, 0.565), (0.52, 0.555), (0.51, 0.525), (0.34, 0.49), (0.24, 0.44)], pale)
    canvas.ellipse(0.525, 0.575, 0.03, 0.024, _INK)
    canvas.polygon([(0.30, 0.655), (0.36, 0.635), (0.31, 0.625)], (244, 206, 86))
    canvas.ellipse(0.325, 0.637, 0.012, 0.013, _INK)


def _cat(canvas: Canvas, thing: Thing) -> None:
    color, part = _color(thing), _dark(thing, 0.66)
    # Sits upright: taller than wide, so the frame is scaled down to the common length.
    bend = 0.05 * (thing.pose - 0.5)
    canvas.blob([(-0.16, 0.06), (-0.30, 0.10), (-0.335 + bend, 0.40), (-0.30 + bend, 0.70), (-0.26 + bend, 0.70), (-0.275 + bend, 0.40), (-0.24, 0.17), (-0.14, 0.14)], part, shadow=True)
    canvas.blob([(-0.20, 0.03), (-0.21, 0.22), (-0.11, 0.46), (0.11, 0.46), (0.21, 0.22), (0.20, 0.03), (0, 0.0)], color, shadow=True)
    canvas.ellipse(0, 0.24, 0.085, 0.15, shade(color, 1.4))
    for side in (-1, 1):
        canvas.ellipse(side * 0.075, 0.03, 0.068, 0.036, shade(color, 1.15))
        canvas.polygon([(side * 0.20, 0.66), (side * 0.19, 0.85), (side * 0.05, 0.74)], color, shadow=True)
        canvas.polygon([(side * 0.175, 0.70), (side * 0.172, 0.80), (side * 0.09, 0.745)], (232, 152, 158))
    canvas.ellipse(0, 0.59, 0.225, 0.185, color, shadow=True)
    for x in (-0.07, 0.0, 0.07):
        canvas.polygon([(x - 0.018, 0.765), (x + 0.018, 0.765), (x, 0.69)], part)
    for side in (-1, 1):
        canvas.ellipse(side * 0.09, 0.60, 0.05, 0.052, (196, 222, 92))
        canvas.ellipse(side * 0.09, 0.60, 0.016, 0.046, _INK)
        for tilt in (-0.03, 0.02):
            canvas.limb((side * 0.07, 0.525), (side * 0.29, 0.525 + tilt), 0.012, shade(color, 1.7) if thing.color == "black" else (70, 60, 62))
    canvas.ellipse(0, 0.52, 0.075, 0.05, shade(color, 1.5))
    canvas.polygon([(-0.025, 0.55), (0.025, 0.55), (0, 0.52)], (226, 110, 122))


def _bird(canvas: Canvas, thing: Thing) -> None:
    color, part = _color(thing), _dark(thing, 0.7)
    flying = thing.moving
    lift = 0.0 if flying else 0.36
    if not flying:
        for x in (-0.03, 0.07):
            canvas.limb((x, 0.2), (x + 0.01, 0.02), 0.026, (222, 138, 52))
            canvas.limb((x - 0.04, 0.012), (x + 0.07, 0.012), 0.024, (222, 138, 52))
    else:
        canvas.blob([(-0.02, 0.04), (-0.22, 0.34), (-0.16, 0.44), (0.02, 0.36), (0.14, 0.06)], part, shadow=True)
    canvas.polygon([(-0.20, lift + 0.04), (-0.50, lift + 0.10), (-0.46, lift - 0.0), (-0.50, lift - 0.06), (-0.18, lift - 0.09)], part, shadow=True)
    canvas.blob([(-0.28, lift + 0.02), (-0.08, lift + 0.14), (0.12, lift + 0.15), (0.26, lift + 0.04), (0.20, lift - 0.12), (0.0, lift - 0.19), (-0.18, lift - 0.11)], color, shadow=True)
    canvas.blob([(0.26, lift + 0.03), (0.20, lift - 0.12), (0.0, lift - 0.18), (0.08, lift - 0.04)], shade(color, 1.45))
    canvas.polygon([(0.40, lift + 0.17), (0.54, lift + 0.11), (0.39, lift + 0.07)], (240, 166, 48), shadow=True)
    canvas.ellipse(0.26, lift + 0.14, 0.165, 0.155, color, shadow=True)
    canvas.ellipse(0.31, lift + 0.17, 0.042, 0.046, (255, 255, 255))
    canvas.ellipse(0.32, lift + 0.17, 0.026, 0.03, _INK)
    if flying:
        canvas.blob([(-0.12, 0.06), (-0.26, 0.28), (-0.34, 0.52), (-0.20, 0.50), (0.0, 0.34), (0.12, 0.08)], shade(part, 0.85), shadow=True)
    else:
        canvas.blob([(0.10, lift + 0.07), (-0.08, lift + 0.08), (-0.36, lift - 0.02), (-0.12, lift - 0.10), (0.06, lift - 0.07)], part, shadow=True)


def paint_fish(canvas: Canvas, thing: Thing, x: float, y: float, length: float, side: int) -> None:
    """A fish about (x, y) of the current frame, its head to `side` of the frame."""
    color, part = _color(thing), shade(_color(thing), 0.72)

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x + side * px * length, y + py * length) for px, py in points]

    canvas.blob(at([(-0.24, 0.02), (-0.50, 0.24), (-0.42, 0.0), (-0.50, -0.24), (-0.24, -0.04)]), part, shadow=True)
    canvas.polygon(at([(-0.16, 0.18), (0.02, 0.34), (0.16, 0.19)]), part, shadow=True)
    canvas.polygon(at([(-0.04, -0.18), (-0.08, -0.31), (0.10, -0.19)]), part)
    canvas.blob(at([(-0.30, 0.02), (-0.10, 0.19), (0.14, 0.22), (0.36, 0.13), (0.48, -0.01), (0.34, -0.14), (0.12, -0.21), (-0.12, -0.17)]), color, shadow=True)
    canvas.blob(at([(0.46, -0.03), (0.34, -0.14), (0.12, -0.21), (-0.12, -0.16), (0.1, -0.10)]), shade(color, 1.4))
    for stripe in (-0.12, 0.04):
        canvas.polygon(at([(stripe, 0.17), (stripe + 0.05, 0.18), (stripe + 0.03, -0.10), (stripe - 0.02, -0.10)]), shade(color, 1.65))
    canvas.ellipse(x + side * 0.31 * length, y + 0.05 * length, 0.062 * length, 0.062 * length, (255, 255, 255))
    canvas.ellipse(x + side * 0.32 * length, y + 0.05 * length, 0.036 * length, 0.04 * length, _INK)


def _fish(canvas: Canvas, thing: Thing) -> None:
    paint_fish(canvas, thing, 0.0, 0.0, 1.0, 1)


def paint_ball(canvas: Canvas, thing: Thing, x: float, y: float, radius: float) -> None:
    """A beach ball about (x, y) of the current frame."""
    color = _color(thing)
    canvas.ellipse(x, y, radius, radius, color, shadow=True)
    turn = thing.pose * 2
    for k in range(3):
        angles = turn + k * 2 * np.pi / 3 + np.linspace(0, np.pi / 3, 6)
        rim = np.stack([x + np.cos(angles) * radius * 0.97, y + np.sin(angles) * radius * 0.97], axis=1)
        canvas.polygon(np.concatenate([[[x, y]], rim]), (250, 246, 238) if k else shade(color, 0.72))
    canvas.ellipse(x, y, radius * 0.2, radius * 0.2, color)


def _ball(canvas: Canvas, thing: Thing) -> None:
    paint_ball(canvas, thing, 0.0, 0.5, 0.5)


def _wheel(canvas: Canvas, x: float, radius: float) -> None:
    canvas.ellipse(x, radius, radius, radius, (40, 40, 46), shadow=True)
    canvas.ellipse(x, radius, radius * 0.52, radius * 0.52, (196, 198, 204))
    canvas.ellipse(x, radius, radius * 0.2, radius * 0.2, (110, 112, 120))


def _car(canvas: Canvas, thing: Thing) -> None:
    color = _color(thing)
    canvas.blob([(-0.34, 0.26), (-0.22, 0.47), (0.0, 0.50), (0.14, 0.47), (0.28, 0.27), (0.0, 0.22)], color, shadow=True)
    canvas.polygon([(-0.27, 0.29), (-0.18, 0.43), (-0.02, 0.45), (-0.02, 0.29)], _GLASS)
    canvas.polygon([(0.02, 0.29), (0.02, 0.45), (0.12, 0.43), (0.23, 0.29)], _GLASS)
    canvas.blob([(-0.50, 0.12), (-0.49, 0.28), (-0.30, 0.31), (0.28, 0.30), (0.47, 0.25), (0.50, 0.12), (0.40, 0.08), (-0.40, 0.08)], color, shadow=True)
    canvas.rectangle(-0.47, 0.10, 0.47, 0.145, _dark(thing, 0.7))
    canvas.limb((0.0, 0.17), (0.0, 0.28), 0.012, _dark(thing, 0.7))
    canvas.limb((-0.10, 0.25), (-0.05, 0.25), 0.02, _dark(thing, 0.6))
    canvas.ellipse(0.455, 0.215, 0.032, 0.038, (252, 240, 178))
    canvas.ellipse(-0.475, 0.225, 0.02, 0.036, (168, 40, 44))
    for x in (-0.28, 0.28):
        _wheel(canvas, x, 0.115)


def _bus(canvas: Canvas, thing: Thing) -> None:
    color = _color(thing)
    canvas.blob([(-0.50, 0.10), (-0.505, 0.34), (-0.485, 0.54), (-0.2, 0.565), (0.2, 0.565), (0.475, 0.54), (0.505, 0.34), (0.50, 0.10), (0.2, 0.085), (-0.2, 0.085)], color, shadow=True)
    canvas.rectangle(-0.49, 0.20, 0.49, 0.245, shade(color, 0.66))
    for i in range(4):
        left = -0.455 + i * 0.165
        canvas.rectangle(left, 0.31, left + 0.135, 0.475, _GLASS)
        canvas.polygon([(left + 0.02, 0.31), (left + 0.06, 0.31), (left + 0.11, 0.475), (left + 0.07, 0.475)], shade(_GLASS, 1.5))
    canvas.rectangle(0.215, 0.11, 0.315, 0.475, shade(color, 0.55))
    canvas.rectangle(0.23, 0.13, 0.30, 0.455, _GLASS)
    canvas.polygon([(0.345, 0.29), (0.345, 0.475), (0.475, 0.475), (0.49, 0.29)], _GLASS)
    canvas.ellipse(0.475, 0.155, 0.026, 0.03, (252, 240, 178))
    for x in (-0.29, 0.13):
        _wheel(canvas, x, 0.098)


def _boat(canvas: Canvas, thing: Thing) -> None:
    color = _color(thing)
    canvas.limb((-0.02, 0.20), (-0.02, 0.96), 0.026, (112, 80, 54))
    canvas.polygon([(0.02, 0.92), (0.02, 0.30), (0.40, 0.30)], (250, 246, 236), shadow=True)
    canvas.polygon([(0.02, 0.62), (0.02, 0.50), (0.28, 0.50), (0.205, 0.62)], color)
    canvas.polygon([(-0.06, 0.84), (-0.06, 0.32), (-0.34, 0.32)], (232, 228, 220), shadow=True)
    canvas.polygon([(-0.02, 0.96), (-0.02, 0.90), (-0.14, 0.93)], color)
    canvas.blob([(-0.47, 0.24), (-0.40, 0.07), (-0.30, 0.01), (0.28, 0.01), (0.42, 0.10), (0.52, 0.27), (0.0, 0.225)], color, shadow=True)
    canvas.polygon([(-0.44, 0.17), (-0.41, 0.11), (0.44, 0.13), (0.47, 0.19), (0.0, 0.165)], (250, 246, 236) if thing.color != "white" else (196, 66, 58))


def _tree(canvas: Canvas, thing: Thing) -> None:
    canvas.polygon([(-0.06, 0.0), (0.06, 0.0), (0.035, 0.45), (-0.035, 0.45)], (124, 84, 54), shadow=True)
    green = jitter((74, 146, 76), thing.tint)
    if thing.variant % 3 == 0:  # a pine
        for i, (low, wide) in enumerate(((0.20, 0.31), (0.42, 0.25), (0.62, 0.18))):
            canvas.polygon([(-wide, low), (0, low + 0.40), (wide, low), (0, low + 0.03)], shade(green, 0.78 + 0.12 * i), shadow=True)
        return
    for x, y, r, tone in ((-0.17, 0.58, 0.18, 0.8), (0.18, 0.56, 0.175, 0.86), (0.0, 0.50, 0.17, 0.92), (0.0, 0.77, 0.22, 1.0)):
        canvas.ellipse(x, y, r, r * 0.95, shade(green, tone), shadow=True)
    if thing.variant % 3 == 1:
        for x, y in ((-0.16, 0.62), (0.1, 0.8), (0.18, 0.55), (-0.05, 0.66), (0.02, 0.5)):
            canvas.ellipse(x, y, 0.032, 0.032, (214, 62, 52))


def _house(canvas: Canvas, thing: Thing) -> None:
    color = _color(thing)
    canvas.rectangle(0.17, 0.62, 0.27, 0.98, (142, 92, 78), shadow=True)
    canvas.rectangle(-0.38, 0.0, 0.38, 0.56, color, shadow=True)
    canvas.polygon([(-0.47, 0.54), (-0.05, 0.93), (0.05, 0.93), (0.47, 0.54)], (104, 66, 58) if thing.color != "red" else (76, 72, 84), shadow=True)
    canvas.rectangle(-0.09, 0.0, 0.10, 0.32, (96, 66, 48), shadow=True)
    canvas.ellipse(0.065, 0.15, 0.016, 0.016, (238, 206, 110))
    for x in (-0.30, 0.17):
        canvas.rectangle(x, 0.22, x + 0.15, 0.41, (250, 246, 236))
        canvas.rectangle(x + 0.02, 0.24, x + 0.13, 0.39, _GLASS)
        canvas.rectangle(x + 0.067, 0.24, x + 0.083, 0.39, (250, 246, 236))


def _sun(canvas: Canvas, thing: Thing) -> None:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False) + thing.pose
    reach = np.where(np.arange(24) % 2 == 0, 0.62, 0.43)
    canvas.polygon(np.stack([np.cos(angles) * reach, np.sin(angles) * reach], axis=1), (250, 170, 52), shadow=True)
    canvas.ellipse(0, 0, 0.42, 0.42, (255, 216, 72), shadow=True)
    canvas.ellipse(-0.08, 0.08, 0.25, 0.25, (255, 232, 128))


def _eye(canvas: Canvas, x: float, y: float, radius: float) -> None:
    canvas.ellipse(x, y, radius * 1.35, radius * 1.35, (255, 255, 255))
    canvas.ellipse(x + radius * 0.2, y, radius, radius, _INK)


_PAINTERS: dict[str, Callable[[Canvas, Thing], None]] = {
    "dog": _dog, "wolf": _wolf, "cat": _cat, "bird": _bird, "fish": _fish, "car": _car,
    "boat": _boat, "bus": _bus, "tree": _tree, "house": _house, "ball": _ball, "sun": _sun,
}  # fmt: skip
