"""Short work on the shared models, in turn with a long run that may be using them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fiftyone_capviz.curation.inference.loaded_models import (
    load_captioner,
    load_matcher,
    model_cache,
    models_in_use,
)
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.text.words import caption_words

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import Captioner, Matcher

WAIT_SECONDS = 30.0
"""How long an answer waits for models that an analysis is using."""
SMALL_MODEL_BYTES = 200 << 20
"""A captioner below this answers at once; a larger one should show its words as they come."""


@contextmanager
def models_in_turn(
    options: AnalysisOptions, cache: ModelCache | None = None
) -> Iterator[tuple[Captioner, Matcher]]:
    """Captioner and matcher, for this thread alone while the block runs.

    A small model on the CPU gets one thread: its matrices are too small to be shared out, and on a
    busy machine threads that wait for each other take a hundred times as long as one.

    Raises:
        ModelError: they cannot be had, or something else kept them too long; an analysis keeps
            them to its end.
    """
    import torch

    with turn_at_models(cache):
        captioner, matcher = load_captioner(options, cache), load_matcher(options, cache)
        if is_small(captioner):
            torch.set_num_threads(1)
        yield captioner, matcher


@contextmanager
def turn_at_models(cache: ModelCache | None = None) -> Iterator[ModelCache]:
    """The cache of models, for this thread alone; PyTorch's threads are as before afterwards.

    Raises:
        ModelError: something else kept the models too long.
    """
    import torch

    models = cache if cache is not None else model_cache()
    with models_in_use(models, wait=WAIT_SECONDS):
        threads = torch.get_num_threads()
        try:
            yield models
        finally:
            torch.set_num_threads(threads)


def is_small(model: Any) -> bool:
    """Whether one CPU thread answers sooner than many that wait for each other."""
    return model.device.type == "cpu" and not is_large(model)


def is_large(model: object) -> bool:
    """Whether an answer takes so long that a user should see it grow."""
    from fiftyone_capviz.models.cache import model_bytes

    return model_bytes(model) > SMALL_MODEL_BYTES


def writable(captioner: Captioner, word: str) -> str | None:
    """A word as the captioner can write it, as given or in the singular; None if it cannot."""
    unknown = captioner.text.unknown
    for form in (word.strip(), " ".join(caption_words(word).words)):
        pieces = captioner.text.pieces(form)
        if pieces and unknown not in pieces:
            return form
    return None
