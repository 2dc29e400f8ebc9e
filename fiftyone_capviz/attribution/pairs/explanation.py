"""What a user is shown of one image and one caption: maps of words, and how exact they are.

Formulas: docs/methods.md, section 4.11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.attribution.words.alignment import unread_words, word_rows
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import BoolArray, CaptionWords, FloatArray, Span
from fiftyone_capviz.text.words import Token, caption_words, tokenize


@dataclass(frozen=True, eq=False)
class PairExplanation:
    """Signed attributions of one caption and one image.

    Attributes:
        caption: the text that was explained.
        words: its content words, unique and normalised, with their spans.
        word_maps: float32 "words rows columns"; the pieces of an occurrence summed, occurrences
            averaged.
        tokens: every word as it stands in the caption, stop words included.
        token_maps: float32 "tokens rows columns"; the pieces of a word summed.
        matrix: float32 "pieces rows columns", one map per piece of the model's tokenizer, special
            ones included.
        cls: float32 "pieces", what each has to do with the image's CLS, which is no patch; zeros
            where the model or the method has none.
        word_cls, token_cls: the same of `words` and `tokens`.
        pieces: character span of each piece; (0, 0) for special ones.
        score: cosine of image and caption.
        total: sum of all attributions, the image's CLS included.
        exact: what they must sum to; nan for methods that promise no sum.
        completeness_error: |total - exact|.
        relative_error: the completeness error over the sum of |A|.
        transform: from pixels to the patch grid.
        method: how it was computed.
        layer: zero-based block of the image side; `text_layer` of the text side.
        tokens_read: bool "tokens"; those beyond the encoder's token limit were not, and have NaN.
        unread: content words of which no occurrence was read; they have NaN, too.
        warnings: what the user must know, in plain sentences; often none.
    """

    caption: str
    words: CaptionWords
    word_maps: FloatArray
    tokens: tuple[Token, ...]
    token_maps: FloatArray
    matrix: FloatArray
    cls: FloatArray
    word_cls: FloatArray
    token_cls: FloatArray
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
    tokens_read: BoolArray
    unread: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def on_patches(self) -> float:
        """What the words that were read have to do with all patches together."""
        return float(self.token_maps[self.tokens_read].sum())

    @property
    def on_cls(self) -> float:
        """The same with the image's CLS."""
        return float(self.token_cls[self.tokens_read].sum())

    @property
    def rest(self) -> float:
        """What belongs to no word: special tokens and punctuation, on patches and CLS.

        With `on_patches` and `on_cls` it makes up `total`.
        """
        return self.total - self.on_patches - self.on_cls


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
    cls: NDArray[np.floating],
    pieces: tuple[Span, ...],
    sums: Sums,
    transform: PixelTransform,
    method: str,
    layer: int,
    text_layer: int,
    warnings: tuple[str, ...] = (),
    cut: bool = False,
) -> PairExplanation:
    """Gather the pieces of words, and lay the patches out on their grid.

    Args:
        caption: the text.
        matrix: "pieces patches".
        cls: "pieces".
        pieces: character span of each row.
        sums: of this pair.
        transform: of the image.
        method, layer, text_layer, warnings: kept.
        cut: whether the encoder was not given the end of the text.
    """
    words, tokens = caption_words(caption), tuple(tokenize(caption))
    single = CaptionWords(
        tuple(t.text for t in tokens),
        ("",) * len(tokens),
        tuple(((t.start, t.end),) for t in tokens),
    )

    rows, single_rows = (word_rows(each, pieces, cut=cut) for each in (words, single))

    def gathered(of_words: FloatArray) -> tuple[FloatArray, FloatArray]:
        with np.errstate(invalid="ignore"):  # what overflowed stays so; who reads it must look
            maps = (of_words @ matrix).astype(np.float32).reshape(-1, *transform.grid)
            return maps, (of_words @ cls).astype(np.float32)

    word_maps, word_cls = gathered(rows)
    token_maps, token_cls = gathered(single_rows)

    return PairExplanation(
        caption=caption,
        words=words,
        word_maps=word_maps,
        tokens=tokens,
        token_maps=token_maps,
        matrix=matrix.astype(np.float32).reshape(len(pieces), *transform.grid),
        cls=cls.astype(np.float32),
        word_cls=word_cls,
        token_cls=token_cls,
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
        unread=unread_words(words, rows),
        tokens_read=np.asarray(~np.isnan(single_rows).any(axis=1)),
    )
