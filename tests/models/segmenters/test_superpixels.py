"""Superpixels: a partition of any image, always the same."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.segmenters.superpixels import SuperpixelSegmenter


def _photo(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    "size", [(256, 256), (700, 500), (1, 1), (2, 1), (5, 3), (12_000, 200), (1, 900)]
)
def test_they_partition_the_image(size: tuple[int, int]) -> None:
    segments = SuperpixelSegmenter().segment(_photo(*size))
    assert segments.masks.shape[1:] == size[::-1]
    assert (segments.masks.sum(axis=0) == 1).all()
    assert segments.masks.any(axis=(1, 2)).all()
    assert np.isnan(segments.predicted_iou).all()


def test_there_are_about_as_many_as_asked_for() -> None:
    assert 10 <= len(SuperpixelSegmenter().segment(_photo(640, 480))) <= 22
    assert 2 <= len(SuperpixelSegmenter(count=5).segment(_photo(640, 480))) <= 8
    assert len(SuperpixelSegmenter(count=1).segment(_photo(64, 48))) == 1


def test_the_same_image_is_cut_the_same_way() -> None:
    first = SuperpixelSegmenter().segment(_photo(300, 200))
    again = SuperpixelSegmenter().segment(_photo(300, 200))
    np.testing.assert_array_equal(first.masks, again.masks)


def test_a_uniform_image_has_segments_too() -> None:
    assert len(SuperpixelSegmenter().segment(Image.new("RGB", (64, 64), (9, 9, 9)))) >= 1


def test_they_follow_colors() -> None:
    image = Image.new("RGB", (120, 80), (250, 250, 250))
    image.paste((10, 10, 200), (30, 20, 90, 60))
    inside = np.zeros((80, 120), dtype=bool)
    inside[20:60, 30:90] = True
    masks = SuperpixelSegmenter().segment(image).masks
    blue = [mask for mask in masks if (mask & inside).sum() > mask.sum() / 2]
    union = np.any(blue, axis=0)
    assert (union & inside).sum() / (union | inside).sum() > 0.85


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(InputError, match="count must be at least 1"):
        SuperpixelSegmenter(count=0)
