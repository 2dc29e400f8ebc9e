"""Paint a scene: image, exact visible mask of every thing, tell-tale ground.

Everything is painted at twice the size; the image is averaged down, identities are
sampled from the same polygons, so that every pixel belongs to at most one thing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fiftyone_capviz.scenes import grounds
from fiftyone_capviz.scenes.canvas import Canvas
from fiftyone_capviz.scenes.figures import draw_figure
from fiftyone_capviz.scenes.people import draw_person
from fiftyone_capviz.scenes.scene import Scene, Thing
from fiftyone_capviz.scenes.tables import PERSONS

_SKIES = 6
_DAY = np.array([1.0, 1.0, 1.0], np.float32)
_DUSK = np.array([1.03, 0.90, 0.84], np.float32)


@dataclass(frozen=True)
class Rendering:
    """A painted scene.

    image: uint8 [size, size, 3], RGB.
    masks: bool [things, size, size], the visible pixels of `scene.things`, disjoint.
    ground: bool [size, size], the visible part of the background's tell-tale region.
    """

    image: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    ground: NDArray[np.bool_]


def render(scene: Scene, size: int = grounds.SIDE) -> Rendering:
    """Paint a scene, the same pixels for the same scene and size.

    Raises:
        ValueError: `size` is below 32 pixels.
    """
    if size < 32:
        raise ValueError(f"size must be at least 32 pixels; got {size}. Use 256.")
    rng = np.random.default_rng([scene.seed, 9])
    backdrop, ground = _backdrop(scene, rng)
    big = 2 * size
    canvas = Canvas(
        backdrop.resize(
            (big, big),
            Image.Resampling.NEAREST if size == grounds.SIDE else Image.Resampling.BILINEAR,
        ),
        Image.new("L", (big, big), 0),
    )
    for index, thing in _painting_order(scene):
        _contact_shadow(canvas, scene, thing)
        if thing.kind in PERSONS:
            own = [(i + 1, t) for i, t in enumerate(scene.things) if t.owner == index]
            draw_person(canvas, thing, index + 1, own)
        else:
            draw_figure(canvas, thing, index + 1)
        _cover_feet(canvas, scene, thing, rng)
    ids = np.asarray(canvas.ids)[::2, ::2]
    image = _light(np.asarray(canvas.image.reduce(2)), ids, scene, rng)
    masks = ids[None] == np.arange(1, len(scene.things) + 1, dtype=np.uint8)[:, None, None]
    seen = np.asarray(ground if size == grounds.SIDE else ground.resize((size, size))) > 127
    return Rendering(image, masks, seen & (ids == 0))


def _backdrop(scene: Scene, rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """Sky and ground [SIDE, SIDE] as an RGB image, and the ground's alpha as an L image."""
    side = grounds.SIDE
    image = grounds.sky(int(rng.integers(_SKIES))).copy()
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    texture = grounds.ground(scene.background, int(rng.integers(grounds.VARIANTS)))
    left = int(rng.integers(grounds.WIDTH - side))
    top = grounds.ABOVE - round(scene.horizon * side)
    part = texture.crop((left, top, left + side, top + side))
    if rng.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image.paste(part, (0, 0), part)
    return image, part.getchannel("A")


def _painting_order(scene: Scene) -> list[tuple[int, Thing]]:
    """Things without an owner, from far to near; owners paint what belongs to them."""
    free = [(i, thing) for i, thing in enumerate(scene.things) if thing.owner is None]

    def depth(entry: tuple[int, Thing]) -> float:
        index, thing = entry
        if thing.kind == "sun":
            return -1.0
        # A companion on the ground stands before the subject, scenery and vehicles behind.
        near = index > 0 and thing.kind in ("dog", "wolf", "cat", "bird", "ball", "fish")
        return thing.y + (1.0 if near else 0.5 if index == 0 else 0.0)

    return sorted(free, key=depth)


def _on_ground(thing: Thing) -> bool:
    return thing.kind not in ("sun", "fish") and not (thing.kind == "bird" and thing.moving)


_WIDTHS = {
    "man": 0.2, "woman": 0.2, "tree": 0.13, "house": 0.42, "cat": 0.26, "bird": 0.2, "ball": 0.4,
}  # fmt: skip
"""Half the width of a thing where it stands, in its own size; 0.45 for what is not here."""


def _contact_shadow(canvas: Canvas, scene: Scene, thing: Thing) -> None:
    """A flat shadow where a thing touches the ground; it belongs to the background."""
    if not _on_ground(thing) or scene.background == "water":
        return
    canvas.ident = 0
    canvas.place(thing.x, thing.y, thing.size)
    width = _WIDTHS.get(thing.kind, 0.44)
    canvas.ellipse(0.02, 0.0, width * 1.15, 0.028, (24, 20, 40, 74))


def _cover_feet(canvas: Canvas, scene: Scene, thing: Thing, rng: np.random.Generator) -> None:
    """Waves, snow or tufts over the feet: things stand in their ground, not on it."""
    colors = grounds.cover_colors(scene.background)
    if colors is None or not _on_ground(thing):
        return
    body, edge = colors
    canvas.ident = 0
    canvas.place(thing.x, thing.y, thing.size)
    width = _WIDTHS.get(thing.kind, 0.46) * (1.25 if thing.kind != "house" else 1.0)
    height = {"water": 0.07, "snow": 0.03, "sand": 0.015}.get(scene.background, 0.04)
    if scene.background == "field":
        count = max(4, int(width * thing.size * 60))
        for x in np.linspace(-width, width, count) + rng.uniform(-0.02, 0.02, count):
            tall = height * rng.uniform(0.6, 1.5) * min(1.0, 0.5 / thing.size)
            blade = [(x - 0.012, -0.02), (x + 0.012, -0.02), (x + rng.uniform(-0.02, 0.02), tall)]
            canvas.polygon(blade, edge if rng.random() < 0.5 else body)
        return
    arch = np.sin(np.linspace(0.25, np.pi - 0.25, 9))
    xs = np.linspace(-width, width, 9)
    tops = height * (0.55 + 0.45 * np.cos(np.arange(9) * np.pi)) * arch
    crest = np.stack([xs, tops], axis=1)
    low = np.stack([xs, -0.035 * arch], axis=1)[::-1]
    canvas.blob(np.concatenate([crest, low]), edge, steps=3)
    canvas.blob(np.concatenate([crest - np.array([0.0, 0.014]), low]), body, steps=3)


def _moved(values: NDArray[np.float32], down: int, right: int) -> NDArray[np.float32]:
    """The array shifted by less than its size; what comes in repeats the border."""
    size = values.shape[0]
    rows = np.clip(np.arange(size) - down, 0, size - 1)
    columns = np.clip(np.arange(size) - right, 0, size - 1)
    return values[rows[:, None], columns[None]]


def _light(
    pixels: NDArray[np.uint8], ids: NDArray[np.uint8], scene: Scene, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Soft shadow of the figures on the backdrop, light from one side, dusk, paper grain."""
    size = ids.shape[0]
    figure = Image.fromarray((ids > 0).astype(np.uint8) * 255)
    soft = np.asarray(figure.filter(ImageFilter.BoxBlur(size / 64)), np.float32) / np.float32(255)
    side = 1 if rng.random() < 0.5 else -1
    reach = max(1, size // 52)
    cast = _moved(soft, reach, side * reach)
    facing = soft - _moved(soft, -reach, -side * reach)
    is_figure = ids > 0
    factor = np.where(is_figure, 1 + 0.22 * facing, 1 - 0.30 * cast)
    grain = grounds.grain()
    y, x = rng.integers(0, grounds.SIDE, 2)
    rows = (np.arange(size) + y) % grain.shape[0]
    columns = (np.arange(size) + x) % grain.shape[1]
    factor *= grain[rows[:, None], columns[None]]
    tone = _DAY + (_DUSK - _DAY) * scene.light
    out = pixels * factor[..., None] * tone
    return np.clip(out, 0, 255).astype(np.uint8)
