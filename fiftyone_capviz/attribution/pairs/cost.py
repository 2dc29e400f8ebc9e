"""How long an attribution will take, from a timed forward pass: so that a form can warn.

Formulas: docs/methods.md, section 4.17.
"""

from __future__ import annotations

import time

import torch

from fiftyone_capviz.attribution.pairs.layer_pairs import side_layers
from fiftyone_capviz.models.dual.sides import Side
from fiftyone_capviz.models.interfaces import DualEncoder

_PASSES_PER_DERIVATIVE = 2.0
"""Forward passes that one derivative takes, backward or forward."""


def pair_seconds(
    encoder: DualEncoder,
    caption: str = "a man in a red shirt walks a dog along the street",
    *,
    layer: int | None = None,
    text_layer: int | None = None,
    nodes: int = 8,
) -> float:
    """About how long second-order attribution of one pair takes, in seconds.

    Args:
        encoder: loaded; three forward passes of it are timed, on a grey image.
        caption: its length counts.
        layer, text_layer, nodes: as for `explain_pair`. A finer quadrature, where one is needed,
            takes longer.
    """
    text, image = _sides(encoder, caption, layer, text_layer)
    directions = len(text.hidden) if image.closed is None else None
    return _seconds(text, nodes) + _seconds(image, nodes, directions)


def factor_seconds(
    encoder: DualEncoder,
    caption: str = "a man in a red shirt walks a dog along the street",
    *,
    layer: int | None = None,
    text_layer: int | None = None,
    nodes: int = 8,
) -> tuple[float, float]:
    """About how long `DatasetFactors` takes per image, and per text, in seconds.

    Arguments are those of `pair_seconds`.
    """
    text, image = _sides(encoder, caption, layer, text_layer)
    return _seconds(image, nodes), _seconds(text, nodes)


@torch.no_grad()
def _sides(
    encoder: DualEncoder, caption: str, layer: int | None, text_layer: int | None
) -> tuple[Side, Side]:
    from PIL import Image

    grey = Image.new("RGB", (64, 64), (128, 128, 128))
    first, second = side_layers(encoder, layer, text_layer)
    (text,) = encoder.text_side(encoder.tokens([caption]), layer=second)
    (image,) = encoder.image_side(encoder.preprocess([grey]), layer=first)
    return text, image


def _seconds(side: Side, nodes: int, directions: int | None = None) -> float:
    passes = float(min(len(side.hidden), len(side.embedding)))
    if side.closed is not None:
        passes = 0.5  # all derivatives of the last block cost half a pass of it
    elif directions is not None:
        passes = min(passes, directions)
    return passes * nodes * _PASSES_PER_DERIVATIVE * _forward_seconds(side)


@torch.no_grad()
def _forward_seconds(side: Side) -> float:
    one, seconds = side.hidden[None], []
    for _ in range(3):  # the first warms up, and others may be kept waiting
        started = time.perf_counter()
        side.tail(one)
        if one.is_cuda:
            torch.cuda.synchronize(one.device)
        seconds.append(time.perf_counter() - started)
    return min(seconds)
