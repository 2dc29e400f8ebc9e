"""How long an explanation that a user waits for will take: found before it keeps the models.

Formulas: docs/methods.md, section 4.17.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fiftyone_capviz.curation.dataset.progress import duration_text
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.pairs import PairSettings

if TYPE_CHECKING:
    from fiftyone_capviz.models.interfaces import DualEncoder

_TIMED = 10
"""Perturbed inputs that are timed, of those that ILIME needs."""


class LongWaitError(InputError):
    """An explanation is expected to take longer than its caller would wait.

    Attributes:
        seconds: expected.
    """

    def __init__(self, seconds: float, longest: float) -> None:
        super().__init__(
            f"An explanation should take {duration_text(longest)} at most; this one takes about "
            f"{duration_text(seconds)}. Choose the default layer and method, or wait for it."
        )
        self.seconds = seconds


def require_short(longest: float | None, expected: Callable[[], float]) -> None:
    """Refuse what takes too long.

    Args:
        longest: seconds; None waits for anything.
        expected: finds how long it will take; not asked without a limit.

    Raises:
        LongWaitError: it takes longer.
    """
    if longest is None:
        return
    seconds = expected()
    if seconds > longest:
        raise LongWaitError(seconds, longest)


def pair_wait(encoder: DualEncoder, caption: str, settings: PairSettings) -> float:
    """Of an image with a caption, in seconds; 0 where one pass of the model is enough.

    Args:
        encoder: loaded; some forward passes of it are timed where the wait may be long.
        caption: its length counts.
        settings: method, layer and nodes.
    """
    from fiftyone_capviz.attribution.pairs.cost import pair_seconds
    from fiftyone_capviz.attribution.pairs.layer_pairs import side_layers

    if settings.method == "ilime":
        return _perturbation_seconds(encoder, caption)
    layers = side_layers(encoder, settings.used_layer, None)
    last = layers == (encoder.image_layers - 1, encoder.text_layers - 1)
    if last or not settings.differentiates:
        return 0.0
    return pair_seconds(encoder, caption, layer=layers[0], nodes=settings.used_nodes)


def images_wait(encoder: DualEncoder, layer: int, settings: PairSettings) -> float:
    """Of two images at a layer, in seconds; 0 where one pass of the model is enough."""
    from fiftyone_capviz.attribution.pairs.cost import factor_seconds

    if layer == encoder.image_layers - 1 or not settings.differentiates:
        return 0.0
    return 2 * factor_seconds(encoder, layer=layer, nodes=settings.used_nodes)[0]


def captions_wait(encoder: DualEncoder, caption: str, layer: int, settings: PairSettings) -> float:
    """Of two captions at a layer of the text side, the longer one given, in seconds."""
    from fiftyone_capviz.attribution.pairs.cost import factor_seconds

    if layer == encoder.text_layers - 1 or not settings.differentiates:
        return 0.0
    last = encoder.image_layers - 1
    nodes = settings.used_nodes
    return 2 * factor_seconds(encoder, caption, layer=last, text_layer=layer, nodes=nodes)[1]


def _perturbation_seconds(encoder: DualEncoder, caption: str) -> float:
    from PIL import Image

    from fiftyone_capviz.attribution.pairs.lime import SAMPLES

    pixels = encoder.preprocess([Image.new("RGB", (64, 64), (128, 128, 128))] * _TIMED)
    tokens = encoder.tokens([caption] * _TIMED)
    started = time.perf_counter()
    encoder.encode_pixels(pixels).cpu()
    encoder.encode_tokens(tokens).cpu()
    return (time.perf_counter() - started) * SAMPLES / _TIMED
