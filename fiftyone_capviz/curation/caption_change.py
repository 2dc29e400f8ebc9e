"""What a new caption says that the old one did not, and what it no longer says."""

from __future__ import annotations

from dataclasses import dataclass

from fiftyone_capviz.words import caption_words


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
