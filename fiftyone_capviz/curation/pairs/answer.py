"""The frame of an answer that a user waits for: kept, or made in turn with an encoder, then kept.

Answers are kept for a while, so that turning back to one costs no model. Nothing here imports torch
before a model is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from fiftyone_capviz.curation.inference.kept import RecentCache
from fiftyone_capviz.curation.inference.loaded_models import load_encoder
from fiftyone_capviz.curation.inference.turns import is_small, turn_at_models
from fiftyone_capviz.curation.pairs.waits import require_short
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.pairs import PairSettings
from fiftyone_capviz.text.caption_pieces import pair_words

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import DualEncoder

KEPT_BYTES = 128 << 20


@lru_cache(maxsize=1)
def pair_cache() -> RecentCache[Any]:
    """The readings and matrices that this process made last."""
    return RecentCache(KEPT_BYTES)


class PatienceKeywords(TypedDict, total=False):
    """How long a caller waits, and for which models: keywords of every answer.

    Keys:
        longest: seconds that the caller would wait; None waits for anything. What is kept is
            there at once.
        stop: whether nobody waits any more; asked between chunks of the work.
        cache: of models; default the process's own.
    """

    longest: float | None
    stop: Callable[[], bool] | None
    cache: ModelCache | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What every answer says of the score that it takes apart.

    Attributes:
        score: cosine of the two embeddings.
        rest: of the total, what is in no part that is shown.
        exact: what all parts must sum to; nan for methods that promise no sum.
        completeness_error: how far they are from it.
        relative_error: the same over the sum of all magnitudes.
        layer: whose input was attributed to.
        notes: worth knowing, such as a caption that was cut.
        seconds: from the call to the answer, 0 where it was kept.
    """

    score: float
    rest: float
    exact: float
    completeness_error: float
    relative_error: float
    layer: int
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def shares(self) -> FloatArray:
        """The parts of the score."""
        raise NotImplementedError


AnswerT = TypeVar("AnswerT", bound=Answer)
Begin = Callable[[Callable[[], float]], None]
"""Called when all is read, before the work; finds by its argument how long that will take."""


def answered(
    settings: PairSettings,
    about: tuple[object, ...],
    compute: Callable[[DualEncoder, Begin], AnswerT],
    *,
    longest: float | None = None,
    stop: Callable[[], bool] | None = None,
    cache: ModelCache | None = None,
) -> AnswerT:
    """The answer that is kept, or a new one.

    Args:
        settings: encoder, method and layer, validated.
        about: kind of answer, and what else it depends on.
        compute: makes it.
        longest, stop, cache: see `PatienceKeywords`.

    Raises:
        InputError: an unknown layer.
        ModelError: the encoder cannot be had.
        LongWaitError: it is expected to take more than `longest`.
        StoppedError: `stop` said so.
    """
    from fiftyone_capviz.attribution.pairs.stopping import check_stop, stoppable

    started = time.perf_counter()
    key = (*about, *who_explains(settings))
    kept: AnswerT | None = pair_cache().get(key)
    if kept is not None:
        return kept

    def begin(expected: Callable[[], float]) -> None:
        check_stop()
        require_short(longest, expected)

    with encoder_in_turn(settings, cache) as encoder, stoppable(stop):
        require_layer(settings, encoder)
        found = compute(encoder, begin)
    pair_cache().keep(key, found, found.shares.nbytes)
    return replace(found, seconds=time.perf_counter() - started)


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
