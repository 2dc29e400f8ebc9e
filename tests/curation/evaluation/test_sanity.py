"""Methods that read the image, and methods that cannot have: planted ones, of known marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from bson import ObjectId
from PIL import Image

from fiftyone_capviz.curation.evaluation.sanity import SanityRun, sanity_note
from fiftyone_capviz.curation.evaluation.sources import CaptionVariants
from fiftyone_capviz.evaluation.chance import beats_controls
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.geometry import squash
from fiftyone_capviz.records import CaptionWords
from tests.worlds.known_world import opened

SIDE, GRID, PATCH = 60, 6, 10
SEES, KNOWS = Variant("itm", "gradcam", 0), Variant("itm", "cross_attention", 0)


class SeeingSource:
    """One method's map is the image's red; the other's knows where the object always is."""

    name, score_name, revision, batch_size = "itm", "known", "1", 4

    def __init__(self) -> None:
        self.variants = [SEES, KNOWS]

    def maps(
        self, images: Sequence[Image.Image], texts: Sequence[str], words: Sequence[CaptionWords]
    ) -> list[CaptionVariants]:
        found = []
        for image, named in zip(images, words, strict=True):
            red = np.asarray(image, float)[..., 0].reshape(GRID, PATCH, GRID, PATCH).mean((1, 3))
            memory = np.zeros((GRID, GRID))
            memory[:2, :2] = 1
            both = np.stack([np.round(red), memory])[:, None].repeat(len(named.words), 1)
            found.append(CaptionVariants(both.astype(np.float32), squash(*image.size, GRID)))
        return found


def chosen(source: str, sample: ObjectId) -> Mapping[Variant, Variant]:
    return {each: each for each in (SEES, KNOWS)}


def scene(*, red: bool = True) -> Any:
    """A red square at the top left, on a dull ground with its own variety."""
    pixels = np.full((SIDE, SIDE, 3), 60, np.uint8)
    pixels[40:50, 40:50, 0] = 120
    if red:
        pixels[:20, :20, 0] = 255
    return opened("a dog in the park", {"dog": (0, 0, 2, 2)}, image=Image.fromarray(pixels))


def rows_of(images: int) -> dict[str, dict[str, Any]]:
    run = SanityRun([SeeingSource()], chosen)  # type: ignore[list-item]
    for number in range(images):
        run.take(run.measure(scene(), number))
    return {row["name"]: row for row in run.rows()}


def test_a_method_that_points_where_nothing_can_be_seen_is_marked() -> None:
    rows = rows_of(20)
    sees, knows = rows[SEES.name], rows[KNOWS.name]
    assert sees["pga"]["value"] == knows["pga"]["value"] == 1
    assert (sees["hidden"]["value"], knows["hidden"]["value"]) == (0, 1)
    assert sees["random"]["value"] == pytest.approx(4 / 36)
    assert sees["centre"]["value"] == 0
    assert (sees["beats"], knows["beats"]) == (True, False)
    note = sanity_note(list(rows.values()))
    assert note.startswith("! does not beat")
    assert note.endswith(KNOWS.name)


def test_few_images_tell_nothing() -> None:
    rows = rows_of(4)
    assert {row["beats"] for row in rows.values()} == {None}
    assert "too few images" in sanity_note(list(rows.values()))


def test_beating_is_by_paired_differences() -> None:
    """The middle: hits where the object is hit anyway; half of the images have it."""
    intervals = GroupIntervals(np.arange(40))
    hits, none = np.repeat([1.0, 0.0], 20), np.zeros(40)
    assert beats_controls(hits, np.stack([none, none]), intervals) is True
    assert beats_controls(hits, np.stack([none, hits]), intervals) is False
    assert beats_controls(np.full(40, np.nan), np.stack([none]), intervals) is None
