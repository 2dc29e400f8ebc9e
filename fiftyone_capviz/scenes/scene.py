"""What a scene is: the full truth about one image.

Positions and sizes are shares of the image's side; x runs right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """One object of a scene.

    Args:
        kind: a word of `KINDS` or `ACCESSORIES`.
        color: a key of `COLORS` (a person's is the shirt), or None where the kind has none.
        owner: index in `Scene.things` of the person who wears or holds it, or None.
        x, y: foot point, 0..1 (center for the sun, a fish and a flying bird); unused with
            an owner, whose pose places the thing.
        size: share of the image's side: height of persons, trees and houses, length of
            animals and vehicles, diameter of balls and the sun.
        facing: 1 looks right, -1 left; with an owner the side of the hand.
        pose: 0..1, bends limbs; at 0.5 or more animals run and birds fly.
        lean: radians, positive leans right.
        tint: -1..1, shift of hue and lightness within the color's name.
        variant: 0..11, picks among shapes (hats, trees), skins and hair.
    """

    kind: str
    color: str | None
    owner: int | None = None
    x: float = 0.5
    y: float = 0.9
    size: float = 0.3
    facing: int = 1
    pose: float = 0.0
    lean: float = 0.0
    tint: float = 0.0
    variant: int = 0

    @property
    def moving(self) -> bool:
        """Whether the drawn pose shows an animal running or a bird flying."""
        return self.kind in ("dog", "wolf", "bird") and self.pose >= 0.5


@dataclass(frozen=True)
class Scene:
    """One image's truth: subject first, then accessories, held things, extras.

    `horizon` is where the ground begins (share of the height), `light` runs from 0 (day)
    to 1 (dusk).
    """

    seed: int
    background: str
    things: tuple[Thing, ...]
    horizon: float = 0.45
    light: float = 0.0

    @property
    def subject(self) -> Thing:
        """The thing the image is about."""
        return self.things[0]

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds and accessories in the image."""
        return frozenset(thing.kind for thing in self.things)

    def find(self, kind: str) -> Thing | None:
        """The scene's thing of that kind (there is at most one), or None."""
        return next((thing for thing in self.things if thing.kind == kind), None)
