"""A drawing surface that paints colors and object identities with the same polygons."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Points = Sequence[tuple[float, float]] | NDArray[np.float64]
"""[n, 2] points of the current frame."""
Color = tuple[int, ...]
"""RGB, or RGBA where a fill is translucent; 0..255."""
_SHADOW = (20, 16, 40, 46)


@lru_cache(maxsize=16)
def _spline_basis(count: int, steps: int) -> NDArray[np.float64]:
    """[count * steps, count] weights of a closed Catmull-Rom curve through `count` points."""
    basis = np.zeros((count * steps, count))
    for segment in range(count):
        for step in range(steps):
            t = step / steps
            weights = (
                -0.5 * t + t**2 - 0.5 * t**3,
                1 - 2.5 * t**2 + 1.5 * t**3,
                0.5 * t + 2 * t**2 - 1.5 * t**3,
                -0.5 * t**2 + 0.5 * t**3,
            )
            for offset, weight in enumerate(weights):
                basis[segment * steps + step, (segment + offset - 1) % count] += weight
    return basis


@lru_cache(maxsize=4)
def _unit_circle(points: int) -> NDArray[np.float64]:
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


class Canvas:
    """Colors (RGB) and identities (0 = background, thing index + 1) of `side` pixels.

    Shapes are given in the units of the current frame (`place`): origin at a foot point,
    x to where the figure faces, y up, scaled by the thing's size.
    """

    def __init__(self, image: Image.Image, ids: Image.Image) -> None:
        self.image, self.ids = image, ids
        self._colors = ImageDraw.Draw(image, "RGBA")
        self._ids = ImageDraw.Draw(ids)
        self.side = image.width
        self.place(0.5, 1.0, 1.0)
        self.ident = 0

    def place(self, x: float, y: float, size: float, facing: int = 1, lean: float = 0.0) -> None:
        """Set the frame: foot point and size in shares of the side, lean in radians."""
        sin, cos = np.sin(lean), np.cos(lean)
        scale = size * self.side
        # Columns map (x, y up) to pixels; the lean turns about the foot point.
        self._matrix = np.array([[facing * cos, sin], [facing * sin, -cos]]) * scale
        self._origin = np.array([x, y]) * self.side
        self._scale = scale

    def polygon(self, points: Points, color: Color, shadow: bool = False) -> None:
        """Fill a polygon [n, 2]; `shadow` lays a slight paper shadow under it."""
        pixels = np.asarray(points) @ self._matrix.T + self._origin
        flat = pixels.ravel().tolist()
        if shadow:
            offset = max(1.0, 0.018 * self._scale)
            self._colors.polygon(
                (pixels + np.array([0.6 * offset, offset])).ravel().tolist(), fill=_SHADOW
            )
        self._colors.polygon(flat, fill=color)
        self._ids.polygon(flat, fill=self.ident)

    def blob(self, points: Points, color: Color, shadow: bool = False, steps: int = 6) -> None:
        """Fill a smooth closed curve through the points."""
        self.polygon(_spline_basis(len(points), steps) @ np.asarray(points), color, shadow)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, color: Color, *, turn: float = 0.0,
        shadow: bool = False,
    ) -> None:  # fmt: skip
        """Fill an ellipse, turned by radians."""
        points = _unit_circle(28 if max(rx, ry) * self._scale > 12 else 14) * (rx, ry)
        if turn:
            sin, cos = np.sin(turn), np.cos(turn)
            points = points @ np.array([[cos, sin], [-sin, cos]])
        self.polygon(points + np.array([x, y]), color, shadow)

    def limb(
        self, start: tuple[float, float], end: tuple[float, float], width: float, color: Color,
        *, shadow: bool = False, taper: float = 1.0,
    ) -> None:  # fmt: skip
        """Fill a round-ended bar; `taper` is the end's width relative to the start's."""
        a, b = np.asarray(start), np.asarray(end)
        along = (b - a) / max(1e-6, float(np.hypot(*(b - a))))
        angle = np.arctan2(along[1], along[0])
        half = np.linspace(np.pi / 2, 3 * np.pi / 2, 7) + angle
        first = a + np.stack([np.cos(half), np.sin(half)], axis=1) * width / 2
        last = b - np.stack([np.cos(half), np.sin(half)], axis=1) * width / 2 * taper
        self.polygon(np.concatenate([first, last]), color, shadow)

    def rectangle(
        self,
        left: float,
        bottom: float,
        right: float,
        top: float,
        color: Color,
        shadow: bool = False,
    ) -> None:
        """Fill a rectangle of the frame."""
        self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], color, shadow)


def shade(color: Color, factor: float) -> Color:
    """The color darkened (factor < 1) or mixed towards white (factor > 1)."""
    if factor <= 1:
        return tuple(int(c * factor) for c in color)
    mix = min(1.0, factor - 1)
    return tuple(int(c + (255 - c) * mix) for c in color)


def jitter(color: Color, tint: float) -> Color:
    """A neighbour of the color: `tint` -1..1 shifts lightness and hue within its name."""
    if max(color) - min(color) < 24:  # black, white, gray: a hue would change their name
        return tuple(int(min(255, max(0, c + 9 * tint))) for c in color)
    shift = (tint * 9, -tint * 7, ((tint * 7.3) % 2 - 1) * 11)
    return tuple(
        int(min(255, max(0, c * (1 + 0.08 * tint) + s))) for c, s in zip(color, shift, strict=True)
    )
