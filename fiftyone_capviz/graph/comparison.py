"""Which words set one collection of captions apart from another.

Log-odds ratio with an informative Dirichlet prior: B. Monroe, M. Colaresi, K. Quinn, "Fightin'
Words", Political Analysis 16 (2008), equations 16 and 20-22. With y a word's count in one
collection, n the sum of all its counts, and a prior count α for the word (α0 for all words),

    δ = ln((y_a + α) / (n_a + α0 - y_a - α)) - ln((y_b + α) / (n_b + α0 - y_b - α))
    z = δ / sqrt(1 / (y_a + α) + 1 / (y_b + α))

Here the counts are those of documents, and the prior has the pooled frequencies of both
collections, so that rare words are drawn towards "no difference".

Formulas: docs/methods.md, section 6.7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.association import benjamini_hochberg
from fiftyone_capviz.graph.word_graph import WordGraph
from fiftyone_capviz.records import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class WordDifference:
    """One word in two collections; shares are of the non-empty documents, 0..1."""

    word: str
    count_a: int
    count_b: int
    share_a: float
    share_b: float
    log_odds: float
    z: float
    q_value: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two collections, word by word, in alphabetical order.

    Attributes:
        words: the words of either collection.
        count_a, count_b: int "words", documents that hold the word.
        share_a, share_b: float "words", share of the non-empty documents.
        log_odds: float "words", positive where the word belongs to the first collection.
        z: float "words", log-odds in standard deviations.
        p_value, q_value: float "words", two-sided normal; Benjamini-Hochberg over all words.
    """

    words: tuple[str, ...]
    count_a: IntArray
    count_b: IntArray
    share_a: FloatArray
    share_b: FloatArray
    log_odds: FloatArray
    z: FloatArray
    p_value: FloatArray
    q_value: FloatArray

    def __len__(self) -> int:
        return len(self.words)

    def typical_of_a(self, n: int = 10) -> list[WordDifference]:
        """Words with the highest z, that is, of the first collection; ties alphabetically."""
        return self._differences(
            [i for i in np.argsort(-self.z, kind="stable") if self.z[i] > 0][:n]
        )

    def typical_of_b(self, n: int = 10) -> list[WordDifference]:
        """Words with the lowest z, that is, of the second collection; ties alphabetically."""
        return self._differences(
            [i for i in np.argsort(self.z, kind="stable") if self.z[i] < 0][:n]
        )

    def differences(self) -> list[WordDifference]:
        """Every word, alphabetically."""
        return self._differences(list(range(len(self))))

    def _differences(self, index: list[int]) -> list[WordDifference]:
        columns = (
            np.array([*self.words, ""], dtype=object),
            self.count_a,
            self.count_b,
            self.share_a,
            self.share_b,
            self.log_odds,
            self.z,
            self.q_value,
        )
        rows = zip(*(column[index].tolist() for column in columns), strict=True)
        return [WordDifference(*row) for row in rows]


def compare(a: WordGraph, b: WordGraph, *, prior: float = 100.0) -> Comparison:
    """Compare the words of two graphs.

    Build both with ``min_count=1`` and no ``top``: a word that one graph left out counts as absent.

    Args:
        a, b: graphs of the two collections.
        prior: α0, the prior's weight in counts, above 0; more draws all words further together.
    """
    if not prior > 0 or not np.isfinite(prior):
        raise InputError(f"prior must be a finite number above 0; got {prior}.")
    words = tuple(sorted({*a.words, *b.words}))
    y_a, y_b = (_counts_of(graph, words) for graph in (a, b))
    n_a, n_b = int(y_a.sum()), int(y_b.sum())
    alpha = prior * (y_a + y_b) / max(n_a + n_b, 1)
    post_a, post_b = y_a + alpha, y_b + alpha
    rest_a, rest_b = n_a + prior - post_a, n_b + prior - post_b
    # A single word leaves nothing over on either side: no difference can be told.
    told = (rest_a > 1e-9 * prior) & (rest_b > 1e-9 * prior)
    log_odds = np.zeros(len(words))
    log_odds[told] = np.log(post_a[told] / rest_a[told]) - np.log(post_b[told] / rest_b[told])
    z = log_odds / np.sqrt(1 / post_a + 1 / post_b)
    p_values = 2 * ndtr(-np.abs(z))
    return Comparison(
        words,
        y_a,
        y_b,
        y_a / max(a.document_count, 1),
        y_b / max(b.document_count, 1),
        log_odds,
        z,
        p_values,
        benjamini_hochberg(p_values),
    )


def _counts_of(graph: WordGraph, words: tuple[str, ...]) -> IntArray:
    counts = dict(zip(graph.words, graph.counts.tolist(), strict=True))
    return np.array([counts.get(word, 0) for word in words], dtype=np.int64)
