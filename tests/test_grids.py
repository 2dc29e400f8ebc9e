"""Patch grids with other numbers of rows than columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fiftyone_capviz.attribution.pairs.explanation import Sums, make_explanation
from fiftyone_capviz.attribution.pairs.slices import (
    patch_shares,
    region_weights,
    word_scores_of_region,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation import regions
from fiftyone_capviz.evaluation.chance import centre_map
from fiftyone_capviz.evaluation.faithfulness import blank_patches
from fiftyone_capviz.geometry import Grid, PixelTransform, center_crop, squash
from fiftyone_capviz.segment_embeddings import pooled_embeddings
from fiftyone_capviz.segments import owned_shares, pool_scores

GRID = Grid(3, 5)
WIDTH, HEIGHT = 50, 24
PLACE = squash(WIDTH, HEIGHT, *GRID)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_the_resize_is_that_of_torch(mode: str) -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=GRID)
    down, across = PLACE.resize_matrices(mode)  # type: ignore[arg-type]
    large = torch.nn.functional.interpolate(
        torch.as_tensor(table)[None, None], (HEIGHT, WIDTH), mode=mode, align_corners=False
    )
    assert np.allclose(down @ table @ across.T, large[0, 0].numpy(), atol=1e-12)


def test_pixels_and_patches() -> None:
    assert PLACE.grid == GRID == (3, 5)
    assert PLACE.whole
    assert not center_crop(WIDTH, HEIGHT, 3, 5).whole
    assert squash(8, 8, 4).grid == (4, 4)
    assert PixelTransform(8, 8, (0, 0, 8, 8), 4).columns == 4
    for row in range(3):
        for column in range(5):
            left, top, right, bottom = PLACE.patch_to_box(row, column)
            assert (right - left, bottom - top) == (10, 8)
            assert PLACE.pixel_to_patch((left + right) / 2, (top + bottom) / 2) == (row, column)
    with pytest.raises(InputError, match=r"0\.\.2 and 0\.\.4"):
        PLACE.patch_to_box(3, 0)
    with pytest.raises(InputError, match="at least 1"):
        squash(8, 8, 2, -1)


def test_what_needs_a_square_refuses_another_grid() -> None:
    assert Grid(4, 4).side == 4
    assert GRID.patches == 15
    with pytest.raises(InputError, match="3 rows and 5 columns"):
        _ = GRID.side


def test_pooling_is_the_mean_over_the_segments_pixels() -> None:
    rng = np.random.default_rng(1)
    masks = rng.random((4, HEIGHT, WIDTH)) < 0.4
    maps = rng.normal(size=(2, *GRID))
    owned = owned_shares(masks, PLACE, dtype=np.float64)
    assert owned.shape == (4, *GRID)
    down, across = PLACE.resize_matrices()
    areas = masks.mean(axis=(1, 2))
    scores = pool_scores(owned, areas, maps)
    for s, mask in enumerate(masks):
        for w, table in enumerate(maps):
            summed = (down @ table @ across.T)[mask].sum() / mask.size
            assert scores[s, w] == pytest.approx(summed / np.sqrt(areas[s]))
    with pytest.raises(InputError, match="same patch grid"):
        pool_scores(owned, areas, maps.transpose(0, 2, 1))


def test_embeddings_follow_the_rows_of_the_grid() -> None:
    features = np.arange(16, dtype=np.float32)[:, None]
    owned = np.zeros((1, *GRID))
    owned[0, 1, 3] = 1
    assert pooled_embeddings(features, owned)[0, 0] == 1 + 1 * 5 + 3
    with pytest.raises(InputError, match="same grid"):
        pooled_embeddings(features[:-1], owned)


def test_labelled_regions_and_references() -> None:
    mask = np.zeros((1, HEIGHT, WIDTH), bool)
    mask[0, 8:16, 20:50] = True  # the middle row, columns 2 to 4
    shares = regions.patch_shares(mask, PLACE)
    expected = np.zeros(GRID)
    expected[1, 2:] = 1
    assert np.allclose(shares[0], expected)
    bell = centre_map(PLACE)
    assert bell.shape == GRID
    assert np.allclose(bell, bell[::-1, ::-1])
    assert bell.argmax() == 1 * 5 + 2
    picture = Image.fromarray(np.full((HEIGHT, WIDTH, 3), (0, 100, 200), np.uint8))
    picture.paste((255, 255, 255), (0, 0, 10, 8))
    kept = np.ones(GRID, bool)
    kept[0, 0] = False
    shown = np.asarray(blank_patches(picture, PLACE, kept))
    assert (shown[:8, :10] == np.asarray(picture).reshape(-1, 3).mean(0).round()).all()
    assert (shown[8:] == (0, 100, 200)).all()


def test_slices_of_a_pair() -> None:
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(2, GRID.patches))
    pair = make_explanation(
        "red dog", matrix, cls=np.zeros(2), pieces=((0, 3), (4, 7)),
        sums=Sums(0.5, float(matrix.sum()), 0.0, 0.0, 0.0), transform=PLACE, method="icam",
        layer=0, text_layer=0,
    )  # fmt: skip
    assert pair.matrix.shape == pair.token_maps.shape == (2, *GRID)
    whole = region_weights(PLACE, box=(0, 0, 1, 1))
    assert np.allclose(patch_shares(whole, PLACE), 1)
    assert np.allclose(word_scores_of_region(pair, whole), matrix.sum(1), atol=1e-5)
    with pytest.raises(InputError, match="patch grid"):
        word_scores_of_region(pair, whole.T)
    with pytest.raises(InputError, match="80 pixels"):
        region_weights(PLACE, box=(0, 0, 0.1, 0.1))
