"""Association of words against scipy's tests and textbook definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.association import benjamini_hochberg, fisher_exact
from fiftyone_capviz.graph.word_graph import build_graph
from tests.worlds.word_lists import DOCUMENTS, SCENES, UNHURRIED, counted


def slow_fisher(both: int, count_a: int, count_b: int, documents: int) -> float:
    """Fisher's test from the hypergeometric distribution, outcome by outcome."""
    law = stats.hypergeom(documents, count_a, count_b)
    outcomes = np.arange(max(0, count_a + count_b - documents), min(count_a, count_b) + 1)
    # scipy's pmf needs a second for ten thousand outcomes; its logpmf agrees to nine digits.
    chances = law.pmf(outcomes) if len(outcomes) < 1000 else np.exp(law.logpmf(outcomes))
    observed = chances[both - outcomes[0]]
    return float(min(1, chances[chances <= observed * (1 + 1e-7)].sum()))


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    total = draw(st.one_of(st.integers(1, 40), st.integers(1, 3000)))
    count_a, count_b = draw(st.integers(0, total)), draw(st.integers(0, total))
    both = draw(st.integers(max(0, count_a + count_b - total), min(count_a, count_b)))
    return both, count_a, count_b, total


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


@pytest.mark.slow
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
    # Sums of another length are taken in another order; terms are exp of logarithms of ~1e5.
    assert alone[0] == pytest.approx(found[0], rel=1e-9)


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
