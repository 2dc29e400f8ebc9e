"""Coverage: against a slow version, and at its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.errors import InputError

score_tables = arrays(
    np.float32,
    st.tuples(st.integers(0, 9), st.integers(0, 7)),
    elements=st.one_of(
        st.integers(-3, 3).map(float),
        st.floats(-10, 10, width=32),
        st.sampled_from([math.nan, math.inf]),
    ),
)


def _slow(scores: np.ndarray, top_k: int) -> list[list[int]]:
    """Covering words of each segment, best first."""
    segments, words = scores.shape
    covering: list[list[int]] = [[] for _ in range(segments)]
    for word in range(words):
        column = scores[:, word]
        usable = [s for s in range(segments) if math.isfinite(column[s]) and column[s] > 0]
        usable.sort(key=lambda s: (-column[s], s))
        for segment in usable[: min(top_k, math.ceil(segments / 3))]:
            covering[segment].append(word)
    return [sorted(found, key=lambda w: (-scores[s, w], w)) for s, found in enumerate(covering)]


@settings(deadline=None)
@given(scores=score_tables, top_k=st.integers(1, 5))
def test_coverage_agrees_with_the_slow_one(scores: np.ndarray, top_k: int) -> None:
    found = measure_coverage(scores, top_k=top_k)
    expected = _slow(scores, top_k)
    assert [list(words) for words in found.covered_by] == expected
    assert found.counts.tolist() == [len(words) for words in expected]
    assert found.top_word.tolist() == [words[0] if words else -1 for words in expected]
    if len(scores):
        assert found.share == pytest.approx(np.mean([bool(words) for words in expected]))
    else:
        assert math.isnan(found.share)


@settings(deadline=None)
@given(scores=score_tables)
def test_entropy_agrees_with_the_slow_one(scores: np.ndarray) -> None:
    # A word without any score is none that its scores could be spread over.
    words = int(np.isfinite(scores).any(axis=0).sum())
    for row, entropy in zip(scores, measure_coverage(scores).entropy, strict=True):
        positive = [float(v) for v in row if math.isfinite(v) and v > 0]
        if not positive:
            assert math.isnan(entropy)
            continue
        shares = [v / sum(positive) for v in positive]
        expected = -sum(p * math.log(p) for p in shares if p > 0)
        expected /= math.log(words) if words > 1 else 1
        assert 0 <= entropy <= 1
        assert entropy == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
@given(scores=score_tables, factor=st.sampled_from([0.125, 8.0]))
def test_coverage_has_no_unit(scores: np.ndarray, factor: float) -> None:
    # In double precision: a float32 that is smallest of all would vanish in the product.
    once, scaled = measure_coverage(scores), measure_coverage(scores.astype(float) * factor)
    assert once.covered_by == scaled.covered_by
    np.testing.assert_allclose(once.entropy, scaled.entropy, atol=1e-9)


def test_few_segments_are_not_all_covered() -> None:
    """k = ceil(m / 3): docs/methods.md, 3.2."""
    for segments, k in [(1, 1), (2, 1), (3, 1), (4, 2), (7, 3), (30, 3)]:
        scores = np.arange(1, segments + 1, dtype=float)[:, None]
        assert measure_coverage(scores).counts.sum() == k


def test_entropy_of_one_word_and_of_all() -> None:
    entropy = measure_coverage(np.array([[5, -1, 0], [2, 2, 2], [-1, -1, -1]])).entropy
    assert entropy[0] == 0
    assert entropy[1] == pytest.approx(1)
    assert math.isnan(entropy[2])
    assert measure_coverage(np.array([[3.0]])).entropy.tolist() == [0]


def test_tiny_and_huge_scores_keep_their_entropy() -> None:
    for unit in (1e-300, 1e300):
        assert measure_coverage(np.full((1, 4), unit)).entropy[0] == pytest.approx(1)


def test_nothing_to_cover_and_nothing_to_cover_with() -> None:
    no_words = measure_coverage(np.zeros((4, 0)))
    assert no_words.counts.tolist() == [0] * 4
    assert no_words.top_word.tolist() == [-1] * 4
    assert no_words.covered_by == ((),) * 4
    assert no_words.share == 0
    assert np.isnan(no_words.entropy).all()
    no_segments = measure_coverage(np.zeros((0, 5)))
    assert no_segments.covered_by == ()
    assert math.isnan(no_segments.share)


def test_other_input_is_refused() -> None:
    with pytest.raises(InputError, match="segments, words"):
        measure_coverage(np.zeros(3))
    with pytest.raises(InputError, match="top_k must be at least 1; got 0"):
        measure_coverage(np.zeros((3, 3)), top_k=0)
