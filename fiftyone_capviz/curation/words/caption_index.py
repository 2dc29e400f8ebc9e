"""The words of a dataset's captions, kept in memory between the events of a panel.

Reading and cutting 40,000 captions takes seconds, and a panel counts them anew with every view. So
the whole dataset is counted once, and a view is a choice of rows of its matrix. Whether the
captions have changed since is told by the time stamps of the samples.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import fiftyone as fo
import numpy as np

from fiftyone_capviz.curation.dataset.collection import dataset_id, root_dataset, sample_documents
from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.inference.kept import RecentCache
from fiftyone_capviz.curation.words.dataset_graph import word_graph
from fiftyone_capviz.graph.counting import SCORE_BINS
from fiftyone_capviz.graph.word_graph import WordGraph, graph_of_documents
from fiftyone_capviz.records import FloatArray, IntArray

KEPT = 4
"""Indexes held at once: a dataset and a caption field each."""

Stamp = tuple[int, Any]
"""Number of samples, and when one was last changed."""


@dataclass(frozen=True, eq=False)
class CaptionIndex:
    """All captions of a dataset, counted.

    Attributes:
        graph: the word graph of the whole dataset; row i of its matrix is sample ``ids[i]``.
        ids: sample ids, in the order of the dataset.
        scores: float "samples", match scores; nan where unknown.
    """

    graph: WordGraph
    ids: tuple[str, ...]
    scores: FloatArray
    _rows: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {one: i for i, one in enumerate(self.ids)})

    def rows(self, sample_ids: Iterable[str]) -> IntArray:
        """Rows of these samples, in their order; samples that the index does not hold are left out.

        Args:
            sample_ids: as in a view.
        """
        known = self._rows
        found = [row for one in sample_ids if (row := known.get(one)) is not None]
        return np.array(found, dtype=np.int64)

    def part(self, sample_ids: Sequence[str] | None) -> WordGraph:
        """The graph of some samples, row by row in their order; of all where None."""
        if sample_ids is None:
            return self.graph
        return graph_of_documents(self.graph, self.rows(sample_ids), scores=self.scores)

    def score_histogram(self, sample_ids: Sequence[str] | None) -> list[int]:
        """How many of their match scores fall in each of 20 equal bins over 0..1."""
        scores = self.scores if sample_ids is None else self.scores[self.rows(sample_ids)]
        known = scores[~np.isnan(scores)]
        counts: list[int] = np.histogram(known, bins=SCORE_BINS, range=(0, 1))[0].tolist()
        return counts


class CaptionIndexes:
    """The indexes of this process, the least recently used leave first.

    Life cycle: made once per process by :func:`caption_indexes`. A dataset's version grows when a
    sample was added, removed or changed; an index of an older version is replaced when it is
    asked for.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._held: RecentCache[tuple[int, CaptionIndex]] = RecentCache(KEPT)
        self._seen: dict[str, tuple[Stamp, int]] = {}
        self._sparing: Counter[str] = Counter()

    def get(self, dataset: fo.Dataset, caption_field: str) -> CaptionIndex:
        """The index of a caption field, up to date.

        Raises:
            InputError: no such field, or one that holds no text.
        """
        dataset = root_dataset(dataset)
        key = (str(dataset_id(dataset)), caption_field, *own_stop_words(dataset))
        with self._lock:  # two panels' first questions must not count the same captions twice
            version = self.version(dataset)
            held = self._held.get(key)
            if held is None or held[0] != version:
                held = (version, _index(dataset, caption_field))
                self._held.keep(key, held, 1)
            return held[1]

    def version(self, dataset: fo.Dataset) -> int:
        """Grows when the samples have changed since it was last asked for; 1 at first."""
        dataset = root_dataset(dataset)
        name = str(dataset_id(dataset))
        with self._lock:
            known = self._seen.get(name)
            if known is not None and self._sparing[name]:
                return known[1]
            stamp = stamp_of(dataset)
            if known is None or known[0] != stamp:
                known = self._seen[name] = (stamp, 1 if known is None else known[1] + 1)
            return known[1]

    @contextmanager
    def sparing(self, dataset: fo.Dataset) -> Iterator[None]:
        """What changes the samples inside leaves their captions alone: the version stays."""
        dataset = root_dataset(dataset)
        name = str(dataset_id(dataset))
        with self._lock:
            version = self.version(dataset)
            self._sparing[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._sparing[name] -= 1
                self._seen[name] = (stamp_of(dataset), version)


@lru_cache(maxsize=1)
def caption_indexes() -> CaptionIndexes:
    """The indexes of this process."""
    return CaptionIndexes()


def stamp_of(dataset: fo.Dataset) -> Stamp:
    """Changes whenever a sample is added, removed or changed; reads an index, no sample."""
    samples = sample_documents(dataset)
    newest = [("last_modified_at", -1)]
    last = samples.find_one({}, {"_id": 0, "last_modified_at": 1}, sort=newest) or {}
    return samples.estimated_document_count(), last.get("last_modified_at")


def _index(dataset: fo.Dataset, caption_field: str) -> CaptionIndex:
    itm = caption_names(dataset, caption_field).itm
    graph = word_graph(dataset, caption_field)
    if dataset.has_field(itm):
        ids, scores = dataset.values(["id", itm])
    else:
        ids = dataset.values("id")
        scores = [None] * len(ids)
    known = np.array([np.nan if one is None else one for one in scores], dtype=np.float64)
    return CaptionIndex(graph, tuple(ids), known)
