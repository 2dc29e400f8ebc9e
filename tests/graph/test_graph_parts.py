"""A part of a counted graph equals the graph of the part."""

from __future__ import annotations

import numpy as np
import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.word_graph import (
    WordGraph,
    build_graph,
    graph_of_documents,
    graph_of_words,
)

WORDS = "wolf snow dog grass man fish hat".split()


def documents(n: int = 60, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[w for w in WORDS if rng.random() < 0.3] for _ in range(n)]


def same(found: WordGraph, wanted: WordGraph) -> bool:
    return (
        found.words == wanted.words
        and found.counts.tolist() == wanted.counts.tolist()
        and found.document_count == wanted.document_count
        and found.links() == wanted.links()
        and np.array_equal(found.score_ranges, wanted.score_ranges, equal_nan=True)
        and found.score_histograms.tolist() == wanted.score_histograms.tolist()
    )


@pytest.mark.parametrize("seed", range(5))
def test_some_documents_are_counted_as_if_there_were_no_others(seed: int) -> None:
    texts = documents(seed=seed)
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random(len(texts)) < 0.2, np.nan, rng.random(len(texts)))
    rows = rng.permutation(len(texts))[: 5 + 10 * seed]
    whole = build_graph(texts, scores=scores.tolist())
    part = graph_of_documents(whole, rows, scores=scores)
    wanted = build_graph([texts[i] for i in rows], scores=scores[rows].tolist())
    assert same(part, wanted)
    word = wanted.words[0]
    assert part.docs_with(word).tolist() == wanted.docs_with(word).tolist()


def test_no_documents_have_no_words() -> None:
    part = graph_of_documents(build_graph(documents()), np.array([], dtype=np.int64))
    assert (len(part), part.document_count, part.links()) == (0, 0, [])


def test_a_word_keeps_its_part_of_speech_in_every_part() -> None:
    whole = build_graph([["run"]] * 3, tags=[["noun"], ["noun"], ["verb"]])
    assert graph_of_documents(whole, np.array([2])).tags == ("noun",)


def test_some_words_keep_the_counts_and_the_number_of_documents() -> None:
    whole = build_graph(documents(), scores=[0.5] * 60)
    chosen = ["snow", "wolf", "hat"]
    part = graph_of_words(whole, chosen)
    assert part.words == tuple(w for w in whole.words if w in chosen)
    assert part.document_count == whole.document_count
    kept = {frozenset((one.source, one.target)): one for one in whole.links()}
    found = {frozenset((one.source, one.target)): one for one in part.links()}
    assert found == {pair: one for pair, one in kept.items() if pair <= set(chosen)}
    every = {(one.word_a, one.word_b): one.lift for one in whole.associations(min_count=1)}
    for one in part.associations(min_count=1):
        assert every[one.word_a, one.word_b] == one.lift


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(InputError, match="unicorn"):
        graph_of_words(build_graph(documents()), ["unicorn"])
