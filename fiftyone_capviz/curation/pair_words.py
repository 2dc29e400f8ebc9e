"""The words of a caption as a user reads them."""

from __future__ import annotations

from dataclasses import dataclass

from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.words import caption_words, tokenize


@dataclass(frozen=True)
class PairWord:
    """One occurrence of a word: the characters from ``start`` to ``end`` of its caption.

    Attributes:
        content: whether it names something; "the" and "of" do not.
    """

    text: str
    start: int
    end: int
    content: bool


def pair_words(caption: str) -> tuple[PairWord, ...]:
    """Every word of a caption, in its order; a repeated one as often as it occurs."""
    spans = {span for each in caption_words(caption).spans for span in each}
    return tuple(
        PairWord(token.text, token.start, token.end, (token.start, token.end) in spans)
        for token in tokenize(caption)
    )


def spans_of(words: tuple[PairWord, ...]) -> CaptionWords:
    """The words as what tokens are aligned to: each occurrence for itself."""
    return CaptionWords(
        tuple(one.text for one in words),
        ("other",) * len(words),
        tuple(((one.start, one.end),) for one in words),
    )
