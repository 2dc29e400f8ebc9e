"""Which part of a caption meets which part of an image: one pair, explained for a user who waits.

    sample = read_sample(dataset, sample_id, choose_fields(dataset, None))
    reading = explain_sample(sample, sample.caption, PairSettings(encoder="scenes"))
    reading.maps[3]          # the fourth word's, signed, "p p"; sums to the word's share

Explanations are kept for a while, so that turning back to one costs no model. Nothing here imports
torch before a model is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fiftyone_capviz.curation.inference.kept import RecentCache, file_key
from fiftyone_capviz.curation.inference.loaded_models import load_encoder
from fiftyone_capviz.curation.inference.turns import is_small, turn_at_models
from fiftyone_capviz.curation.pairs.sample import PairSample
from fiftyone_capviz.curation.pairs.waits import pair_wait, require_short
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.pairs import PairSettings
from fiftyone_capviz.text.caption_pieces import PairWord, pair_words

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import DualEncoder

KEPT_BYTES = 128 << 20


@lru_cache(maxsize=1)
def pair_cache() -> RecentCache[Any]:
    """The readings and matrices that this process made last."""
    return RecentCache(KEPT_BYTES)


@dataclass(frozen=True, eq=False)
class PairAnswer:
    """The signed share of each word and patch in the score of one pair.

    Attributes:
        caption: as it was explained.
        words: every word of it, stop words included, in its order.
        maps: float32 "words p p"; a word's pieces are summed; NaN for one that was not read.
        read: of each word, whether the encoder has read it: False beyond its token limit.
        transform: from the image to the grid.
        on_patches, on_cls: sums of what the words have with the patches, and with the image's CLS;
            rest: of special tokens and punctuation; the three make up the total.
        score: cosine of the two embeddings.
        exact: what all shares must sum to; nan for methods that promise no sum.
        completeness_error: how far they are from it.
        relative_error: the same over the sum of all magnitudes.
        layer, text_layer: of image and text, whose inputs were attributed to.
        layers, default_layer: how many there are on the image side; which is meant by none.
        notes: worth knowing, such as a caption that was cut.
        seconds: from the call to the answer, 0 where it was kept.
    """

    caption: str
    words: tuple[PairWord, ...]
    maps: FloatArray
    read: tuple[bool, ...]
    transform: PixelTransform
    on_patches: float
    on_cls: float
    rest: float
    score: float
    exact: float
    completeness_error: float
    relative_error: float
    layer: int
    text_layer: int
    layers: int
    default_layer: int
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def explain_sample(
    sample: PairSample,
    caption: str | None,
    settings: PairSettings,
    *,
    longest: float | None = None,
    stop: Callable[[], bool] | None = None,
    cache: ModelCache | None = None,
) -> PairAnswer:
    """Explain the pair of a sample's image and a caption, its own or another.

    Args:
        sample: whose image.
        caption: any text.
        settings: encoder, method and layer.
        longest: seconds that the caller would wait; None waits for anything. What is kept is
            there at once.
        stop: whether nobody waits any more; asked between chunks of the work.
        cache: of models; default the process's own.

    Raises:
        InputError: no caption, or one that the encoder cannot take; an unknown layer.
        ImageError, ModelError: what cannot be read or had.
        LongWaitError: it is expected to take more than `longest`.
        StoppedError: `stop` said so.
    """
    from fiftyone_capviz.attribution.pairs.explain import explain_pair
    from fiftyone_capviz.attribution.pairs.stopping import check_stop, stoppable

    started = time.perf_counter()
    text = required_caption(caption)
    chosen = settings.validated()
    key = ("pair", *who_explains(chosen), file_key(sample.filepath), text)
    kept = pair_cache().get(key)
    if kept is not None:
        return replace(kept, seconds=0.0)
    with encoder_in_turn(chosen, cache) as encoder, stoppable(stop):
        require_layer(chosen, encoder)
        image = open_image(sample.filepath)
        check_stop()
        require_short(longest, lambda: pair_wait(encoder, text, chosen))
        found = explain_pair(
            encoder,
            image,
            text,
            method=chosen.method,  # type: ignore[arg-type]
            layer=chosen.used_layer,
            nodes=chosen.nodes,
        )
        layers, default_layer = encoder.image_layers, encoder.default_layer
    reading = PairAnswer(
        caption=text,
        words=pair_words(text),
        maps=found.token_maps,
        transform=found.transform,
        read=tuple(map(bool, found.tokens_read)),
        on_patches=found.on_patches,
        on_cls=found.on_cls,
        rest=found.rest,
        score=found.score,
        exact=found.exact,
        completeness_error=found.completeness_error,
        relative_error=found.relative_error,
        layer=found.layer,
        text_layer=found.text_layer,
        layers=layers,
        default_layer=default_layer,
        notes=found.warnings,
        seconds=time.perf_counter() - started,
    )
    pair_cache().keep(key, reading, reading.maps.nbytes)
    return reading


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
        encoder = load_encoder(settings, models)
        if is_small(encoder):
            torch.set_num_threads(1)
        yield encoder


def require_layer(settings: PairSettings, encoder: DualEncoder) -> None:
    """Refuse a layer that the encoder does not have."""
    layers = encoder.image_layers
    if settings.used_layer is not None and settings.used_layer >= layers:
        raise InputError(
            f"{encoder.spec!r} has {layers} layers on its image side, 0 to {layers - 1}; got "
            f"layer={settings.layer}. Choose one of these, or none for the default."
        )


def require_precision(encoder: DualEncoder) -> None:
    """Refuse a precision that the device cannot differentiate in."""
    if str(encoder.dtype) == "torch.float16" and encoder.device.type == "cpu":
        raise InputError(
            f"An explanation in float16 needs a GPU; {encoder.spec!r} is on the CPU. Choose dtype "
            "float32 or auto."
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


def who_explains(settings: PairSettings) -> tuple[object, ...]:
    """What an answer depends on, known without the model: its files' revision is read, not they."""
    from fiftyone_capviz.models.registry import revision_of

    revision = revision_of("encoder", settings.encoder)
    how = (settings.method, settings.used_layer, settings.used_nodes)
    return (settings.encoder, revision, settings.device, settings.dtype, *how)
