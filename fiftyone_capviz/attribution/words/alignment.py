"""From word pieces to words: which tokens make up each word of a caption.

Formulas: docs/methods.md, section 2.8.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fiftyone_capviz.records import CaptionWords, FloatArray, Span


def word_rows(words: CaptionWords, offsets: Sequence[Span], *, shift: int = 0) -> FloatArray:
    """How much each token counts for each word.

    The pieces of an occurrence are summed; repeated occurrences are averaged. An occurrence beyond
    the end of a cut caption does not count; a word with none left has a row of zeros.

    Args:
        words: words with the character spans of their occurrences.
        offsets: character span of each token; (0, 0) for special tokens and padding.
        shift: how many characters the text begins later in the tokens than in ``words``, e.g.
            the length of a prompt.

    Returns:
        Float64 "words tokens".
    """
    rows = np.zeros((len(words.words), len(offsets)))
    if not rows.size:
        return rows
    starts, ends = np.asarray(offsets, dtype=np.int64).T
    for row, spans in zip(rows, words.spans, strict=True):
        found = 0
        for start, end in spans:
            inside = (starts < end + shift) & (ends > start + shift) & (ends > starts)
            if inside.any():
                row += inside
                found += 1
        if found:
            row /= found
    return rows


def stack_rows(rows: Sequence[FloatArray], *, tokens: int) -> FloatArray:
    """Rows of several captions in one array "captions words tokens", filled up with zeros."""
    words = max((len(r) for r in rows), default=0)
    stacked = np.zeros((len(rows), words, tokens))
    for index, r in enumerate(rows):
        stacked[index, : len(r), : r.shape[1]] = r
    return stacked
