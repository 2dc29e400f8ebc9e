"""Where the tokens of open_clip's own tokenizer stand in a text; it does not say so itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_WORD_END = "</w>"


def token_spans(tokenizer: Any, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Character spans of byte-pair tokens, found by reading the text along with them.

    Args:
        tokenizer: an ``open_clip.SimpleTokenizer``.
        text: what was encoded, as the user wrote it.
        ids: its tokens, without special ones.

    Returns:
        One span per token; (0, 0) for one that the tokenizer's cleaning put there (an HTML entity
        that was resolved, an encoding that was mended).
    """
    content, owners = _bytes_of(text)
    spans: list[tuple[int, int]] = []
    cursor, word = 0, []
    for token in ids:
        piece = tokenizer.decoder[token]
        word.append(_raw(tokenizer, piece.removesuffix(_WORD_END)))
        if not piece.endswith(_WORD_END):
            continue
        start = content.find(b"".join(word), cursor)
        for part in word:
            if start < 0 or not part:
                spans.append((0, 0))
                continue
            spans.append((owners[start], owners[start + len(part) - 1] + 1))
            start += len(part)
            cursor = start
        word = []
    return spans


def _bytes_of(text: str) -> tuple[bytes, list[int]]:
    """The lower-cased text in UTF-8, and of each byte the character it comes from."""
    content, owners = bytearray(), []
    for index, character in enumerate(text):
        encoded = character.lower().encode("utf-8", errors="replace")
        content += encoded
        owners += [index] * len(encoded)
    return bytes(content), owners


def _raw(tokenizer: Any, piece: str) -> bytes:
    return bytes(tokenizer.byte_decoder[character] for character in piece)
