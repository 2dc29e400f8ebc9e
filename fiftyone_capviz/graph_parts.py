"""Parts of a word graph that is already counted: some of its documents, or some of its words.

Counting again from the sparse matrix takes milliseconds where reading the captions takes seconds,
so a graph can follow what a user does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from fiftyone_capviz.association import IntArray
from fiftyone_capviz.graph import WordGraph
from fiftyone_capviz.incidence import score_statistics
from fiftyone_capviz.records import FloatArray


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
