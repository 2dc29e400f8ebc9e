"""The word graph: what the captions of a dataset name, and what they name together.

A document is the content words of one image. Nodes are words, links are pairs of words that share
documents. Everything comes from one sparse 0/1 matrix X (documents by words): counts are its column
sums, co-occurrences XᵀX. Words stand by falling count, equal counts alphabetically. No layout here.

Of a graph that is counted already, parts (some documents, or some words) take milliseconds where
reading the captions takes seconds, so a graph can follow what a user does.

Formulas: docs/methods.md, sections 6.2, 6.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.association import Association, AssociationTable, Measure, associate
from fiftyone_capviz.graph.counting import commonest_tags, incidence, score_statistics
from fiftyone_capviz.records import FloatArray, IntArray

MAX_TESTED_WORDS = 5000
"""The association table holds a row per pair of tested words: 12.5 million for this many."""


@dataclass(frozen=True, slots=True)
class Node:
    """A word of the graph.

    Attributes:
        word, tag: the word and its commonest part of speech.
        count, share: number of documents that hold it, and share of the non-empty ones (0..1).
        score_min, score_max: range of their match scores (0..1); None where none is known.
        score_histogram: how many of them fall in each of 20 equal bins over 0..1.
    """

    word: str
    tag: str
    count: int
    share: float
    score_min: float | None
    score_max: float | None
    score_histogram: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Two words that share ``count`` documents; ``source`` is the more frequent one."""

    source: str
    target: str
    count: int
    expected: float
    lift: float


@dataclass(frozen=True)
class Strange:
    """Significant pairs.

    Attributes:
        together: more often than chance, highest log-odds first ("suspiciously together").
        apart: less often than chance, lowest log-odds first ("never together").
    """

    together: tuple[Association, ...]
    apart: tuple[Association, ...]


@dataclass(frozen=True, eq=False)
class WordGraph:
    """Counts and co-occurrences; made by :func:`build_graph`.

    Attributes:
        words: by falling count, then alphabetically.
        tags: the commonest part of speech of each word.
        counts: int "words", documents that hold the word.
        document_count: documents with at least one word (before any filter): the N of every
            expectation. An image without a caption says nothing about words.
        matrix: X, sparse 0/1 "documents words"; rows are all documents, in the given order.
        pair_counts: sparse int "words words", upper triangle of XᵀX without its diagonal.
        score_ranges: float "words 2", lowest and highest match score; nan where none is known.
        score_histograms: int "words bins", counts in 20 equal bins over 0..1, the last one closed.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    counts: IntArray
    document_count: int
    matrix: sparse.csr_array
    pair_counts: sparse.csr_array
    score_ranges: FloatArray
    score_histograms: IntArray
    _positions: dict[str, int] = field(init=False, repr=False)
    _tables: dict[tuple[int, int], AssociationTable] = field(
        init=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_positions", {word: i for i, word in enumerate(self.words)})

    def __len__(self) -> int:
        return len(self.words)

    def position(self, word: str) -> int:
        """Index of a word.

        Raises:
            InputError: the graph does not hold the word.
        """
        if word not in self._positions:
            raise InputError(
                f"The word must be one of the graph's {len(self)}; got {word!r}. Choose another, "
                "or build the graph with a smaller min_count and a larger top."
            )
        return self._positions[word]

    def dominant(self, n: int = 10, *, tag: str | None = None) -> list[Node]:
        """The most frequent words, of one part of speech if asked."""
        kept = [i for i in range(len(self)) if tag is None or self.tags[i] == tag]
        return self._nodes(kept[:n])

    def nodes(self) -> list[Node]:
        """Every word."""
        return self._nodes(range(len(self)))

    def links(self, min_count: int = 1) -> list[Link]:
        """Pairs that share at least ``min_count`` documents, most frequent first."""
        pairs = self.pair_counts.tocoo()
        rows, columns = pairs.coords
        kept = np.flatnonzero(pairs.data >= min_count)
        kept = kept[np.lexsort((columns[kept], rows[kept], -pairs.data[kept]))]
        first, second, counts = rows[kept], columns[kept], pairs.data[kept]
        expected = self.counts[first] * self.counts[second] / max(self.document_count, 1)
        names = np.array([*self.words, ""], dtype=object)
        values = (names[first], names[second], counts, expected, counts / expected)
        return [Link(*row) for row in zip(*(each.tolist() for each in values), strict=True)]

    def docs_with(self, words: str | Iterable[str]) -> IntArray:
        """Positions of the documents that hold all of these words, ascending.

        Raises:
            InputError: the graph does not hold one of the words.
        """
        wanted = {words} if isinstance(words, str) else set(words)
        columns = [self.position(word) for word in sorted(wanted)]
        hits: IntArray = self.matrix[:, columns].sum(axis=1)
        return np.flatnonzero(hits == len(columns))

    def associations(self, *, min_count: int = 2, top: int = 1000) -> AssociationTable:
        """Measures of all pairs of the tested words, pairs that never occur among them.

        Memory and the number of simultaneous tests are bounded by testing only frequent words.
        The result is kept, so that asking again costs nothing.

        Args:
            min_count: test words that occur in at least this many documents.
            top: test at most this many words, the most frequent; at most MAX_TESTED_WORDS.
        """
        if not 1 <= top <= MAX_TESTED_WORDS:
            raise InputError(
                f"top must be from 1 to {MAX_TESTED_WORDS} words (each pair is tested); got {top}."
            )
        if (min_count, top) not in self._tables:
            frequent = np.flatnonzero(self.counts >= min_count)[:top].tolist()
            chosen = sorted(frequent, key=self.words.__getitem__)
            columns = self.matrix[:, chosen]
            self._tables[min_count, top] = associate(
                [self.words[i] for i in chosen],
                self.counts[chosen],
                (columns.T @ columns).toarray(),
                documents=self.document_count,
            )
        return self._tables[min_count, top]

    def strongest(self, n: int = 10, *, by: Measure = "count") -> list[Association]:
        """The pairs with the highest value of a measure; by default the thickest links."""
        return self.associations().ordered(by, descending=True, limit=n).pairs()

    def strangest(self, n: int = 10, *, level: float = 0.05, min_count: int = 2) -> Strange:
        """Pairs that chance does not explain.

        Args:
            n: at most this many pairs on either side.
            level: highest q-value (false discovery rate), 0..1.
            min_count: test words that occur in at least this many documents.
        """
        table = self.associations(min_count=min_count).significant(level)
        above = table.take(table.count > table.expected)
        below = table.take(table.count < table.expected)
        return Strange(
            tuple(above.ordered("log_odds", descending=True, limit=n).pairs()),
            tuple(below.ordered("log_odds", limit=n).pairs()),
        )

    def similarities(
        self, embeddings: FloatArray, *, of: Sequence[str] | None = None
    ) -> FloatArray:
        """Cosine similarity of words, from any embedding such as the captioner's own.

        Args:
            embeddings: float "words dim", rows in the order of ``words``.
            of: rows wanted; every word by default.

        Returns:
            float "of words", -1..1; nan where an embedding is zero or not finite.
        """
        vectors = np.asarray(embeddings, dtype=np.float64)
        if vectors.ndim != 2 or len(vectors) != len(self):
            raise InputError(
                f"embeddings must be (words={len(self)}, dim), one row per word of the graph; "
                f"got {vectors.shape}."
            )
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            vectors = vectors / np.abs(vectors).max(axis=1, initial=0, keepdims=True)
            vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        rows = vectors if of is None else vectors[[self.position(word) for word in of]]
        cosines: FloatArray = (rows @ vectors.T).clip(-1, 1)
        return cosines

    def _nodes(self, positions: Iterable[int]) -> list[Node]:
        index = list(positions)
        ranges = self.score_ranges[index].tolist()
        rows = zip(
            index,
            self.counts[index].tolist(),
            ranges,
            self.score_histograms[index].tolist(),
            strict=True,
        )
        return [
            Node(
                word=self.words[i],
                tag=self.tags[i],
                count=count,
                share=count / self.document_count,
                score_min=None if np.isnan(low) else low,
                score_max=None if np.isnan(high) else high,
                score_histogram=tuple(histogram),
            )
            for i, count, (low, high), histogram in rows
        ]


def build_graph(
    documents: Sequence[Sequence[str]],
    *,
    tags: Sequence[Sequence[str]] | None = None,
    scores: Sequence[float | None] | None = None,
    min_count: int = 1,
    top: int | None = None,
) -> WordGraph:
    """Count words and pairs of words.

    Args:
        documents: the content words of each image; a word counts once per document.
        tags: part of speech of each word of each document; by default that of the bare word.
        scores: match score of each document, 0..1; None or nan where unknown.
        min_count: leave out words that occur in fewer documents.
        top: keep only this many words, the most frequent; the order is the graph's own.

    Raises:
        InputError: lengths differ, a score is outside 0..1, or a number is below 1.
    """
    for name, number in (("min_count", min_count), ("top", top)):
        if number is not None and number < 1:
            raise InputError(f"{name} must be at least 1; got {number}.")
    words, matrix = incidence(documents)
    counts = np.asarray(matrix.sum(axis=0), dtype=np.int64).reshape(-1)
    order = np.argsort(-counts, kind="stable")  # the words stand alphabetically so far
    order = order[counts[order] >= min_count][:top]
    tagged = commonest_tags(documents, tags, words)
    kept = sparse.csr_array(matrix[:, order])
    kept.sort_indices()
    ranges, histograms = score_statistics(kept, scores)
    return WordGraph(
        words=tuple(words[i] for i in order),
        tags=tuple(tagged[i] for i in order),
        counts=counts[order],
        document_count=int(np.count_nonzero(np.diff(matrix.indptr))),
        matrix=kept,
        pair_counts=sparse.csr_array(sparse.triu(kept.T @ kept, k=1, format="csr")),
        score_ranges=ranges,
        score_histograms=histograms,
    )


def graph_of_documents(
    graph: WordGraph, rows: IntArray, *, scores: FloatArray | None = None
) -> WordGraph:
    """The graph of some of the documents; words that none of them holds are left out.

    Args:
        graph: of all documents.
        rows: positions of the documents wanted; row i of the result is document ``rows[i]``.
        scores: match scores of all documents, nan where unknown.

    Returns:
        As ``build_graph`` of those documents would make it, but for the parts of speech, which stay
        those of the whole graph: a word keeps its class from view to view.
    """
    matrix = sparse.csr_array(graph.matrix[rows])
    counts = np.asarray(matrix.sum(axis=0), dtype=np.int64).reshape(-1)
    alphabetical = np.argsort(np.array(graph.words, dtype=object), kind="stable")
    order = alphabetical[np.argsort(-counts[alphabetical], kind="stable")]
    order = order[counts[order] > 0]
    return _graph(
        graph,
        sparse.csr_array(matrix[:, order]),
        order,
        document_count=int(np.count_nonzero(np.diff(matrix.indptr))),
        scores=None if scores is None else scores[rows],
    )


def graph_of_words(graph: WordGraph, words: Sequence[str]) -> WordGraph:
    """The graph of some of the words, in its own order; every expectation keeps its N.

    Raises:
        InputError: the graph does not hold one of the words.
    """
    order = np.array(sorted({graph.position(word) for word in words}), dtype=np.int64)
    matrix = sparse.csr_array(graph.matrix[:, order])
    matrix.sort_indices()
    part = graph.pair_counts[order][:, order]
    return WordGraph(
        words=tuple(graph.words[i] for i in order),
        tags=tuple(graph.tags[i] for i in order),
        counts=graph.counts[order],
        document_count=graph.document_count,
        matrix=matrix,
        pair_counts=sparse.csr_array(part),
        score_ranges=graph.score_ranges[order],
        score_histograms=graph.score_histograms[order],
    )


def _graph(
    whole: WordGraph,
    matrix: sparse.csr_array,
    order: IntArray,
    *,
    document_count: int,
    scores: FloatArray | None,
) -> WordGraph:
    matrix.sort_indices()
    known = None if scores is None else scores.tolist()
    ranges, histograms = score_statistics(matrix, known)
    return WordGraph(
        words=tuple(whole.words[i] for i in order),
        tags=tuple(whole.tags[i] for i in order),
        counts=np.asarray(matrix.sum(axis=0), dtype=np.int64).reshape(-1),
        document_count=document_count,
        matrix=matrix,
        pair_counts=sparse.csr_array(sparse.triu(matrix.T @ matrix, k=1, format="csr")),
        score_ranges=ranges,
        score_histograms=histograms,
    )
