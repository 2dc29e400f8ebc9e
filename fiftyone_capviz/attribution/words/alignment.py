"""From word pieces to words: which tokens make up each word of a caption.

Formulas: docs/methods.md, section 2.8.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fiftyone_capviz.records import CaptionWords, FloatArray, Span


def word_rows(
    words: CaptionWords, offsets: Sequence[Span], *, shift: int = 0, cut: bool = False
) -> FloatArray:
    """How much each token counts for each word.

    The pieces of an occurrence are summed; repeated occurrences are averaged. An occurrence beyond
    the end of a cut caption, or cut in two by it, does not count. A word with none left was not
    read: its row is NaN, and so is what is made of it.

    Args:
        words: words with the character spans of their occurrences.
        offsets: character span of each token; (0, 0) for special tokens and padding.
        shift: how many characters the text begins later in the tokens than in ``words``, e.g.
            the length of a prompt.
        cut: whether the model was not given the end of the text.

    Returns:
        Float64 "words tokens".
    """
    rows = np.zeros((len(words.words), len(offsets)))
    if not rows.size:
        return rows
    starts, ends = np.asarray(offsets, dtype=np.int64).T
    # Where nothing was cut, what follows the last token is what the tokenizer drops.
    read_to = ends.max() if cut else np.inf
    for row, spans in zip(rows, words.spans, strict=True):
        found = 0
        for start, end in spans:
            inside = (starts < end + shift) & (ends > start + shift) & (ends > starts)
            if inside.any() and end + shift <= read_to:
                row += inside
                found += 1
        row /= found or np.nan
    return rows


def unread_words(words: CaptionWords, rows: FloatArray) -> tuple[str, ...]:
    """Words of which no occurrence was read, by their `word_rows`."""
    unread = np.asarray(np.isnan(rows).any(axis=1))
    return tuple(word for word, each in zip(words.words, unread, strict=True) if each)


def stack_rows(rows: Sequence[FloatArray], *, tokens: int) -> FloatArray:
    """Rows of several captions in one array "captions words tokens", filled up with zeros."""
    words = max((len(r) for r in rows), default=0)
    stacked = np.zeros((len(rows), words, tokens))
    for index, r in enumerate(rows):
        stacked[index, : len(r), : r.shape[1]] = r
    return stacked
