"""Parts of speech and scores of words, counted against a loop."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fiftyone_capviz.graph.word_graph import build_graph
from fiftyone_capviz.text.inflection import TAGS, part_of_speech
from tests.worlds.word_lists import UNHURRIED, WORDS


@UNHURRIED
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(WORDS, st.sampled_from(TAGS)), max_size=5),
            st.one_of(st.none(), st.just(math.nan), st.sampled_from([0.0, 1.0]), st.floats(0, 1)),
        ),
        max_size=15,
    )
)
def test_tags_and_scores_equal_a_loop(
    rows: list[tuple[list[tuple[str, str]], float | None]],
) -> None:
    documents = [[word for word, _ in row] for row, _ in rows]
    tags = [[tag for _, tag in row] for row, _ in rows]
    scores = [score for _, score in rows]
    graph = build_graph(documents, tags=tags, scores=scores)
    for node in graph.nodes():
        votes = [tag for row, _ in rows for word, tag in row if word == node.word]
        assert node.tag == min(TAGS, key=lambda tag: (-votes.count(tag), tag))
        held = [s for d, s in zip(documents, scores, strict=True) if node.word in d]
        known = [s for s in held if s is not None and not math.isnan(s)]
        assert node.score_min == min(known, default=None)
        assert node.score_max == max(known, default=None)
        edges = np.linspace(0, 1, len(node.score_histogram) + 1)
        assert sum(node.score_histogram) == len(known)
        clear = [s for s in known if np.abs(edges - s).min() > 1e-9]
        assert (np.histogram(clear, edges)[0] <= node.score_histogram).all()
        assert node.share == node.count / graph.document_count


def test_scores_on_the_edges_of_bins() -> None:
    graph = build_graph([["a"], ["a"], ["a"]], scores=[0.0, 0.5, 1.0])
    histogram = graph.nodes()[0].score_histogram
    assert [i for i, n in enumerate(histogram) if n] == [0, 10, 19]


def test_words_are_tagged_where_no_tags_are_given() -> None:
    graph = build_graph([["dog", "red", "wearing", "中文"]])
    assert {node.word: node.tag for node in graph.nodes()} == {
        word: part_of_speech(word) for word in graph.words
    }
    assert [node.word for node in graph.dominant(5, tag="noun")] == ["dog"]
