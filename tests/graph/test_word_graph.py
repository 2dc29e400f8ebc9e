"""The word graph against a double loop: counts, filters, orders, links."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.comparison import compare
from fiftyone_capviz.graph.word_graph import (
    MAX_TESTED_WORDS,
    WordGraph,
    build_graph,
    graph_of_documents,
    graph_of_words,
)
from fiftyone_capviz.text.words import words_of_corpus
from tests.worlds.word_lists import DOCUMENTS, SCENES, UNHURRIED, counted

ANIMALS_AND_PLACES = "wolf snow dog grass man fish hat".split()


@UNHURRIED
@given(DOCUMENTS)
def test_counts_and_pairs_equal_a_double_loop(documents: list[list[str]]) -> None:
    graph = build_graph(documents)
    distinct = {word for document in documents for word in document}
    assert set(graph.words) == distinct
    counts = [counted(documents, word) for word in graph.words]
    assert graph.counts.tolist() == counts
    ranks = [(-count, word) for word, count in zip(graph.words, counts, strict=True)]
    assert ranks == sorted(ranks)
    assert graph.document_count == sum(map(bool, documents))
    dense = graph.matrix.toarray()
    assert dense.shape == (len(documents), len(distinct))
    pairs = graph.pair_counts.toarray()
    for i, first in enumerate(graph.words):
        assert dense[:, i].tolist() == [int(first in document) for document in documents]
        assert graph.docs_with(first).tolist() == np.flatnonzero(dense[:, i]).tolist()
        for j, second in enumerate(graph.words):
            assert pairs[i, j] == (counted(documents, first, second) if i < j else 0)
            hits = [k for k, one in enumerate(documents) if first in one and second in one]
            assert graph.docs_with([second, first]).tolist() == hits
    for link in graph.links():
        assert link.count == counted(documents, link.source, link.target) > 0
        assert link.lift == pytest.approx(link.count / link.expected)
        assert counted(documents, link.source) >= counted(documents, link.target)
    assert len(graph.links()) == np.count_nonzero(pairs)
    assert [link.count for link in graph.links(2)] == sorted(pairs[pairs >= 2], reverse=True)


@UNHURRIED
@given(DOCUMENTS, st.integers(1, 4), st.one_of(st.none(), st.integers(1, 5)))
def test_filters_keep_the_head_of_the_unfiltered_graph(
    documents: list[list[str]], min_count: int, top: int | None
) -> None:
    whole = build_graph(documents)
    part = build_graph(documents, min_count=min_count, top=top)
    expected = [w for w, n in zip(whole.words, whole.counts, strict=True) if n >= min_count][:top]
    assert list(part.words) == expected
    size = len(expected)
    assert part.counts.tolist() == whole.counts[:size].tolist()
    assert part.tags == whole.tags[:size]
    assert (part.pair_counts.toarray() == whole.pair_counts.toarray()[:size, :size]).all()
    assert part.document_count == whole.document_count


@UNHURRIED
@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_the_order_of_documents_and_of_their_words_is_no_matter(
    documents: list[list[str]], shuffler: object
) -> None:
    shuffled = [list(document) for document in documents]
    for one in [*shuffled, shuffled]:
        shuffler.shuffle(one)  # type: ignore[attr-defined]
    first, second = build_graph(documents), build_graph(shuffled)
    assert first.nodes() == second.nodes()
    assert first.links() == second.links()
    assert first.associations().pairs() == second.associations().pairs()


def test_planted_habits_are_found_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    documents = [
        [kind, place, *(["hat"] if kind == "woman" and rng.random() < 0.9 else [])]
        for kind in ("wolf", "dog", "woman")
        for place in rng.choice(["snow", "field"], 100, p={"wolf": [1, 0]}.get(kind, [0.5, 0.5]))
    ]
    documents += [[word] for word in ("sun", "tree") for _ in range(30)]
    strange = build_graph(documents).strangest(20)
    together = [(one.word_a, one.word_b) for one in strange.together]
    apart = [(one.word_a, one.word_b) for one in strange.apart]
    assert {("hat", "woman"), ("snow", "wolf")} <= set(together)
    assert {("field", "wolf"), ("dog", "wolf"), ("dog", "hat")} <= set(apart)
    assert ("sun", "tree") not in apart
    for one in strange.together + strange.apart:
        assert one.q_value <= 0.05
    assert [one.log_odds for one in strange.together] == sorted(
        (one.log_odds for one in strange.together), reverse=True
    )
    assert [one.log_odds for one in strange.apart] == sorted(one.log_odds for one in strange.apart)
    assert all(one.count > one.expected for one in strange.together)
    assert all(one.count < one.expected for one in strange.apart)


def test_independent_words_seldom_look_strange() -> None:
    rng = np.random.default_rng(2)
    held = rng.random((2000, 30)) < 0.2
    graph = build_graph([[f"w{j:02}" for j in np.flatnonzero(row)] for row in held])
    assert len(graph.associations()) == 30 * 29 // 2
    assert len(graph.associations().significant(0.05)) <= 1


def test_orders_break_ties_alphabetically() -> None:
    graph = build_graph([["b", "d", "a", "c"]] * 3)
    assert graph.words == ("a", "b", "c", "d")
    alphabetical = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
    assert [(one.word_a, one.word_b) for one in graph.strongest(6)] == alphabetical
    assert [(link.source, link.target) for link in graph.links()] == alphabetical
    assert [node.word for node in graph.dominant(2)] == ["a", "b"]


def test_tested_words_are_the_most_frequent_ones() -> None:
    graph = build_graph(SCENES)
    assert graph.associations(min_count=2).words == ("dog", "field", "snow", "wolf")
    assert graph.associations(min_count=1, top=2).words == ("snow", "wolf")
    assert graph.associations() is graph.associations()
    for top in (0, MAX_TESTED_WORDS + 1):
        with pytest.raises(InputError, match=f"top must be from 1 to {MAX_TESTED_WORDS}"):
            graph.associations(top=top)


def test_similarities_are_cosines() -> None:
    graph = build_graph([["a", "b", "c"], ["a", "b"], ["a"]])
    vectors = np.array([[1.0, 0], [1, 1], [-3e200, 0]])
    root = math.sqrt(0.5)
    expected = [[1, root, -1], [root, 1, -root], [-1, -root, 1]]
    assert graph.similarities(vectors) == pytest.approx(np.array(expected))
    assert graph.similarities(vectors, of=["c"]) == pytest.approx(np.array(expected[2:]))
    assert np.isnan(graph.similarities(np.zeros((3, 2)))).all()
    with pytest.raises(InputError, match=r"\(words=3, dim\).*got \(2, 2\)"):
        graph.similarities(vectors[:2])


@pytest.mark.parametrize("documents", [[], [[]], [[], []]])
def test_nothing_in_nothing_out(documents: list[list[str]]) -> None:
    graph = build_graph(documents, tags=documents, scores=[None] * len(documents))
    assert (len(graph), graph.document_count) == (0, 0)
    for empty in (graph.nodes(), graph.links(), graph.strongest(), graph.dominant()):
        assert len(empty) == 0
    assert graph.strangest().together == graph.strangest().apart == ()
    assert graph.associations().columns()["word_a"] == []
    assert graph.docs_with([]).tolist() == list(range(len(documents)))
    assert graph.similarities(np.zeros((0, 4))).shape == (0, 0)
    assert len(compare(graph, graph)) == 0


def test_one_word_alone() -> None:
    graph = build_graph([["dog"], ["dog"]])
    assert graph.strongest() == []
    assert compare(graph, graph).z.tolist() == [0]


def test_bad_input_is_named_with_a_remedy() -> None:
    documents = [["dog"], ["cat", "hat"]]
    with pytest.raises(InputError, match="min_count must be at least 1; got 0"):
        build_graph(documents, min_count=0)
    with pytest.raises(InputError, match="top must be at least 1; got 0"):
        build_graph(documents, top=0)
    with pytest.raises(InputError, match="one tag per word of every document; got 2 tags"):
        build_graph(documents, tags=[["noun"], ["noun"]])
    with pytest.raises(InputError, match=r"A tag must be one of .*; got 'NN'"):
        build_graph(documents, tags=[["NN"], ["noun", "noun"]])
    with pytest.raises(InputError, match=r"one entry per document \(2\); got 1"):
        build_graph(documents, scores=[0.5])
    with pytest.raises(InputError, match=r"0\.\.1; got 3\.2"):
        build_graph(documents, scores=[0.5, 3.2])
    with pytest.raises(InputError, match="must be a list of words; got the text 'a dog'"):
        build_graph(["a dog"])
    with pytest.raises(InputError, match="one of the graph's 3; got 'cow'"):
        build_graph(documents).docs_with(["dog", "cow"])
    with pytest.raises(InputError, match="prior must be a finite number above 0; got 0"):
        compare(build_graph(documents), build_graph(documents), prior=0)


def test_real_captions(shared_data: Path) -> None:
    lines = (shared_data / "captions" / "flickr8k.token.txt").read_text(encoding="utf-8")
    found = words_of_corpus(line.split("\t")[1] for line in lines.splitlines())
    graph = build_graph([one.words for one in found], tags=[one.tags for one in found])
    assert [node.word for node in graph.dominant(2)] == ["dog", "man"]
    strongest = {(one.word_a, one.word_b) for one in graph.strongest(10)}
    assert ("black", "dog") in strongest
    strange = graph.strangest(30)
    assert ("hockey", "puck") in {(one.word_a, one.word_b) for one in strange.together}
    never = {(one.word_a, one.word_b): one.count for one in strange.apart}
    assert never[("dog", "snowboarder")] == 0
    men, women = (
        build_graph([found[i].words for i in graph.docs_with(word)]) for word in ("man", "woman")
    )
    typical = [one.word for one in compare(men, women).typical_of_b(5)]
    assert typical[:2] == ["woman", "dress"]


def random_documents(n: int = 60, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[w for w in ANIMALS_AND_PLACES if rng.random() < 0.3] for _ in range(n)]


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
    texts = random_documents(seed=seed)
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
    part = graph_of_documents(build_graph(random_documents()), np.array([], dtype=np.int64))
    assert (len(part), part.document_count, part.links()) == (0, 0, [])


def test_a_word_keeps_its_part_of_speech_in_every_part() -> None:
    whole = build_graph([["run"]] * 3, tags=[["noun"], ["noun"], ["verb"]])
    assert graph_of_documents(whole, np.array([2])).tags == ("noun",)


def test_some_words_keep_the_counts_and_the_number_of_documents() -> None:
    whole = build_graph(random_documents(), scores=[0.5] * 60)
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
        graph_of_words(build_graph(random_documents()), ["unicorn"])
