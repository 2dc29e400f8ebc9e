# fmt: off
# ruff: noqa: E501
# One mark a line: coordinates read worse when they are wrapped.
"""Backgrounds: one sky for all, and a textured ground that tells them apart.

The tell-tale texture lies on the ground only, so that a background cannot be read from
any patch of the image. Grounds are painted once per process, wider than an image; each
scene cuts its own part of one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 256
"""Pixels of an image side for which the textures are painted."""
ABOVE = 128
"""Rows of a ground texture above the horizon (dunes, houses, trunks)."""
WIDTH = 640
VARIANTS = 3
_DEPTH = 160

_NEAR_FAR = {
    # Ground color at the horizon and at the lower edge.
    "snow": ((214, 226, 242), (243, 247, 252)),
    "field": ((142, 186, 96), (96, 152, 62)),
    "water": ((92, 158, 196), (38, 104, 164)),
    "street": ((134, 134, 140), (96, 96, 104)),
    "sand": ((236, 208, 150), (222, 184, 118)),
    "rock": ((158, 146, 136), (116, 104, 98)),
    "forest": ((98, 104, 62), (74, 70, 44)),
}


def _noise(rng: np.random.Generator, height: int, width: int, cell: int) -> NDArray[np.float32]:
    """Smooth noise [height, width] in 0..1 with features of about `cell` pixels."""
    grid = rng.random((height // cell + 2, width // cell + 2)).astype(np.float32)
    image = Image.fromarray((grid * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32) / np.float32(255)


@lru_cache(maxsize=8)
def sky(variant: int) -> Image.Image:
    """RGB sky [SIDE, SIDE]: a gradient with soft clouds, the same family for every ground."""
    rng = np.random.default_rng([71, variant])
    ramp = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
    top, bottom = np.array([150, 196, 226.0]), np.array([202, 222, 236.0])
    image = top + (bottom - top) * np.minimum(1, ramp * 1.7)
    clouds = 0.6 * _noise(rng, SIDE, SIDE, 64) + 0.4 * _noise(rng, SIDE, SIDE, 22)
    cover = np.clip((clouds - 0.52) * 3.0, 0, 0.7)[..., None]
    image = image * (1 - cover) + np.array([248, 248, 246.0]) * cover
    return Image.fromarray(image.astype(np.uint8))


@lru_cache(maxsize=1)
def grain() -> NDArray[np.float32]:
    """Paper grain [2 * SIDE, 2 * SIDE] float32 about 1: factors for the finished image."""
    rng = np.random.default_rng(5)
    fine = rng.normal(0, 1, (2 * SIDE, 2 * SIDE)).astype(np.float32)
    soft = _noise(rng, 2 * SIDE, 2 * SIDE, 6) - 0.5
    return (1 + 0.014 * fine + 0.05 * soft).astype(np.float32)


@lru_cache(maxsize=64)
def ground(background: str, variant: int) -> Image.Image:
    """RGBA ground texture [ABOVE + depth, WIDTH]; row `ABOVE` lies on the horizon.

    Alpha 0 is sky. The first call for a background takes some 20 ms, later ones nothing.
    """
    rng = np.random.default_rng([sum(map(ord, background)), variant])
    far, near = (np.array(color, np.float32) for color in _NEAR_FAR[background])
    ramp = (np.arange(_DEPTH, dtype=np.float32) / _DEPTH)[:, None, None] ** 0.8
    soft = 0.55 * _noise(rng, _DEPTH, WIDTH, 40) + 0.45 * _noise(rng, _DEPTH, WIDTH, 9)
    base = (far + (near - far) * ramp) * (0.93 + 0.14 * soft[..., None])
    pixels = np.zeros((ABOVE + _DEPTH, WIDTH, 4), np.uint8)
    pixels[ABOVE:, :, :3] = np.clip(base, 0, 255)
    pixels[ABOVE:, :, 3] = 255
    image = Image.fromarray(pixels, "RGBA").resize((WIDTH * 2, (ABOVE + _DEPTH) * 2), Image.Resampling.BILINEAR)
    painter = _Painter(image, rng)
    getattr(painter, background)()
    image = image.reduce(2)
    return image


class _Painter:
    """Draws the marks of one ground at twice the resolution; far marks first, near ones last."""

    def __init__(self, image: Image.Image, rng: np.random.Generator) -> None:
        self.rng = rng
        self.image = image
        self.pen = ImageDraw.Draw(image, "RGBA")
        self.width, self.top, self.depth = WIDTH * 2, ABOVE * 2, _DEPTH * 2

    def marks(self, count: int, first: float = 0.02) -> list[tuple[float, float, float]]:
        """(x, y, scale) of scattered marks, sorted from far to near; scale 0.25..1."""
        share = np.sort(first + (1 - first) * self.rng.random(count) ** 0.9)
        xs = self.rng.random(count) * self.width
        return [(x, self.top + s * self.depth, 0.25 + 0.75 * s) for x, s in zip(xs, share, strict=True)]

    def ridge(self, low: float, high: float, step: int, color: tuple[int, int, int]) -> None:
        """A wavy outline above the horizon, between `low` and `high` pixels tall."""
        xs = np.arange(-step, self.width + 2 * step, step)
        heights = self.rng.uniform(low, high, len(xs))
        fine = np.arange(0, self.width + 8, 8)
        tops = np.interp(fine, xs, heights)
        kernel = np.hanning(max(3, step // 8 | 1))
        pad = len(kernel) // 2
        tops = np.convolve(np.pad(tops, pad, mode="edge"), kernel / kernel.sum(), "valid")
        points = [(x, self.top - t) for x, t in zip(fine.tolist(), tops.tolist(), strict=True)]
        self.pen.polygon([(0, self.top + 8), *points, (self.width, self.top + 8)], fill=(*color, 255))

    def snow(self) -> None:
        self.ridge(6, 34, 150, (226, 234, 246))
        self.ridge(2, 14, 110, (236, 241, 249))
        for x, y, s in self.marks(60):
            w, h = 130 * s, 40 * s
            self.pen.chord((x - w, y - h, x + w, y + h), 180, 360, fill=(206, 220, 241, 255))
            self.pen.chord((x - w * 0.97, y - h + 7 * s, x + w * 0.9, y + h), 180, 360, fill=(246, 250, 255, 255))
            self.pen.chord((x - w, y - h * 0.35, x + w, y + h * 0.35), 0, 180, fill=(246, 250, 255, 255))
        for x, y, s in self.marks(900):
            r = 1.6 + 3.8 * s * self.rng.random()
            color = (255, 255, 255, 255) if self.rng.random() < 0.5 else (156, 184, 226, 255)
            self.pen.ellipse((x - r, y - r, x + r, y + r), fill=color)

    def field(self) -> None:
        self.ridge(4, 26, 180, (136, 180, 100))
        for x, y, s in self.marks(1500):
            h = 26 * s * self.rng.uniform(0.6, 1.1)
            green = self.rng.uniform(0.75, 1.2)
            color = (int(74 * green), int(138 * green), int(48 * green), 255)
            for tilt in (-5, 0, 6):
                self.pen.polygon([(x - 2 * s, y), (x + 2 * s, y), (x + tilt * s, y - h)], fill=color)
        for x, y, s in self.marks(70):
            r = 5 * s
            for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                self.pen.ellipse((x + (dx - 1) * r, y + (dy - 1) * r, x + (dx + 1) * r, y + (dy + 1) * r), fill=(250, 244, 236, 255))
            self.pen.ellipse((x - r * 0.8, y - r * 0.8, x + r * 0.8, y + r * 0.8), fill=(240, 196, 70, 255))

    def water(self) -> None:
        for x, y, s in self.marks(420, 0.01):
            w, h = 52 * s, 9 * s
            light = self.rng.random() < 0.55
            color = (176, 216, 236, 220) if light else (22, 78, 136, 200)
            for part in range(3):
                left = x + (part - 1.5) * w
                self.pen.arc((left, y - h, left + w, y + h), 20, 160, fill=color, width=max(2, int(5 * s)))
        for x, y, s in self.marks(60):
            self.pen.ellipse((x - 16 * s, y - 2 * s, x + 16 * s, y + 2 * s), fill=(236, 246, 250, 230))

    def street(self) -> None:
        wall = 0.0
        while wall < self.width:
            x = wall
            w, h = self.rng.uniform(70, 150), self.rng.uniform(70, 190)
            tone = self.rng.uniform(0.82, 1.08)
            body = (int(158 * tone), int(160 * tone), int(176 * tone))
            self.pen.rectangle((x, self.top - h, x + w, self.top), fill=(*body, 255))
            self.pen.rectangle((x, self.top - h, x + w, self.top - h + 6), fill=(112, 114, 132, 255))
            for row in np.arange(self.top - h + 18, self.top - 22, 30):
                for column in np.arange(x + 12, x + w - 18, 28):
                    lit = self.rng.random() < 0.25
                    self.pen.rectangle((column, row, column + 13, row + 16), fill=(232, 222, 178, 255) if lit else (98, 110, 138, 255))
            wall += w + float(self.rng.choice([0, 0, 14]))
        self.pen.rectangle((0, self.top - 4, self.width, self.top + 22), fill=(190, 186, 180, 255))
        for x in range(0, self.width, 44):
            self.pen.line((x, self.top - 4, x - 8, self.top + 20), fill=(160, 156, 152, 255), width=2)
        self.pen.rectangle((0, self.top + 20, self.width, self.top + 28), fill=(126, 122, 122, 255))
        for x, y, s in self.marks(2200, 0.1):
            tone = int(self.rng.choice([70, 84, 150]))
            self.pen.ellipse((x - 2 * s, y - 1.4 * s, x + 2 * s, y + 1.4 * s), fill=(tone, tone, tone + 6, 255))
        for share, length, height in ((0.36, 62, 9), (0.80, 110, 17)):
            y = self.top + share * self.depth
            for x in range(int(self.rng.integers(-60, 0)), self.width, int(length * 1.8)):
                self.pen.polygon([(x + 8, y), (x + length + 8, y), (x + length, y + height), (x, y + height)], fill=(238, 232, 206, 255))

    def sand(self) -> None:
        self.ridge(8, 44, 220, (228, 196, 134))
        self.ridge(2, 18, 140, (238, 210, 154))
        for x, y, s in self.marks(150):
            w, h = 84 * s, 10 * s
            self.pen.arc((x - w, y - h, x + w, y + h), 200, 340, fill=(186, 146, 86, 220), width=max(2, int(4 * s)))
            self.pen.arc((x - w, y - h - 5 * s, x + w, y + h - 5 * s), 200, 340, fill=(250, 232, 186, 255), width=max(2, int(4 * s)))
        for x, y, s in self.marks(2600):
            dark = self.rng.random() < 0.6
            r = 1.6 * s
            self.pen.ellipse((x - r, y - r, x + r, y + r), fill=(176, 136, 78, 255) if dark else (252, 238, 202, 255))
        for x, y, s in self.marks(26):
            r = 11 * s
            self.pen.pieslice((x - r, y - r, x + r, y + r), 190, 350, fill=(246, 214, 206, 255), outline=(170, 116, 104, 255))
            self.pen.line((x, y, x, y - r), fill=(196, 140, 128, 255), width=2)

    def rock(self) -> None:
        for left in range(-60, self.width + 60, 74):
            self.boulder(left + self.rng.uniform(-24, 24), self.top + 12, self.rng.uniform(44, 84))
        for x, y, s in self.marks(190):
            self.boulder(x, y + 8 * s, 52 * s * self.rng.uniform(0.5, 1.15))

    def boulder(self, x: float, y: float, radius: float) -> None:
        angles = np.linspace(np.pi, 0, 8) + self.rng.uniform(-0.15, 0.15, 8) * np.array([0, 1, 1, 1, 1, 1, 1, 0])
        reach = radius * self.rng.uniform(0.78, 1.1, 8)
        points = np.stack([x + np.cos(angles) * reach, y - np.sin(angles) * reach * 0.78], 1)
        tone = self.rng.uniform(0.78, 1.12)
        body = np.array([150, 138, 130]) * tone
        flat = [tuple(p) for p in points.tolist()]
        left, right = flat[0], flat[-1]
        self.pen.polygon([(left[0] - 2, y + radius * 0.16), *flat, (right[0] + 2, y + radius * 0.16)], fill=(64, 56, 54, 255))
        ring = [(x + (px - x) * 0.9, y + (py - y) * 0.92) for px, py in flat]
        self.pen.polygon(ring, fill=(*body.astype(int).tolist(), 255))
        light = [(x - radius * 0.12 + (px - x) * 0.56, y - radius * 0.2 + (py - y) * 0.62) for px, py in flat]
        self.pen.polygon(light, fill=(*np.minimum(255, body * 1.16).astype(int).tolist(), 255))

    def forest(self) -> None:
        self.ridge(110, 190, 60, (86, 122, 84))
        self.ridge(60, 150, 46, (66, 104, 66))
        for left in range(-20, self.width + 20, 46):
            at = left + self.rng.uniform(-16, 16)
            w, tall = self.rng.uniform(9, 19), self.rng.uniform(150, 235)
            base = self.top + self.rng.uniform(4, 44)
            tone = self.rng.uniform(0.8, 1.15)
            bark = (int(98 * tone), int(72 * tone), int(50 * tone), 255)
            self.pen.polygon([(at - w, base), (at + w, base), (at + w * 0.6, self.top - tall), (at - w * 0.6, self.top - tall)], fill=bark)
            for _ in range(5):
                y = base - self.rng.uniform(10, tall)
                self.pen.line((at - w * 0.4, y, at + w * 0.3, y + 5), fill=(58, 42, 30, 255), width=3)
            for _ in range(4):
                r = self.rng.uniform(20, 40)
                cx, cy = at + self.rng.uniform(-34, 34), self.top - tall + self.rng.uniform(0, 54)
                green = self.rng.uniform(0.8, 1.2)
                self.pen.ellipse((cx - r, max(2, cy - r * 0.8), cx + r, cy + r * 0.8), fill=(int(58 * green), int(106 * green), int(58 * green), 255))
        for x, y, s in self.marks(760, 0.08):
            color = ((150, 108, 54, 255), (112, 124, 52, 255), (178, 126, 60, 255), (52, 48, 30, 255))[int(self.rng.integers(4))]
            self.pen.ellipse((x - 9 * s, y - 4 * s, x + 9 * s, y + 4 * s), fill=color)


_COVERS = {
    # Color of what hides the feet of whatever stands on a ground, and its light edge.
    "snow": ((240, 245, 251), (255, 255, 255)),
    "water": ((56, 122, 178), (206, 232, 244)),
    "field": ((92, 148, 60), (116, 170, 76)),
    "sand": ((224, 188, 124), (244, 218, 162)),
}


def cover_colors(background: str) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
    """Body and edge color of the strip that covers feet on a ground, or None."""
    return _COVERS.get(background)
