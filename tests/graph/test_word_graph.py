"""The word graph against slow references: double loops, scipy's tests, textbook definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.association import benjamini_hochberg, fisher_exact
from fiftyone_capviz.graph.comparison import compare
from fiftyone_capviz.graph.word_graph import MAX_TESTED_WORDS, build_graph
from fiftyone_capviz.text.inflection import TAGS, part_of_speech
from fiftyone_capviz.text.words import words_of_corpus

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.sampled_from(["man", "woman", "dog", "u.s.", "$5", "hat", "中文", "😀", "red", "fish"])
DOCUMENTS = st.lists(st.lists(WORDS, max_size=6), max_size=25)

SCENES = [
    ("wolf", "snow"),
    ("wolf", "snow"),
    ("wolf", "snow", "gray"),
    ("dog", "field"),
    ("dog", "field"),
    ("man", "fish"),
    ("woman", "hat"),
    (),
]


def counted(documents: Sequence[Sequence[str]], *words: str) -> int:
    """How many documents hold all the words."""
    return sum(all(word in document for word in words) for document in documents)


def slow_fisher(both: int, count_a: int, count_b: int, documents: int) -> float:
    """Fisher's test from the hypergeometric distribution, outcome by outcome."""
    law = stats.hypergeom(documents, count_a, count_b)
    outcomes = np.arange(max(0, count_a + count_b - documents), min(count_a, count_b) + 1)
    chances = law.pmf(outcomes)
    return float(min(1, chances[chances <= law.pmf(both) * (1 + 1e-7)].sum()))


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


@UNHURRIED
@given(DOCUMENTS)
def test_every_measure_follows_its_definition(documents: list[list[str]]) -> None:
    graph = build_graph(documents)
    pairs = graph.associations(min_count=1).pairs()
    names = sorted(graph.words)
    assert [(one.word_a, one.word_b) for one in pairs] == [
        (a, b) for i, a in enumerate(names) for b in names[i + 1 :]
    ]
    total = graph.document_count
    for one in pairs:
        n_a, n_b = counted(documents, one.word_a), counted(documents, one.word_b)
        both = counted(documents, one.word_a, one.word_b)
        assert one.count == both
        assert one.expected == pytest.approx(n_a * n_b / total)
        assert one.lift == pytest.approx((both / total) / ((n_a / total) * (n_b / total)))
        assert one.pmi == pytest.approx(math.log2(one.lift) if both else -math.inf)
        cells = [both, n_a - both, n_b - both, total - n_a - n_b + both]
        assert sum(cells) == total
        a, b, c, d = (cell + 0.5 for cell in cells)
        assert one.log_odds == pytest.approx(math.log(a * d / (b * c)))
        assert one.p_value == pytest.approx(slow_fisher(both, n_a, n_b, total), rel=1e-6)
    expected = stats.false_discovery_control([one.p_value for one in pairs]) if pairs else []
    assert [one.q_value for one in pairs] == pytest.approx(list(expected))


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    total = draw(st.one_of(st.integers(1, 40), st.integers(1, 3000)))
    count_a, count_b = draw(st.integers(0, total)), draw(st.integers(0, total))
    both = draw(st.integers(max(0, count_a + count_b - total), min(count_a, count_b)))
    return both, count_a, count_b, total


@UNHURRIED
@given(tables())
def test_the_exact_test_equals_scipy(table: tuple[int, int, int, int]) -> None:
    both, count_a, count_b, total = table
    found = fisher_exact([both], [count_a], [count_b], documents=total)[0]
    assert found == pytest.approx(slow_fisher(*table), rel=1e-6, abs=1e-290)
    cells = [[both, count_a - both], [count_b - both, total - count_a - count_b + both]]
    # scipy may tell tables apart that differ by rounding alone; its value is then the lower one.
    reference = stats.fisher_exact(cells).pvalue
    assert found == pytest.approx(reference, rel=1e-6, abs=1e-290) or found > reference


def test_the_exact_test_on_large_counts_and_many_tables_at_once() -> None:
    total = 40_000
    rng = np.random.default_rng(0)
    count_a, count_b = rng.integers(1, 15_000, (2, 300))
    mean = count_a * count_b / total
    both = np.clip(
        np.round(mean + rng.normal(0, 3, 300) * np.sqrt(mean)),
        np.maximum(0, count_a + count_b - total),
        np.minimum(count_a, count_b),
    ).astype(int)
    found = fisher_exact(both, count_a, count_b, documents=total)
    for i in range(0, 300, 10):
        expected = slow_fisher(int(both[i]), int(count_a[i]), int(count_b[i]), total)
        assert found[i] == pytest.approx(expected, rel=1e-6, abs=1e-300)
    alone = fisher_exact(both[:1], count_a[:1], count_b[:1], documents=total)
    assert alone[0] == found[0]


def test_counts_too_large_for_one_key_per_table() -> None:
    total = 1 << 21
    found = fisher_exact([3, 0], [3, 500], [4, 5], documents=total)
    assert found[0] == pytest.approx(slow_fisher(3, 3, 4, total), rel=1e-6)
    assert found[1] == pytest.approx(1.0)


@UNHURRIED
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_q_values_equal_the_definition(p_values: list[float]) -> None:
    m = len(p_values)
    ranked = sorted(p_values)
    expected = [
        min(1.0, *(ranked[j] * m / (j + 1) for j in range(m) if ranked[j] >= p), p * m)
        for p in p_values
    ]
    found = benjamini_hochberg(np.array(p_values))
    assert found == pytest.approx(expected)
    assert found == pytest.approx(stats.false_discovery_control(p_values))


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


def test_the_table_can_be_narrowed_and_written_out() -> None:
    table = build_graph(SCENES).associations(min_count=1)
    wolves = table.of("wolf")
    assert len(wolves) == len(table.words) - 1
    assert all("wolf" in (one.word_a, one.word_b) for one in wolves)
    assert len(table.of("unicorn")) == 0
    ordered = table.ordered("count", descending=True, limit=2).pairs()
    assert [(one.word_a, one.word_b, one.count) for one in ordered] == [
        ("snow", "wolf", 3),
        ("dog", "field", 2),
    ]
    columns = table.columns()
    assert list(columns) == "word_a word_b count expected lift pmi log_odds p_value q_value".split()
    assert all(len(column) == len(table) for column in columns.values())
    assert type(columns["count"][0]) is int
    with pytest.raises(InputError, match=r"can be ordered by count.*got 'size'"):
        table.ordered("size")  # type: ignore[arg-type]


def test_tested_words_are_the_most_frequent_ones() -> None:
    graph = build_graph(SCENES)
    assert graph.associations(min_count=2).words == ("dog", "field", "snow", "wolf")
    assert graph.associations(min_count=1, top=2).words == ("snow", "wolf")
    assert graph.associations() is graph.associations()
    for top in (0, MAX_TESTED_WORDS + 1):
        with pytest.raises(InputError, match=f"top must be from 1 to {MAX_TESTED_WORDS}"):
            graph.associations(top=top)


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


def test_comparison_equals_the_paper_s_formula() -> None:
    first = build_graph([["dog", "snow"]] * 30 + [["cat"]] * 10)
    second = build_graph([["dog"]] * 20 + [["cat", "hat"]] * 40)
    found = compare(first, second, prior=50)
    rows = {one.word: one for one in found.differences()}
    y_a, y_b = {"dog": 30, "snow": 30, "cat": 10, "hat": 0}, {"dog": 20, "cat": 40, "hat": 40}
    n_a, n_b = 70, 100
    for word, count_a in y_a.items():
        count_b = y_b.get(word, 0)
        alpha = 50 * (count_a + count_b) / (n_a + n_b)
        delta = math.log((count_a + alpha) / (n_a + 50 - count_a - alpha))
        delta -= math.log((count_b + alpha) / (n_b + 50 - count_b - alpha))
        z = delta / math.sqrt(1 / (count_a + alpha) + 1 / (count_b + alpha))
        assert (rows[word].count_a, rows[word].count_b) == (count_a, count_b)
        assert rows[word].log_odds == pytest.approx(delta)
        assert rows[word].z == pytest.approx(z)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(np.abs(found.z)))
    assert found.typical_of_a(1)[0].word == "snow"
    assert found.typical_of_b(1)[0].word == "hat"
    assert rows["snow"].share_a == 0.75


@UNHURRIED
@given(DOCUMENTS, DOCUMENTS)
def test_comparison_is_antisymmetric_and_blind_to_equal_collections(
    first: list[list[str]], second: list[list[str]]
) -> None:
    a, b = build_graph(first), build_graph(second)
    there, back = compare(a, b), compare(b, a)
    assert there.words == back.words
    assert there.z == pytest.approx(-back.z)
    assert not compare(a, a).z.any()
    assert np.isfinite(there.z).all()
    assert ((there.q_value >= 0) & (there.q_value <= 1)).all()


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
