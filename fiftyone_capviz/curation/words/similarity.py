"""Which words mean similar things to the captioner that wrote them.

Formulas: docs/methods.md, section 6.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import fiftyone as fo
import numpy as np

from fiftyone_capviz.curation.dataset.collection import root_dataset
from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.word_graph import build_graph
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.analysis import AnalysisOptions

NEIGHBORS = 6


@dataclass(frozen=True)
class Similar:
    """Two words that the captioner's embedding has close to each other; -1..1."""

    word_a: str
    word_b: str
    similarity: float


def similar_words(
    dataset: fo.Dataset, words: Sequence[str], *, caption_field: str = "caption"
) -> list[Similar]:
    """Each word's nearest words, from the embedding matrix of the captioner of this field.

    Args:
        dataset: the dataset.
        words: which.
        caption_field: an analysed caption field: its run names the captioner.

    Returns:
        Pairs above the mean similarity of all pairs, each once, closest first.

    Raises:
        InputError: the field was not analysed.
        ModelError: the captioner cannot be loaded.
    """
    run = read_run(root_dataset(dataset), caption_field)
    if run is None:
        raise InputError(
            f"Similar words are those of a captioner; no analysis of {caption_field!r} is stored. "
            "Run analyze_captions, or lay the graph out by co-occurrence."
        )
    options = AnalysisOptions.from_dict(run.options)
    ordered = tuple(sorted(set(words)))
    if len(ordered) < 2:
        return []
    graph = build_graph([ordered])
    cosines = graph.similarities(_embeddings(options, graph.words))
    return _nearest(graph.words, cosines)


def _nearest(words: Sequence[str], cosines: FloatArray) -> list[Similar]:
    usable = np.where(np.isfinite(cosines), cosines, -np.inf)
    np.fill_diagonal(usable, -np.inf)
    finite = usable[np.isfinite(usable)]
    if not finite.size:
        return []
    least = max(float(finite.mean()), 0.0)
    best = np.argsort(-usable, axis=1, kind="stable")[:, :NEIGHBORS]
    pairs = {
        (min(i, j), max(i, j)): float(usable[i, j])
        for i, row in enumerate(best.tolist())
        for j in row
        if usable[i, j] > least
    }
    ordered = sorted(pairs.items(), key=lambda one: -one[1])
    return [Similar(words[i], words[j], value) for (i, j), value in ordered]


@lru_cache(maxsize=8)
def _embeddings(options: AnalysisOptions, words: tuple[str, ...]) -> FloatArray:
    from fiftyone_capviz.curation.inference.loaded_models import load_captioner, models_in_use
    from fiftyone_capviz.curation.inference.turns import WAIT_SECONDS

    with models_in_use(wait=WAIT_SECONDS):
        return load_captioner(options).word_embeddings(words)
