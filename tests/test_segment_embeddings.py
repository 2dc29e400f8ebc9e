"""Segment embeddings and their map."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import center_crop, squash
from fiftyone_capviz.segment_embeddings import (
    crop_embeddings,
    pooled_embeddings,
    project_2d,
    segment_crop,
)
from fiftyone_capviz.segments import owned_shares


def test_pooled_embeddings_are_weighted_means() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1 + 16, 5)).astype(np.float32)
    masks = rng.random((3, 20, 30)) < 0.3
    weights = owned_shares(masks, squash(30, 20, 4))
    pooled = pooled_embeddings(features, weights)
    assert pooled.dtype == np.float32
    for vector, weight in zip(pooled, weights.reshape(3, -1), strict=True):
        np.testing.assert_allclose(
            vector, np.average(features[1:], axis=0, weights=weight), atol=1e-6
        )


def test_the_whole_image_pools_to_the_mean_of_its_patches() -> None:
    features = np.random.default_rng(0).normal(size=(1 + 16, 5))
    weights = owned_shares(np.ones((1, 16, 16), bool), squash(16, 16, 4))
    np.testing.assert_allclose(
        pooled_embeddings(features, weights)[0], features[1:].mean(axis=0), atol=1e-6
    )


def test_a_segment_that_no_patch_shows_has_no_embedding() -> None:
    masks = np.zeros((2, 4, 12), dtype=bool)
    masks[0, :, :2] = True
    masks[1, :, 5:7] = True
    weights = owned_shares(masks, center_crop(12, 4, 2))
    pooled = pooled_embeddings(np.ones((5, 3)), weights)
    assert np.isnan(pooled[0]).all()
    np.testing.assert_allclose(pooled[1], 1, rtol=1e-6)  # a float32 sum of shares
    assert pooled_embeddings(np.ones((5, 3)), np.zeros((0, 2, 2))).shape == (0, 3)


def test_pooling_needs_one_grid() -> None:
    with pytest.raises(InputError, match="same grid"):
        pooled_embeddings(np.ones((5, 3)), np.zeros((1, 3, 3)))


def test_crops_show_the_segment_alone() -> None:
    image = Image.new("RGB", (10, 8), (200, 10, 10))
    mask = np.zeros((8, 10), dtype=bool)
    mask[2:5, 3:9] = True
    mask[2, 3] = False
    crop = segment_crop(image, mask)
    assert crop.size == (6, 3)
    assert crop.getpixel((0, 0)) == (127, 127, 127)
    assert crop.getpixel((1, 0)) == (200, 10, 10)


def test_crop_embeddings_take_the_cls_feature_in_batches() -> None:
    image = Image.fromarray(np.arange(8 * 10 * 3, dtype=np.uint8).reshape(8, 10, 3))
    masks = np.zeros((6, 8, 10), dtype=bool)
    for index, mask in enumerate(masks):
        mask[:, : index + 1] = True
    masks[2] = False
    batches: list[int] = []

    def encode(crops: Sequence[Image.Image]) -> np.ndarray:
        batches.append(len(crops))
        features = np.zeros((len(crops), 5, 2), np.float32)
        features[:, 0] = [crop.size for crop in crops]
        return features

    found = crop_embeddings(image, masks, encode=encode, batch_size=2)
    assert batches == [2, 2, 1]
    assert np.isnan(found[2]).all()
    kept = [0, 1, 3, 4, 5]
    assert found[kept].tolist() == [[index + 1, 8] for index in kept]
    assert crop_embeddings(image, masks[:0], encode=encode).shape == (0, 0)


def _clusters(count: int, hidden: int = 64, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    return rng.normal(size=(count, hidden)) + 30 * rng.normal(size=(4, hidden))[labels], labels


def _purity(points: np.ndarray, labels: np.ndarray) -> float:
    """How often a point's nearest neighbour is of its own cluster."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    return float((labels[distance.argmin(axis=1)] == labels).mean())


@pytest.mark.parametrize("hidden", [1, 3, 64])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7, 11])
def test_any_number_of_vectors_has_a_map(count: int, hidden: int) -> None:
    points = project_2d(np.random.default_rng(0).normal(size=(count, hidden)))
    assert points.shape == (count, 2)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == count


def test_tsne_keeps_clusters_and_repeats_itself() -> None:
    vectors, labels = _clusters(120)
    points = project_2d(vectors, seed=5)
    assert _purity(points, labels) == 1
    np.testing.assert_array_equal(points, project_2d(vectors, seed=5))
    assert not np.array_equal(points, project_2d(vectors, seed=6))


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_the_unit_of_the_vectors_does_not_matter(factor: float) -> None:
    vectors, labels = _clusters(40)
    assert _purity(project_2d(vectors * factor), labels) == 1


def test_equal_vectors_have_a_map() -> None:
    points = project_2d(np.ones((12, 70), np.float32))
    assert np.isfinite(points).all()


@pytest.mark.slow
def test_umap_keeps_clusters_and_repeats_itself() -> None:
    vectors, labels = _clusters(80)
    points = project_2d(vectors, method="umap")
    assert points.dtype == np.float32
    assert _purity(points, labels) == 1
    np.testing.assert_array_equal(points, project_2d(vectors, method="umap"))
    for count in (4, 5, 9):
        few = project_2d(vectors[:count], method="umap")
        assert few.shape == (count, 2)
        assert np.isfinite(few).all()


def test_umap_is_loaded_only_when_asked_for() -> None:
    already = "umap" in sys.modules
    project_2d(_clusters(8)[0])
    assert ("umap" in sys.modules) == already


def test_what_cannot_be_mapped_is_refused() -> None:
    vectors = _clusters(8)[0]
    with pytest.raises(InputError, match="'tsne' or 'umap'; got 'pca'"):
        project_2d(vectors, method="pca")  # type: ignore[arg-type]
    vectors[3, 2] = np.nan
    with pytest.raises(InputError, match="1 of 8 are not"):
        project_2d(vectors)
    with pytest.raises(InputError, match="vectors, hidden"):
        project_2d(np.zeros(4))
