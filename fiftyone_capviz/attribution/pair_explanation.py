"""What a user is shown of one image and one caption: maps of words, and how exact they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.attribution.alignment import word_rows
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import CaptionWords, FloatArray, Span
from fiftyone_capviz.words import Token, caption_words, tokenize


@dataclass(frozen=True, eq=False)
class PairExplanation:
    """Signed attributions of one caption and one image.

    Attributes:
        caption: the text that was explained.
        words: its content words, unique and normalised, with their spans.
        word_maps: float32 "words p p"; the pieces of an occurrence summed, occurrences averaged.
        tokens: every word as it stands in the caption, stop words included.
        token_maps: float32 "tokens p p"; the pieces of a word summed.
        matrix: float32 "pieces p p", one row per piece of the model's tokenizer, special ones
            included.
        pieces: character span of each piece; (0, 0) for special ones.
        score: cosine of image and caption.
        total: sum of all attributions, the image's CLS included.
        exact: what they must sum to; nan for methods that promise no sum.
        completeness_error: |total - exact|.
        relative_error: the completeness error over the sum of |A|.
        transform: from pixels to the patch grid.
        method: how it was computed.
        layer: zero-based block of the image side; `text_layer` of the text side.
        warnings: what the user must know, in plain sentences; often none.
    """

    caption: str
    words: CaptionWords
    word_maps: FloatArray
    tokens: tuple[Token, ...]
    token_maps: FloatArray
    matrix: FloatArray
    pieces: tuple[Span, ...]
    score: float
    total: float
    exact: float
    completeness_error: float
    relative_error: float
    transform: PixelTransform
    method: str
    layer: int
    text_layer: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sums:
    """The numbers of a pair, see `PairExplanation`."""

    score: float
    total: float
    exact: float
    completeness_error: float
    relative_error: float


def make_explanation(
    caption: str,
    matrix: NDArray[np.floating],
    *,
    pieces: tuple[Span, ...],
    sums: Sums,
    transform: PixelTransform,
    method: str,
    layer: int,
    text_layer: int,
    warnings: tuple[str, ...] = (),
) -> PairExplanation:
    """Gather the pieces of words, and lay the patches out on their grid.

    Args:
        caption: the text.
        matrix: "pieces patches".
        pieces: character span of each row.
        sums: of this pair.
        transform: of the image.
        method, layer, text_layer, warnings: kept.
    """
    side = transform.grid
    words, tokens = caption_words(caption), tuple(tokenize(caption))
    single = CaptionWords(
        tuple(t.text for t in tokens),
        ("",) * len(tokens),
        tuple(((t.start, t.end),) for t in tokens),
    )

    def maps_of(chosen: CaptionWords) -> FloatArray:
        rows = word_rows(chosen, pieces)
        return (rows @ matrix).astype(np.float32).reshape(len(rows), side, side)

    return PairExplanation(
        caption=caption,
        words=words,
        word_maps=maps_of(words),
        tokens=tokens,
        token_maps=maps_of(single),
        matrix=matrix.astype(np.float32).reshape(len(pieces), side, side),
        pieces=pieces,
        score=sums.score,
        total=sums.total,
        exact=sums.exact,
        completeness_error=sums.completeness_error,
        relative_error=sums.relative_error,
        transform=transform,
        method=method,
        layer=layer,
        text_layer=text_layer,
        warnings=warnings,
    )
