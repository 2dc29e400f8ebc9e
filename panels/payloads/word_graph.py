"""What the Word Graph sends to its component; ``js/src/payloads/word_graph.ts`` is its mirror."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from fiftyone_capviz.curation.words.comparison import GraphComparison, SideGraph
from fiftyone_capviz.curation.words.panel_graph import PanelGraph
from fiftyone_capviz.curation.words.similarity import Similar
from fiftyone_capviz.graph.association import Association, AssociationTable


class WordPayload(TypedDict):
    """A word; ``scores`` counts its captions' match scores in 20 equal bins over 0..1."""

    word: str
    tag: str
    count: int
    share: float
    scores: list[int]


class LinksPayload(TypedDict):
    """Pairs that share an image, as columns; ``a`` and ``b`` are positions in the words."""

    a: list[int]
    b: list[int]
    count: list[int]
    expected: list[float]
    lift: list[float]
    log_odds: list[float]
    p_value: list[float]


class PairPayload(TypedDict):
    """A row of the table of pairs."""

    a: str
    b: str
    count: int
    expected: float
    lift: float
    log_odds: float
    q_value: float


class PairsPayload(TypedDict):
    """Most frequent; more often than chance; less often than chance."""

    strongest: list[PairPayload]
    together: list[PairPayload]
    apart: list[PairPayload]


class GraphPayload(TypedDict):
    """The graph of the samples in view; ``stop_words`` are the dataset's own, left out of it."""

    key: str
    dataset: str
    caption_field: str
    caption_fields: list[str]
    samples: int
    documents: int
    total_words: int
    lasso: int | None
    focus: list[str]
    stop_words: list[str]
    scores: list[int]
    words: list[WordPayload]
    links: LinksPayload
    pairs: PairsPayload


class EmptyPayload(TypedDict):
    """A dataset without captions: what to do about it."""

    key: str
    dataset: str
    empty: str


class FocusPayload(TypedDict):
    """The words in focus and what the grid was narrowed to."""

    words: list[str]
    samples: int
    total: int
    together: bool
    message: str
    version: int
    pairs: PairsPayload | None


class PaintPayload(TypedDict):
    """Calls of ``set_panel_data`` for the plot, and what could not be shown."""

    recolor: list[dict[str, object]]
    message: str


class SimilarPayload(TypedDict):
    """Pairs of similar words, as columns."""

    a: list[str]
    b: list[str]
    similarity: list[float]


class DifferencePayload(TypedDict):
    """A word in two collections; ``log_odds`` is positive where it belongs to the first."""

    word: str
    tag: str
    count_a: int
    count_b: int
    share_a: float
    share_b: float
    log_odds: float
    z: float
    q_value: float


class SidePayload(TypedDict):
    """One of two collections."""

    title: str
    documents: int
    links: LinksPayload


class ComparePayload(TypedDict):
    """Two collections over the same words."""

    words: list[DifferencePayload]
    a: SidePayload
    b: SidePayload


class ChoicesPayload(TypedDict):
    """What can be compared by; the empty path stands for the saved views."""

    fields: list[str]


class ValuesPayload(TypedDict):
    """Values of a path, most frequent first."""

    values: list[str]
    counts: list[int]


class FilePayload(TypedDict):
    """A file for the browser to save."""

    name: str
    mime: str
    text: str


def links_payload(table: AssociationTable, positions: Mapping[str, int]) -> LinksPayload:
    """Columns of a table whose words are all in ``positions``."""
    where = [positions[word] for word in table.words]
    return LinksPayload(
        a=[where[i] for i in table.first.tolist()],
        b=[where[i] for i in table.second.tolist()],
        count=table.count.tolist(),
        expected=_rounded(table.expected.tolist()),
        lift=_rounded(table.lift.tolist()),
        log_odds=_rounded(table.log_odds.tolist()),
        p_value=_rounded(table.p_value.tolist()),
    )


def pairs_payload(
    strongest: Iterable[Association], together: Iterable[Association], apart: Iterable[Association]
) -> PairsPayload:
    """The three lists of the table of pairs."""
    return PairsPayload(
        strongest=[_pair(one) for one in strongest],
        together=[_pair(one) for one in together],
        apart=[_pair(one) for one in apart],
    )


def graph_payload(
    graph: PanelGraph,
    *,
    key: str,
    dataset: str,
    caption_field: str,
    caption_fields: Sequence[str],
    samples: int,
    lasso: int | None,
    focus: Sequence[str],
    stop_words: Sequence[str],
) -> GraphPayload:
    """The graph, with what the panel says about it."""
    positions = {node.word: i for i, node in enumerate(graph.nodes)}
    return GraphPayload(
        key=key,
        dataset=dataset,
        caption_field=caption_field,
        caption_fields=list(caption_fields),
        samples=samples,
        documents=graph.documents,
        total_words=graph.words,
        lasso=lasso,
        focus=list(focus),
        stop_words=list(stop_words),
        scores=list(graph.score_histogram),
        words=[
            WordPayload(
                word=node.word,
                tag=node.tag,
                count=node.count,
                share=_round(node.share),
                scores=list(node.score_histogram),
            )
            for node in graph.nodes
        ],
        links=links_payload(graph.links, positions),
        pairs=pairs_payload(graph.strongest, graph.together, graph.apart),
    )


def similar_payload(pairs: Sequence[Similar]) -> SimilarPayload:
    """Pairs of similar words."""
    return SimilarPayload(
        a=[one.word_a for one in pairs],
        b=[one.word_b for one in pairs],
        similarity=_rounded([one.similarity for one in pairs]),
    )


def compare_payload(comparison: GraphComparison) -> ComparePayload:
    """Two collections over the same words."""
    positions = {one.word: i for i, one in enumerate(comparison.words)}
    return ComparePayload(
        words=[
            DifferencePayload(
                word=one.word,
                tag=tag,
                count_a=one.count_a,
                count_b=one.count_b,
                share_a=_round(one.share_a),
                share_b=_round(one.share_b),
                log_odds=_round(one.log_odds),
                z=_round(one.z),
                q_value=_round(one.q_value),
            )
            for one, tag in zip(comparison.words, comparison.tags, strict=True)
        ],
        a=_side(comparison.a, positions),
        b=_side(comparison.b, positions),
    )


def _side(side: SideGraph, positions: Mapping[str, int]) -> SidePayload:
    return SidePayload(
        title=side.title, documents=side.documents, links=links_payload(side.links, positions)
    )


def _pair(pair: Association) -> PairPayload:
    return PairPayload(
        a=pair.word_a,
        b=pair.word_b,
        count=pair.count,
        expected=_round(pair.expected),
        lift=_round(pair.lift),
        log_odds=_round(pair.log_odds),
        q_value=_round(pair.q_value),
    )


def _rounded(values: Iterable[float]) -> list[float]:
    return [_round(value) for value in values]


def _round(value: float) -> float:
    """Four digits: half the bytes, and a nan would not be JSON."""
    return float(f"{value:.4g}") if math.isfinite(value) else 0.0
