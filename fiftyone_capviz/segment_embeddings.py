"""One vector per segment, and all of them on a plane: the map of a dataset's segments.

Formulas: docs/methods.md, sections 3.5 to 3.7.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.placed_masks import PlacedMasks
from fiftyone_capviz.records import BoolArray, FloatArray

MapMethod = Literal["tsne", "umap"]
CropEncoder = Callable[[Sequence[Image.Image]], FloatArray]
"""Images to features "images 1+patches hidden", CLS first; or to vectors "images hidden"."""

MEAN_GRAY = (127, 127, 127)
PCA_DIMENSIONS = 50
PERPLEXITY = 30.0
NEIGHBORS = 15
TSNE_THREADS = 2
"""Two terms add up to the same sum in either order, more do not: so the same seed gives the same
map."""
ONE_THREAD_BELOW = 1000
"""Vectors for which a second thread only waits."""


def pooled_embeddings(features: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean of the patch features under each segment: the one pass of the ViT serves them all.

    Args:
        features: of one image, "1+patches hidden", CLS first, patches row by row.
        weights: `fiftyone_capviz.segments.owned_shares` on the same grid, "segments rows
            columns".

    Returns:
        Float32 "segments hidden"; nan for a segment that no patch shows.

    Raises:
        InputError: features and weights on different grids.
    """
    fits = features.ndim == 2 and weights.ndim == 3
    if not fits or len(features) != 1 + math.prod(weights.shape[1:]):
        raise InputError(
            "features must be (1 + patches, hidden) and weights (segments, rows, columns) of the "
            "same grid; "
            f"got {features.shape} and {weights.shape}."
        )
    flat = weights.reshape(len(weights), len(features) - 1).astype(np.float32)
    totals = flat.sum(axis=1, keepdims=True)
    shares = np.divide(flat, totals, out=np.full_like(flat, np.nan), where=totals > 0)
    pooled: FloatArray = shares @ features[1:].astype(np.float32)
    return pooled


def crop_embeddings(
    image: Image.Image,
    masks: BoolArray | PlacedMasks,
    *,
    encode: CropEncoder,
    batch_size: int = 16,
    background: tuple[int, int, int] = MEAN_GRAY,
) -> FloatArray:
    """The seed paper's way: encode a picture of each segment alone.

    Each segment is cut to its box, everything else in the box is painted over, and the encoder's
    CLS feature of that crop is the embedding. It takes one pass of the encoder per segment.

    Args:
        image: upright RGB.
        masks: bool "segments height width", or `PlacedMasks`, of which one at a time is made.
        encode: the encoder.
        batch_size: crops that are encoded at once.
        background: color around the segment.

    Returns:
        Float32 "segments hidden"; nan for an empty mask. Without segments "0 0".
    """
    present = [index for index in range(len(masks)) if masks[index].any()]
    found = []
    for start in range(0, len(present), batch_size):
        some = present[start : start + batch_size]
        crops = [segment_crop(image, masks[i], background=background) for i in some]
        encoded = np.asarray(encode(crops), dtype=np.float32)
        found.append(encoded[:, 0] if encoded.ndim == 3 else encoded)
    if not found:
        return np.zeros((len(masks), 0), dtype=np.float32)
    vectors = np.concatenate(found)
    embeddings = np.full((len(masks), vectors.shape[1]), np.nan, dtype=np.float32)
    embeddings[present] = vectors
    return embeddings


def segment_crop(
    image: Image.Image, mask: BoolArray, *, background: tuple[int, int, int] = MEAN_GRAY
) -> Image.Image:
    """The segment's box of the image, painted over outside the mask (not empty)."""
    if mask.shape != (image.height, image.width):
        raise InputError(
            f"mask must be (height, width) = {(image.height, image.width)}; got {mask.shape}."
        )
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise InputError("An empty mask has no crop; leave it out.")
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    pixels = np.asarray(image.crop((int(left), int(top), int(right), int(bottom))))
    inside = mask[top:bottom, left:right, None]
    return Image.fromarray(np.where(inside, pixels, np.array(background)).astype(np.uint8))


def project_2d(
    embeddings: FloatArray, *, method: MapMethod = "tsne", seed: int = 51
) -> NDArray[np.float32]:
    """Lay vectors out on a plane so that neighbours stay neighbours.

    The same vectors in the same order with the same seed give the same points.

    Args:
        embeddings: "vectors hidden", finite; any number of vectors.
        method: "tsne" (scikit-learn) or "umap" (umap-learn, the extra `umap`).
        seed: of the layout.

    Returns:
        Float32 "vectors 2".

    Raises:
        InputError: unknown method, or vectors that are not finite.
    """
    if method not in ("tsne", "umap"):
        raise InputError(f"method must be 'tsne' or 'umap'; got {method!r}.")
    if embeddings.ndim != 2:
        raise InputError(f"embeddings must be (vectors, hidden); got the shape {embeddings.shape}.")
    broken = np.count_nonzero(~np.isfinite(embeddings).all(axis=1))
    if broken:
        raise InputError(
            f"embeddings must be finite; {broken} of {len(embeddings)} are not. Leave these "
            "segments out, or compute their embeddings again."
        )
    if len(embeddings) <= 3:
        return _first_points(len(embeddings))
    reduced = _reduce(embeddings, seed)
    points = _tsne(reduced, seed) if method == "tsne" else _umap(reduced, seed)
    return np.ascontiguousarray(points, dtype=np.float32)


def _first_points(count: int) -> NDArray[np.float32]:
    """Up to three points need no method; a fixed triangle shows them apart."""
    return np.array([(0, 0), (1, 0), (0.5, 0.75)], dtype=np.float32)[:count]


def _reduce(embeddings: FloatArray, seed: int) -> NDArray[np.float32]:
    """Rotated to the directions that vary most, and cut to the first of them."""
    from sklearn.decomposition import PCA

    vectors = np.asarray(embeddings, dtype=np.float64)
    # One common factor: neither huge nor tiny vectors may leave the floats' range when squared.
    largest = np.abs(vectors).max(initial=0)
    if vectors.shape[1] == 0 or not (vectors != vectors[0]).any():
        return np.zeros((len(vectors), 2), dtype=np.float32)
    width = min(PCA_DIMENSIONS, *vectors.shape)
    reduced = PCA(width, random_state=seed).fit_transform(vectors / largest)
    if width < 2:
        reduced = np.concatenate([reduced, np.zeros_like(reduced)], axis=1)
    scaled: NDArray[np.float32] = (reduced / reduced[:, 0].std()).astype(np.float32)
    return scaled


def _start(vectors: NDArray[np.float32], seed: int, *, spread: float) -> NDArray[np.float32]:
    """The first two directions; with a little noise, since equal points could never part."""
    noise = np.random.default_rng(seed).normal(size=(len(vectors), 2))
    return (spread * (vectors[:, :2] + 0.01 * noise)).astype(np.float32)


def _tsne(vectors: NDArray[np.float32], seed: int) -> NDArray[np.floating]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threads = 1 if len(vectors) < ONE_THREAD_BELOW else TSNE_THREADS
    layout = TSNE(
        2,
        perplexity=min(PERPLEXITY, (len(vectors) - 1) / 3),
        init=_start(vectors, seed, spread=1e-4),
        random_state=seed,
        n_jobs=threads,
    )
    with threadpool_limits(threads, user_api="openmp"):
        points: NDArray[np.floating] = layout.fit_transform(vectors)
    return points


def _umap(vectors: NDArray[np.float32], seed: int) -> NDArray[np.floating]:
    from umap import UMAP

    layout = UMAP(
        n_components=2,
        n_neighbors=min(NEIGHBORS, len(vectors) - 1),
        init=_start(vectors, seed, spread=5.0),
        random_state=seed,
        n_jobs=1,  # umap-learn is reproducible on one thread only
    )
    points: NDArray[np.floating] = layout.fit_transform(vectors)
    return points
