"""Which part of a caption meets which part of an image, in any dual encoder: what users call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict, Unpack

import numpy as np
import torch
from PIL.Image import Image

from fiftyone_capviz.attribution.pairs.baselines import icam_factors, icam_side, itsm_factors
from fiftyone_capviz.attribution.pairs.explanation import PairExplanation, Sums, make_explanation
from fiftyone_capviz.attribution.pairs.layer_pairs import side_layers
from fiftyone_capviz.attribution.pairs.lime import lime_matrix
from fiftyone_capviz.attribution.pairs.quadrature import Quadrature
from fiftyone_capviz.attribution.pairs.second_order import (
    Factors,
    PairAttribution,
    PairFactors,
    directed_factors,
    token_factors,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.dual.sides import Side
from fiftyone_capviz.models.interfaces import DualEncoder
from fiftyone_capviz.models.word_pieces import TokenBatch
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.pairs import DIFFERENTIATING_METHODS, PAIR_METHODS, PairMethod


class SideChoices(TypedDict, total=False):
    """How two sides are related; what is left out is the default.

    Attributes:
        method: one of `PAIR_METHODS`; "second_order".
        nodes: of second-order attribution, see `token_factors`; 8.
        quadrature: the same; "gauss".
    """

    method: PairMethod
    nodes: int
    quadrature: Quadrature


class PairChoices(SideChoices, total=False):
    """How an image and a caption are related; what is left out is the default.

    Attributes:
        layer: zero-based block of the image side whose input is attributed; the encoder's default.
        text_layer: the same of the text side; the one that belongs to `layer`, see `layer_pairs`.
        seed: of ILIME's perturbations; 0.
    """

    layer: int | None
    text_layer: int | None
    seed: int


def explain_pair(
    encoder: DualEncoder,
    image: Image,
    caption: str,
    **choices: Unpack[PairChoices],
) -> PairExplanation:
    """Attribution of every word of a caption on the patches of an image.

    Args:
        encoder: from the model cache, kind "encoder".
        image: upright RGB.
        caption: any text; the end of one over the model's limit is left out, and `warnings` says
            so.
        choices: method, layers and precision, see `PairChoices`.

    Raises:
        InputError: an unknown method or layer, an empty caption, or float16 on the CPU.
    """
    return explain_pairs(encoder, [image], [caption], **choices)[0]


def explain_pairs(
    encoder: DualEncoder,
    images: Sequence[Image],
    captions: Sequence[str],
    *,
    method: PairMethod = "second_order",
    layer: int | None = None,
    text_layer: int | None = None,
    nodes: int = 8,
    quadrature: Quadrature = "gauss",
    seed: int = 0,
) -> list[PairExplanation]:
    """`explain_pair` of each image with its caption, one pass of the model for all of them."""
    if isinstance(captions, str) or len(images) != len(captions):
        raise InputError(
            f"There must be one caption per image ({len(images)}); got {captions!r:.60}."
        )
    if not len(captions):
        return []
    require_method(method)
    for caption in captions:
        require_caption(caption)
    first, second = side_layers(
        encoder, layer, text_layer, differentiates=method in DIFFERENTIATING_METHODS
    )
    pixels, tokens = encoder.preprocess(images), encoder.tokens(captions)
    if method == "ilime":
        found = [
            _lime(encoder, images[i], pixels[i : i + 1], single_text(tokens, i), seed)
            for i in range(len(captions))
        ]
    else:
        image_sides = encoder.image_side(pixels, layer=first)
        text_sides = encoder.text_side(tokens, layer=second)
        found = [
            _read(attribute_sides(t, i, method=method, nodes=nodes, quadrature=quadrature))
            for t, i in zip(text_sides, image_sides, strict=True)
        ]
    return [
        make_explanation(
            caption,
            matrix,
            cls=cls,
            pieces=tokens.offsets[row][: len(matrix)],
            sums=sums,
            transform=encoder.transform(*images[row].size),
            method=method,
            layer=first,
            text_layer=second,
            warnings=warnings_of(tokens, row),
            cut=is_cut(tokens, row),
        )
        for row, (caption, (matrix, cls, sums)) in enumerate(zip(captions, found, strict=True))
    ]


def explain_images(
    encoder: DualEncoder,
    image_a: Image,
    image_b: Image,
    *,
    layer: int | None = None,
    **choices: Unpack[SideChoices],
) -> PairAttribution:
    """What the patches of two images have to do with each other.

    Args:
        encoder: from the model cache, kind "encoder".
        image_a, image_b: upright RGB.
        layer: zero-based; None is the last, in closed form: others take a minute.
        choices: method and precision, see `SideChoices`.

    Returns:
        With `matrix` "patches patches": rows of the first image, columns of the second, on the
        CPU.
    """
    sides = encoder.image_side(encoder.preprocess([image_a, image_b]), layer=layer)
    return attribute_sides(*sides, **choices)


def explain_texts(
    encoder: DualEncoder,
    text_a: str,
    text_b: str,
    *,
    layer: int | None = None,
    **choices: Unpack[SideChoices],
) -> PairAttribution:
    """What the pieces of two texts have to do with each other.

    Args:
        encoder: from the model cache, kind "encoder".
        text_a, text_b: not empty.
        layer: zero-based; None is the last.
        choices: method and precision, see `SideChoices`.

    Returns:
        With `matrix` "pieces pieces", special tokens included, on the CPU; `encoder.tokens` has
        the pieces' spans.
    """
    for text in (text_a, text_b):
        require_caption(text)
    sides = encoder.text_side(encoder.tokens([text_a, text_b]), layer=layer)
    return attribute_sides(*sides, **choices)


def attribute_sides(
    first: Side,
    second: Side,
    *,
    method: PairMethod = "second_order",
    nodes: int = 8,
    quadrature: Quadrature = "gauss",
) -> PairAttribution:
    """Attribution of one pair of sides by any method but ILIME, by the fastest way for one pair."""
    require_method(method, perturbing=False)
    short = len(first.hidden) < len(second.embedding)
    if method in DIFFERENTIATING_METHODS and second.closed is None and short:
        if method == "icam":
            first, second, nodes, quadrature = icam_side(first), icam_side(second), 1, "right"
        towards = token_factors(first, nodes=nodes, quadrature=quadrature)
        factors = directed_factors(second, towards, nodes=nodes, quadrature=quadrature)
    else:
        factors = PairFactors(
            method_factors(first, method=method, nodes=nodes, quadrature=quadrature),
            method_factors(second, method=method, nodes=nodes, quadrature=quadrature),
        )
    pair = factors.attribution().cpu()
    return pair if method == "second_order" else replace(pair, exact=np.nan)


def method_factors(
    side: Side,
    *,
    method: PairMethod = "second_order",
    nodes: int = 8,
    quadrature: Quadrature = "gauss",
) -> Factors:
    """One side by any method but ILIME, to be combined with any other side of that method."""
    require_method(method, perturbing=False)
    if method == "icam":
        return icam_factors(side)
    if method == "second_order":
        return token_factors(side, nodes=nodes, quadrature=quadrature)
    return itsm_factors(side, output=method == "itsm_output")


def single_text(tokens: TokenBatch, row: int) -> TokenBatch:
    """One text of a batch, without padding."""
    length = int(tokens.mask[row].sum())
    part = (slice(row, row + 1), slice(length))
    return TokenBatch(tokens.ids[part], tokens.mask[part], (tokens.offsets[row][:length],))


def is_cut(tokens: TokenBatch, row: int) -> bool:
    """Whether the end of a text was left out."""
    return bool(tokens.cut) and tokens.cut[row] > 0


def warnings_of(tokens: TokenBatch, row: int) -> tuple[str, ...]:
    """What a user must know of a text: that its end was left out."""
    if not is_cut(tokens, row):
        return ()
    cut = tokens.cut[row]
    limit = tokens.ids.shape[1]
    return (
        f"The caption is {cut} tokens longer than the {limit} that are read here; its end is left "
        "out and has no attribution. Shorten the caption.",
    )


def require_method(method: str, *, perturbing: bool = True) -> None:
    """Raise InputError unless there is such a method."""
    names = [name for name in PAIR_METHODS if perturbing or name != "ilime"]
    if method not in names:
        raise InputError(f"method must be one of {', '.join(names)} here; got {method!r}.")


def require_caption(caption: str) -> None:
    """Raise InputError unless the caption is a text with something in it."""
    if not isinstance(caption, str) or not caption.strip():
        raise InputError(
            f"A caption must be a text that is not empty; got {caption!r:.60}. Choose a field "
            "that holds captions, or leave this sample out."
        )


def _read(pair: PairAttribution) -> tuple[FloatArray, FloatArray, Sums]:
    sums = Sums(pair.score, pair.total, pair.exact, pair.completeness_error, pair.relative_error)
    return pair.matrix.numpy(), pair.cls.numpy(), sums


@torch.no_grad()
def _lime(
    encoder: DualEncoder, image: Image, pixels: torch.Tensor, tokens: TokenBatch, seed: int
) -> tuple[FloatArray, FloatArray, Sums]:
    grid = encoder.transform(*image.size).grid
    matrix = lime_matrix(encoder, pixels, tokens, seed=seed, grid=grid)
    score = float(encoder.encode_pixels(pixels)[0] @ encoder.encode_tokens(tokens)[0])
    return matrix, np.zeros(len(matrix)), Sums(score, float(matrix.sum()), np.nan, np.nan, np.nan)
