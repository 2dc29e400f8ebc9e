"""Which part of a caption meets which part of an image: one pair, explained for a user who waits.

    sample = read_sample(dataset, sample_id, choose_fields(dataset, None))
    reading = explain_sample(sample, sample.caption, PairSettings(encoder="scenes"))
    reading.maps[3]          # the fourth word's, signed, "p p"; sums to the word's share

Explanations are kept for a while, so that turning back to one costs no model. Nothing here imports
torch before a model is needed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fiftyone_capviz.curation.documents import full_masks
from fiftyone_capviz.curation.model_turns import is_large, turn_at_models
from fiftyone_capviz.curation.pair_sample import PairSample
from fiftyone_capviz.curation.pair_settings import PairSettings
from fiftyone_capviz.curation.pair_words import PairWord, pair_words, spans_of
from fiftyone_capviz.curation.recent import RecentCache, file_key
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.segments import patch_weights

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import DualEncoder

KEPT_BYTES = 128 << 20


@lru_cache(maxsize=1)
def pair_cache() -> RecentCache[Any]:
    """The readings and matrices that this process made last."""
    return RecentCache(KEPT_BYTES)


@dataclass(frozen=True, eq=False)
class PairReading:
    """The signed share of each word and patch in the score of one pair.

    Attributes:
        caption: as it was explained.
        words: every word of it, stop words included, in its order.
        maps: float32 "words p p"; a word's pieces are summed.
        transform: from the image to the grid.
        score: cosine of the two embeddings.
        exact: what all shares must sum to; nan for methods that promise no sum.
        completeness_error: how far they are from it.
        relative_error: the same over the sum of all magnitudes.
        layer: of the image side, whose input was attributed to.
        layers: how many can be chosen.
        notes: worth knowing, such as a caption that was cut.
        seconds: from the call to the answer, 0 where it was kept.
    """

    caption: str
    words: tuple[PairWord, ...]
    maps: FloatArray
    transform: PixelTransform
    score: float
    exact: float
    completeness_error: float
    relative_error: float
    layer: int
    layers: int
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def crop(self) -> tuple[float, float, float, float]:
        """Left, top, width, height of what the grid shows, as shares of the image."""
        place = self.transform
        left, top, right, bottom = place.crop
        width, height = place.width, place.height
        return left / width, top / height, (right - left) / width, (bottom - top) / height


def explain_sample(
    sample: PairSample,
    caption: str | None,
    settings: PairSettings,
    *,
    cache: ModelCache | None = None,
) -> PairReading:
    """Explain the pair of a sample's image and a caption, its own or another.

    Raises:
        InputError: no caption, or one that the encoder cannot take; an unknown layer.
        ImageError, ModelError: what cannot be read or had.
    """
    from fiftyone_capviz.attribution.pair_attribution import explain_pair

    started = time.perf_counter()
    text = required_caption(caption)
    chosen = settings.validated()
    with encoder_in_turn(chosen, cache) as encoder:
        require_layer(chosen, encoder)
        key = ("pair", *_who(encoder, chosen), file_key(sample.filepath), text)
        kept = pair_cache().get(key)
        if kept is not None:
            return replace(kept, seconds=0.0)
        image = open_image(sample.filepath)
        found = explain_pair(encoder, image, text, **_how(chosen))
        layers = encoder.image_layers
    reading = PairReading(
        caption=text,
        words=pair_words(text),
        maps=found.token_maps,
        transform=found.transform,
        score=found.score,
        exact=found.exact,
        completeness_error=found.completeness_error,
        relative_error=found.relative_error,
        layer=found.layer,
        layers=layers,
        notes=found.warnings,
        seconds=time.perf_counter() - started,
    )
    pair_cache().keep(key, reading, reading.maps.nbytes)
    return reading


def relate_images(
    first: PairSample,
    second: PairSample,
    settings: PairSettings,
    *,
    cache: ModelCache | None = None,
) -> FloatArray:
    """Which part of one image meets which part of another: signed float32 "p p p p".

    The first two axes are rows and columns of the first image's grid.

    Raises:
        InputError: an unknown layer, or a method that needs a text.
        ImageError, ModelError: what cannot be read or had.
    """
    from fiftyone_capviz.attribution.pair_attribution import explain_images

    chosen = settings.validated()
    with encoder_in_turn(chosen, cache) as encoder:
        require_layer(chosen, encoder)
        key = ("images", *_who(encoder, chosen), *map(file_key, (first.filepath, second.filepath)))
        kept: FloatArray | None = pair_cache().get(key)
        if kept is not None:
            return kept
        images = [open_image(one.filepath) for one in (first, second)]
        found = explain_images(encoder, images[0], images[1], **_how(chosen))
        grid = encoder.grid
    matrix = np.asarray(found.matrix, np.float32).reshape(grid, grid, grid, grid)
    pair_cache().keep(key, matrix, matrix.nbytes)
    return matrix


def relate_captions(
    first: str | None,
    second: str | None,
    settings: PairSettings,
    *,
    cache: ModelCache | None = None,
) -> FloatArray:
    """Which word of one caption meets which of another: signed float32 "words words".

    Raises:
        InputError: an empty caption, an unknown layer, or a method that needs an image.
        ModelError: the encoder cannot be had.
    """
    from fiftyone_capviz.attribution.alignment import word_rows
    from fiftyone_capviz.attribution.pair_attribution import explain_texts, side_layers

    texts = [required_caption(one) for one in (first, second)]
    chosen = settings.validated()
    with encoder_in_turn(chosen, cache) as encoder:
        require_layer(chosen, encoder)
        layer = None if chosen.layer is None else side_layers(encoder, chosen.layer, None)[1]
        found = explain_texts(encoder, texts[0], texts[1], **{**_how(chosen), "layer": layer})
        offsets = encoder.tokens(texts).offsets
    between = np.asarray(found.matrix, float)
    rows, columns = (
        word_rows(spans_of(pair_words(text)), pieces[:count])
        for text, pieces, count in zip(texts, offsets, between.shape, strict=True)
    )
    matrix: FloatArray = (rows @ between @ columns.T).astype(np.float32)
    return matrix


def segment_shares(sample: PairSample, transform: PixelTransform) -> FloatArray:
    """How much of each patch each segment owns, 0..1, "segments p p".

    The shares of segments that tile the image sum to 1 on every patch, so the parts of a score sum
    to the whole.
    """
    width, height = transform.width, transform.height
    masks = full_masks(sample.detections, width=width, height=height)
    left, top, right, bottom = transform.crop
    of_patch = (right - left) * (bottom - top) / transform.grid**2
    shares: FloatArray = patch_weights(masks, transform) * (width * height / of_patch)
    return shares.clip(0, 1)


@contextmanager
def encoder_in_turn(
    settings: PairSettings, cache: ModelCache | None = None
) -> Iterator[DualEncoder]:
    """The encoder, for this thread alone while the block runs; a small one gets one CPU thread.

    Raises:
        ModelError: it cannot be had, or an analysis kept the models too long.
    """
    import torch

    with turn_at_models(cache) as models:
        encoder: DualEncoder = models.get(
            "encoder", settings.encoder, device=settings.device, dtype=settings.dtype
        )
        if encoder.device.type == "cpu" and not is_large(encoder):
            torch.set_num_threads(1)
        yield encoder


def require_layer(settings: PairSettings, encoder: DualEncoder) -> None:
    """Refuse a layer that the encoder does not have."""
    layers = encoder.image_layers
    if settings.layer is not None and settings.layer >= layers:
        raise InputError(
            f"{encoder.spec!r} has {layers} layers on its image side, 0 to {layers - 1}; got "
            f"layer={settings.layer}. Choose one of these, or none for the default."
        )


def required_caption(caption: str | None) -> str:
    """The caption without white space around it.

    Raises:
        InputError: there is none, or no word in it.
    """
    text = (caption or "").strip()
    if not pair_words(text):
        raise InputError(
            f"An explanation needs a caption with a word in it; got {caption!r}. Type one, or run "
            "'Caption images'."
        )
    return text


def _who(encoder: DualEncoder, settings: PairSettings) -> tuple[object, ...]:
    place = (str(encoder.device), str(encoder.dtype))
    return (encoder.spec, encoder.revision, *place, settings.method, settings.layer, settings.nodes)


def _how(settings: PairSettings) -> dict[str, Any]:
    return {"method": settings.method, "layer": settings.layer, "nodes": settings.nodes}
