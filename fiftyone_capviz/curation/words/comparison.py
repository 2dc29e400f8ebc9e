"""Two collections side by side: saved views, or the samples with two values of a field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F

from fiftyone_capviz.curation.dataset.caption_fields import own_paths, text_fields
from fiftyone_capviz.curation.dataset.captions import root_of
from fiftyone_capviz.curation.dataset.samples import sample_ids
from fiftyone_capviz.curation.words.caption_index import CaptionIndex
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.association import AssociationTable
from fiftyone_capviz.graph.comparison import Comparison, WordDifference, compare
from fiftyone_capviz.graph.word_graph import WordGraph, graph_of_words

SAVED_VIEWS = ""
"""As the path of a side: its value is the name of a saved view."""

WORDS = 150
TYPICAL = 40
LINKS = 600
VALUES = 200


@dataclass(frozen=True)
class Side:
    """One of two collections: the samples where ``path`` has ``value``, or a saved view."""

    path: str
    value: str


@dataclass(frozen=True)
class SideGraph:
    """One side's counts; ``links`` among the words shown, most frequent first."""

    title: str
    documents: int
    links: AssociationTable


@dataclass(frozen=True)
class GraphComparison:
    """Two graphs over the same words.

    Attributes:
        words: the words shown: the frequent ones and those that differ most.
        tags: part of speech of each.
        a, b: the sides; a word's log-odds is positive where it belongs to ``a``.
    """

    words: tuple[WordDifference, ...]
    tags: tuple[str, ...]
    a: SideGraph
    b: SideGraph


def comparison_fields(dataset: fo.Dataset, caption_field: str) -> list[str]:
    """What can be compared by: SAVED_VIEWS where there are two, then paths with a few values.

    Args:
        dataset: the dataset.
        caption_field: whose words; caption fields are no groups.
    """
    found = [SAVED_VIEWS] if len(dataset.list_saved_views()) > 1 else []
    texts = set(text_fields(dataset))
    ours, root = own_paths(dataset), root_of(caption_field)
    for path, field in dataset.get_field_schema().items():
        if path == root or path in ours:
            continue
        if isinstance(field, fo.EmbeddedDocumentField):
            kind = field.document_type
            if issubclass(kind, fo.Classification):
                found.append(f"{path}.label")
            elif issubclass(kind, fo.Classifications):
                found.append(f"{path}.classifications.label")
            elif issubclass(kind, fo.Detections):
                found.append(f"{path}.detections.label")
        elif isinstance(field, fo.StringField) and path in texts:
            found.append(path)
        elif isinstance(field, fo.BooleanField):
            found.append(path)
    return [*found, "tags"]


def comparison_values(dataset: fo.Dataset, path: str) -> list[tuple[str, int]]:
    """Values of a path with their numbers, most frequent first; names of the saved views."""
    if path == SAVED_VIEWS:
        return [(name, len(dataset.load_saved_view(name))) for name in dataset.list_saved_views()]
    if not dataset.has_field(path):
        raise InputError(f"A comparison needs a field; {dataset.name!r} has no {path!r}.")
    counts = {str(k): int(n) for k, n in dataset.count_values(path).items() if k is not None}
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:VALUES]


def side_ids(dataset: fo.Dataset, side: Side, within: Sequence[str] | None) -> list[str]:
    """Samples of a side; those of a field's value only where they are in view.

    Args:
        dataset: the dataset.
        side: which.
        within: samples in view; None for all.
    """
    if side.path == SAVED_VIEWS:
        if not dataset.has_saved_view(side.value):
            raise InputError(f"There is no saved view {side.value!r}. Save it, or choose another.")
        return sample_ids(dataset.load_saved_view(side.value))
    field = dataset.get_field(side.path)
    if field is None:
        raise InputError(f"A comparison needs a field; {dataset.name!r} has no {side.path!r}.")
    value: Any = side.value
    if isinstance(field, fo.BooleanField):
        value = side.value == "True"
    listed = side.path == "tags" or ".detections." in side.path or ".classifications." in side.path
    condition = F(side.path).contains(value) if listed else F(side.path) == value
    found = dataset.match(condition).values("id")
    if within is None:
        return list(found)
    known = set(within)
    return [one for one in found if one in known]


def compare_sides(
    dataset: fo.Dataset,
    index: CaptionIndex,
    a: Side,
    b: Side,
    *,
    within: Sequence[str] | None = None,
) -> GraphComparison:
    """Count both sides, and tell their words apart.

    Args:
        dataset: the dataset.
        index: of the caption field.
        a, b: the sides.
        within: samples in view; None for all.

    Raises:
        InputError: a side has no captions, or both are the same.
    """
    if a == b:
        raise InputError(f"Two different sides are compared; both are {a.value!r}. Choose another.")
    graphs = [index.part(side_ids(dataset, side, within)) for side in (a, b)]
    for side, graph in zip((a, b), graphs, strict=True):
        if not len(graph):
            raise InputError(
                f"Both sides need captions; {side.value!r} has none in this view. "
                "Choose another value, or a larger view."
            )
    comparison = compare(*graphs)
    shown = _shown(comparison)
    tags = dict(zip(index.graph.words, index.graph.tags, strict=True))
    return GraphComparison(
        words=tuple(shown),
        tags=tuple(tags[one.word] for one in shown),
        a=_side(graphs[0], a, [one.word for one in shown]),
        b=_side(graphs[1], b, [one.word for one in shown]),
    )


def _shown(comparison: Comparison) -> list[WordDifference]:
    """The frequent words of both together, and those that differ most."""
    total = comparison.count_a + comparison.count_b
    frequent = np.argsort(-total, kind="stable")[:WORDS]
    typical = np.argsort(-np.abs(comparison.z), kind="stable")[:TYPICAL]
    chosen = set(frequent.tolist()) | set(typical.tolist())
    every = comparison.differences()
    return sorted(
        (every[i] for i in chosen), key=lambda one: (-(one.count_a + one.count_b), one.word)
    )


def _side(graph: WordGraph, side: Side, words: Sequence[str]) -> SideGraph:
    known = set(graph.words)
    part = graph_of_words(graph, [word for word in words if word in known])
    table = part.associations(min_count=1, top=max(len(part), 1))
    links = table.take(table.count > 0).ordered("count", descending=True, limit=LINKS)
    return SideGraph(side.value, graph.document_count, links)
