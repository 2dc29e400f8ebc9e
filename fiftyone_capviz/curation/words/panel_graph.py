"""What the Word Graph panel draws of a graph: a bounded choice of its words, links and pairs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from fiftyone_capviz.curation.pages.text_files import write_csv
from fiftyone_capviz.curation.words.graph_files import (
    association_rows,
    link_rows,
    word_rows,
    write_graphml,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.association import Association, AssociationTable
from fiftyone_capviz.graph.word_graph import Node, WordGraph, graph_of_words
from fiftyone_capviz.records import IntArray
from fiftyone_capviz.text.inflection import TAGS

WORDS = 300
WORDS_PER_TAG = 60
LINKS = 2000
PAIRS = 60
FOUND = 20
LEVEL = 0.05

GraphFile = Literal["graphml", "csv_words", "csv_links", "csv_pairs"]
GRAPH_FILES: tuple[GraphFile, ...] = get_args(GraphFile)


@dataclass(frozen=True)
class PanelGraph:
    """The part of a graph that a panel may show; the panel's filters choose among it.

    Attributes:
        nodes: its words, most frequent first.
        words: number of words of the whole graph.
        documents: images with at least one word.
        score_histogram: of all their match scores, in 20 equal bins over 0..1.
        links: pairs that share an image: the highest by each measure.
        strongest: most frequent pairs.
        together, apart: pairs that chance does not explain, see ``WordGraph.strangest``.
    """

    nodes: tuple[Node, ...]
    words: int
    documents: int
    score_histogram: tuple[int, ...]
    links: AssociationTable
    strongest: tuple[Association, ...]
    together: tuple[Association, ...]
    apart: tuple[Association, ...]


def panel_graph(
    graph: WordGraph, *, score_histogram: Sequence[int] = (), wanted: Sequence[str] = ()
) -> PanelGraph:
    """Choose what a panel may show: the frequent words, in all and of each part of speech.

    Args:
        graph: of the samples in view.
        score_histogram: of these samples' match scores.
        wanted: words to have in any case if the graph holds them.
    """
    part = graph_of_words(graph, [graph.words[i] for i in _pool(graph, wanted)])
    table = part.associations(min_count=1, top=max(len(part), 1))
    drawn = _drawn(table)
    significant = table.significant(LEVEL)
    above = significant.take(significant.count > significant.expected)
    below = significant.take(significant.count < significant.expected)
    return PanelGraph(
        nodes=tuple(part.nodes()),
        words=len(graph),
        documents=graph.document_count,
        score_histogram=tuple(score_histogram),
        links=drawn,
        strongest=tuple(drawn.ordered("count", descending=True, limit=PAIRS).pairs()),
        together=tuple(above.ordered("log_odds", descending=True, limit=PAIRS).pairs()),
        apart=tuple(below.ordered("log_odds", limit=PAIRS).pairs()),
    )


def pairs_of_word(graph: WordGraph, word: str) -> tuple[list[Association], list[Association]]:
    """The pairs of one word: those that chance has least to do with.

    Args:
        graph: of the samples in view.
        word: one of its words.

    Returns:
        Pairs above expectation, and pairs below it, the most significant first.
    """
    chosen = [graph.words[i] for i in _pool(graph, (word,))]
    table = graph_of_words(graph, chosen).associations(min_count=1, top=len(chosen)).of(word)
    above = table.take(table.count > table.expected)
    below = table.take(table.count < table.expected)
    return (
        above.ordered("p_value", limit=PAIRS).pairs(),
        below.ordered("p_value", limit=PAIRS).pairs(),
    )


def find_words(graph: WordGraph, text: str) -> list[str]:
    """Words that hold a text, those that begin with it first, each kind by falling count."""
    typed = text.strip().lower()
    if not typed:
        return []
    held = [word for word in graph.words if typed in word]
    return sorted(held, key=lambda word: not word.startswith(typed))[:FOUND]


def graph_text(graph: WordGraph, kind: GraphFile, *, words: Sequence[str] | None = None) -> str:
    """A file of the graph, as text.

    Args:
        graph: of the samples in view.
        kind: "graphml", or a table: "csv_words", "csv_links", "csv_pairs".
        words: only these, as the panel shows them; all where None.
    """
    if kind not in GRAPH_FILES:
        raise InputError(f"A graph goes out as {', '.join(GRAPH_FILES)}; got {kind!r}. Choose one.")
    if words is not None:
        known = set(graph.words)
        graph = graph_of_words(graph, [word for word in words if word in known])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph"
        if kind == "graphml":
            write_graphml(path, graph)
        elif kind == "csv_words":
            write_csv(path, word_rows(graph))
        elif kind == "csv_links":
            write_csv(path, link_rows(graph))
        else:
            write_csv(path, association_rows(graph, min_count=1))
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()


def _pool(graph: WordGraph, wanted: Sequence[str]) -> IntArray:
    """Positions of the words that may be shown."""
    tags = np.array(graph.tags, dtype=object)
    kept = [np.arange(min(WORDS, len(graph)))]
    kept += [np.flatnonzero(tags == tag)[:WORDS_PER_TAG] for tag in TAGS]
    known = set(graph.words) & set(wanted)
    kept.append(np.array([graph.position(word) for word in known], dtype=np.int64))
    return np.unique(np.concatenate(kept))


def _drawn(table: AssociationTable) -> AssociationTable:
    """Pairs that share an image: of many, the highest by each measure, most frequent first."""
    shared = table.take(table.count > 0)
    if len(shared) > LINKS:
        keys = (-shared.count, -shared.lift, -shared.log_odds, shared.p_value)
        best = [np.argsort(key, kind="stable")[:LINKS] for key in keys]
        shared = shared.take(np.unique(np.concatenate(best)))
    return shared.ordered("count", descending=True)
