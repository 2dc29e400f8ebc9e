"""Patch grid and pixels: against PyTorch's resize, and there and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform, center_crop, squash

SIZES = [(64, 48, 6), (7, 5, 24), (1, 1, 16), (100, 3, 4), (33, 200, 1)]


def _resized(maps: np.ndarray, size: tuple[int, int], mode: str) -> np.ndarray:
    tensor = torch.from_numpy(maps)[:, None]
    return functional.interpolate(tensor, size=size, mode=mode, align_corners=False)[:, 0].numpy()


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("width", "height", "grid"), SIZES)
def test_resize_matrices_are_the_resize_of_pytorch(
    width: int, height: int, grid: int, mode: str
) -> None:
    maps = np.random.default_rng(0).normal(size=(3, grid, grid))
    vertical, horizontal = squash(width, height, grid).resize_matrices(mode)  # type: ignore[arg-type]
    ours = vertical @ maps @ horizontal.T
    np.testing.assert_allclose(ours, _resized(maps, (height, width), mode), atol=1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_a_crop_is_the_resize_onto_it_and_nothing_outside(mode: str) -> None:
    transform = PixelTransform(40, 30, (5, 3, 29, 27), 6)
    maps = np.random.default_rng(1).normal(size=(2, 6, 6))
    vertical, horizontal = transform.resize_matrices(mode)  # type: ignore[arg-type]
    expected = np.zeros((2, 30, 40))
    expected[:, 3:27, 5:29] = _resized(maps, (24, 24), mode)
    np.testing.assert_allclose(vertical @ maps @ horizontal.T, expected, atol=1e-12)


def test_resize_matrices_are_made_once_and_cannot_be_changed() -> None:
    first = squash(640, 480, 24).resize_matrices()[0]
    assert first is squash(320, 480, 24).resize_matrices()[0]
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1


crops = st.tuples(st.integers(1, 300), st.integers(1, 300), st.integers(1, 30), st.booleans()).map(
    lambda v: (squash if v[3] else center_crop)(v[0], v[1], v[2])
)


@settings(deadline=None)
@given(transform=crops, data=st.data())
def test_a_point_of_a_patch_is_shown_by_it(transform: PixelTransform, data: st.DataObject) -> None:
    cell = st.integers(0, transform.rows - 1)
    row, column = data.draw(cell), data.draw(cell)
    left, top, right, bottom = transform.patch_to_box(row, column)
    inner = st.floats(0.001, 0.999)
    x = left + data.draw(inner) * (right - left)
    y = top + data.draw(inner) * (bottom - top)
    assert transform.pixel_to_patch(x, y) == (row, column)


@settings(deadline=None)
@given(transform=crops, data=st.data())
def test_a_pixel_lies_in_the_patch_that_shows_it(
    transform: PixelTransform, data: st.DataObject
) -> None:
    x = data.draw(st.integers(0, transform.width - 1)) + 0.5
    y = data.draw(st.integers(0, transform.height - 1)) + 0.5
    patch = transform.pixel_to_patch(x, y)
    vertical, horizontal = transform.resize_matrices()
    seen = bool(vertical[int(y)].any() and horizontal[int(x)].any())
    assert seen == (patch is not None)
    if patch is not None:
        left, top, right, bottom = transform.patch_to_box(*patch)
        assert left - 1e-9 <= x <= right + 1e-9
        assert top - 1e-9 <= y <= bottom + 1e-9


@settings(deadline=None)
@given(transform=crops, mode=st.sampled_from(["bilinear", "bicubic"]))
def test_every_pixel_inside_gets_weights_of_sum_one(transform: PixelTransform, mode: str) -> None:
    for matrix in transform.resize_matrices(mode):  # type: ignore[arg-type]
        sums = matrix.sum(axis=1)
        np.testing.assert_allclose(sums, matrix.any(axis=1), atol=1e-12)


def test_patches_tile_the_crop() -> None:
    transform = center_crop(90, 60, 5)
    boxes = [transform.patch_to_box(r, c) for r in range(5) for c in range(5)]
    assert boxes[0][:2] == (15, 0)
    assert boxes[-1][2:] == pytest.approx((75, 60))
    assert sum((b[2] - b[0]) * (b[3] - b[1]) for b in boxes) == pytest.approx(3600)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (333, 500), (101, 100), (50, 50)])
def test_center_crop_follows_the_processor_of_clip(width: int, height: int) -> None:
    """The processor crops the pixels that we say it crops: ramps show which."""
    from PIL import Image
    from transformers import CLIPImageProcessor

    ramp = np.zeros((height, width, 3), np.float32)
    ramp[..., 0] = (np.arange(width) + 0.5)[None] / width
    ramp[..., 1] = (np.arange(height) + 0.5)[:, None] / height
    image = Image.fromarray((ramp * 255).round().astype(np.uint8))
    processor = CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, do_normalize=False
    )
    seen = processor(images=image, return_tensors="pt")["pixel_values"][0].numpy()
    transform = center_crop(width, height, 32, size=32)
    left, top, right, bottom = transform.crop
    middle = slice(8, 24)
    x = left + (np.arange(32) + 0.5) / 32 * (right - left)
    y = top + (np.arange(32) + 0.5) / 32 * (bottom - top)
    np.testing.assert_allclose(seen[0].mean(axis=0)[middle], x[middle] / width, atol=0.01)
    np.testing.assert_allclose(seen[1].mean(axis=1)[middle], y[middle] / height, atol=0.01)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        squash(0, 5, 4)
    with pytest.raises(InputError, match="not empty"):
        PixelTransform(5, 5, (3, 0, 3, 5), 4)
    with pytest.raises(InputError, match="bilinear"):
        squash(5, 5, 4).resize_matrices("nearest")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"0\.\.3"):
        squash(5, 5, 4).patch_to_box(4, 0)
    assert squash(5, 5, 4).pixel_to_patch(5, 2) is None
    assert center_crop(9, 3, 3).pixel_to_patch(1, 1) is None
