"""Two collections compared: the paper's formula, and what must not depend on the order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from scipy import stats

from fiftyone_capviz.graph.comparison import compare
from fiftyone_capviz.graph.word_graph import build_graph
from tests.worlds.word_lists import DOCUMENTS, UNHURRIED


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
