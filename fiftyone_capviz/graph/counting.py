"""What a word graph counts: which document holds which word, as what, with which match score.

Formulas: docs/methods.md, section 6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from scipy import sparse

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import FloatArray, IntArray
from fiftyone_capviz.text.inflection import TAGS, part_of_speech

SCORE_BINS = 20
"""Bins of the histogram of match scores: equal, over 0..1, the last one closed."""


def incidence(documents: Sequence[Sequence[str]]) -> tuple[list[str], sparse.csr_array]:
    """The distinct words, alphabetically, and the 0/1 matrix "documents words"."""
    rows, words, columns = _occurrences(documents)
    shape = (len(documents), len(words))
    ones = np.ones(len(columns), dtype=np.int32)
    matrix = sparse.csr_array((ones, (rows, columns)), shape=shape)  # adds repeated words up
    matrix.data[:] = 1
    return words, matrix


def commonest_tags(
    documents: Sequence[Sequence[str]], tags: Sequence[Sequence[str]] | None, words: Sequence[str]
) -> list[str]:
    """The part of speech that each word has most often; of equally common ones the first of TAGS.

    Args:
        documents: words of each document.
        tags: their tags, in the same shape; None to tag the bare words.
        words: all distinct words, alphabetically.

    Raises:
        InputError: not one tag per word, or no tag of ours.
    """
    if tags is None:
        return [part_of_speech(word) for word in words]
    if list(map(len, documents)) != list(map(len, tags)):
        raise InputError(
            "tags must hold one tag per word of every document; got "
            f"{sum(map(len, tags))} tags in {len(tags)} documents for "
            f"{sum(map(len, documents))} words in {len(documents)}. Leave tags out to tag anew."
        )
    flat = list(chain.from_iterable(tags))
    unknown = sorted(set(flat).difference(TAGS))
    if unknown:
        raise InputError(f"A tag must be one of {', '.join(TAGS)}; got {unknown[0]!r}.")
    codes = np.fromiter(map(TAGS.index, flat), dtype=np.int64, count=len(flat))
    columns = _occurrences(documents)[2]
    votes = np.bincount(columns * len(TAGS) + codes, minlength=len(words) * len(TAGS))
    return [TAGS[code] for code in votes.reshape(len(words), len(TAGS)).argmax(axis=1)]


def score_statistics(
    matrix: sparse.csr_array, scores: Sequence[float | None] | None
) -> tuple[FloatArray, IntArray]:
    """Match scores of the documents that hold each word.

    Args:
        matrix: 0/1 "documents words", every word in at least one document.
        scores: of each document, 0..1; None or nan where unknown.

    Returns:
        Ranges, float "words 2", nan without a score; histograms, int "words bins".
    """
    known = _checked_scores(scores, documents=matrix.shape[0])
    columns = matrix.tocsc()
    held = known[columns.indices]
    ranges = np.full((matrix.shape[1], 2), np.nan)
    if matrix.shape[1]:
        ranges[:, 0] = np.fmin.reduceat(held, columns.indptr[:-1])
        ranges[:, 1] = np.fmax.reduceat(held, columns.indptr[:-1])
    rows = np.flatnonzero(~np.isnan(known))
    bins = np.minimum((known[rows] * SCORE_BINS).astype(int), SCORE_BINS - 1)
    ones = np.ones(len(rows), dtype=np.int64)
    one_hot = sparse.csr_array((ones, (rows, bins)), shape=(len(known), SCORE_BINS))
    return ranges, (matrix.T @ one_hot).toarray()


def _occurrences(documents: Sequence[Sequence[str]]) -> tuple[IntArray, list[str], IntArray]:
    """Document of each occurrence, the distinct words, word of each occurrence."""
    wrong = next((one for one in documents if isinstance(one, str)), None)
    if wrong is not None:
        raise InputError(
            f"A document must be a list of words; got the text {wrong!r:.60}. Cut captions with "
            "words_of_corpus, and pass the words of each."
        )
    flat = list(chain.from_iterable(documents))
    words = sorted(set(flat))
    positions = {word: i for i, word in enumerate(words)}
    columns = np.fromiter(map(positions.__getitem__, flat), dtype=np.int64, count=len(flat))
    lengths = np.fromiter(map(len, documents), dtype=np.int64, count=len(documents))
    return np.repeat(np.arange(len(documents)), lengths), words, columns


def _checked_scores(scores: Sequence[float | None] | None, *, documents: int) -> FloatArray:
    if scores is None:
        return np.full(documents, np.nan)
    known = np.array([np.nan if score is None else score for score in scores], dtype=np.float64)
    if len(known) != documents:
        raise InputError(
            f"scores must have one entry per document ({documents}); got {len(known)}. "
            "Use None where a score is unknown."
        )
    outside = known[(known < 0) | (known > 1)]
    if outside.size:
        raise InputError(
            f"A match score must be a probability, 0..1; got {outside[0]:g}. "
            "Pass the probability of a match, not its logit."
        )
    return known
