"""A caption cut at its words, as a user reads them; two captions compared piece by piece."""

from __future__ import annotations

from dataclasses import dataclass

from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.text.words import caption_words, tokenize


@dataclass(frozen=True)
class TextPiece:
    """A run of characters of the new caption; `is_new`: a word that the old one lacks."""

    text: str
    is_new: bool


@dataclass(frozen=True)
class CaptionDifference:
    """The new caption in pieces, in order and whole, and the words that are gone."""

    pieces: tuple[TextPiece, ...]
    lost: tuple[str, ...]


def compare_captions(new: str, old: str | None) -> CaptionDifference:
    """Mark the content words that a caption gained; singular and plural count as one word.

    Args:
        new: the caption to mark.
        old: None or empty marks every content word.
    """
    before, after = caption_words(old or ""), caption_words(new)
    known = set(before.words)
    gained = sorted(
        span
        for word, spans in zip(after.words, after.spans, strict=True)
        if word not in known
        for span in spans
    )
    pieces, end = [], 0
    for start, stop in gained:
        if start > end:
            pieces.append(TextPiece(new[end:start], False))
        pieces.append(TextPiece(new[start:stop], True))
        end = stop
    if end < len(new):
        pieces.append(TextPiece(new[end:], False))
    said = set(after.words)
    return CaptionDifference(
        tuple(pieces), tuple(word for word in before.words if word not in said)
    )


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


def caption_pieces(text: str) -> tuple[CaptionPiece, ...]:
    """A caption cut at the occurrences of its words; the pieces together are the text."""
    found = caption_words(text)
    spans = sorted((span, word) for word, each in enumerate(found.spans) for span in each)
    pieces, end = [], 0
    for (start, stop), word in spans:
        if start > end:
            pieces.append(CaptionPiece(text[end:start], -1))
        pieces.append(CaptionPiece(text[start:stop], word))
        end = stop
    if end < len(text):
        pieces.append(CaptionPiece(text[end:], -1))
    return tuple(pieces)


@dataclass(frozen=True)
class CaptionPiece:
    """A part of a caption: the word with this index, or text between words (index -1)."""

    text: str
    word: int
