"""The word graph as GraphML and as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fiftyone_capviz.curation.pages.text_files import replacing, xml_text
from fiftyone_capviz.graph.association import MEASURES
from fiftyone_capviz.graph.word_graph import WordGraph

_NODE_KEYS = (
    ("word", "string"),
    ("tag", "string"),
    ("count", "int"),
    ("share", "double"),
    ("match_min", "double"),
    ("match_max", "double"),
)
_EDGE_KEYS = (("count", "int"), ("expected", "double"), ("lift", "double"), ("weight", "double"))

Rows = Iterator[Sequence[Any]]


def word_rows(graph: WordGraph) -> Rows:
    """Header and one row per word."""
    yield tuple(name for name, _ in _NODE_KEYS)
    for node in graph.nodes():
        yield node.word, node.tag, node.count, node.share, node.score_min, node.score_max


def link_rows(graph: WordGraph) -> Rows:
    """Header and one row per pair of words that share a caption."""
    yield "source", "target", "count", "expected", "lift"
    for link in graph.links():
        yield link.source, link.target, link.count, link.expected, link.lift


def association_rows(graph: WordGraph, *, min_count: int = 5) -> Rows:
    """Header and one row per tested pair, most significant first; PMI is empty for "never"."""
    names = ("word_a", "word_b", *MEASURES)
    yield names
    columns = graph.associations(min_count=min_count).ordered("p_value").columns()
    for row in zip(*(columns[name] for name in names), strict=True):
        yield tuple(_finite(value) for value in row)


def write_graphml(path: Path, graph: WordGraph) -> Path:
    """Write the graph as GraphML: undirected, node ids n0, n1, ... in the order of the words."""
    ids = {word: f"n{i}" for i, word in enumerate(graph.words)}
    with replacing(path) as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        file.write('<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n')
        for kind, keys in (("node", _NODE_KEYS), ("edge", _EDGE_KEYS)):
            for name, what in keys:
                file.write(
                    f'  <key id="{kind}_{name}" for="{kind}" attr.name="{name}" '
                    f'attr.type="{what}"/>\n'
                )
        file.write('  <graph id="words" edgedefault="undirected">\n')
        for node in graph.nodes():
            about = (node.word, node.tag, node.count, node.share, node.score_min, node.score_max)
            data = _data("node", _NODE_KEYS, about)
            file.write(f'    <node id="{ids[node.word]}">{data}</node>\n')
        for link in graph.links():
            values = (link.count, link.expected, link.lift, float(link.count))
            ends = f'source="{ids[link.source]}" target="{ids[link.target]}"'
            file.write(f"    <edge {ends}>{_data('edge', _EDGE_KEYS, values)}</edge>\n")
        file.write("  </graph>\n</graphml>\n")
    return path


def _data(kind: str, keys: Sequence[tuple[str, str]], values: Sequence[Any]) -> str:
    return "".join(
        f'<data key="{kind}_{name}">{xml_text(str(value))}</data>'
        for (name, _), value in zip(keys, values, strict=True)
        if _finite(value) is not None
    )


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
