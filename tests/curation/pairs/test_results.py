"""What words add to a score, from attributions that are planted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiftyone_capviz.attribution.pairs.explanation import PairExplanation, Sums, make_explanation
from fiftyone_capviz.curation.dataset.names import ERROR_PREFIX
from fiftyone_capviz.curation.pairs.fields import with_pair_error
from fiftyone_capviz.curation.pairs.results import PairTotals
from fiftyone_capviz.errors import ModelError
from fiftyone_capviz.geometry import PixelTransform

CAPTION = "a dog and a wolf and a bird"
PIECES = ((0, 0), (0, 1), (2, 5), (6, 9), (10, 11), (12, 16), (17, 20), (21, 22), (23, 27), (0, 0))
DOG, WOLF, BIRD = 2, 5, 8


def planted(patches: dict[int, float], cls: dict[int, float], *, off: float) -> PairExplanation:
    """An explanation whose pieces have these sums, off by so much from what they must sum to."""
    matrix, column = np.zeros((len(PIECES), 4)), np.zeros(len(PIECES))
    for row, value in patches.items():
        matrix[row] = value / 4
    for row, value in cls.items():
        column[row] = value
    total = float(matrix.sum() + column.sum())
    return make_explanation(
        CAPTION,
        matrix,
        cls=column,
        pieces=PIECES,
        sums=Sums(0.3, total, total - off, abs(off), abs(off)),
        transform=PixelTransform(8, 8, (0, 0, 8, 8), 2),
        method="second_order",
        layer=1,
        text_layer=1,
    )


def test_a_words_cls_part_decides_on_its_sign() -> None:
    found = PairTotals.of(
        planted({DOG: -0.2, WOLF: 0.2, BIRD: -0.1}, {DOG: 0.3, WOLF: -0.5}, off=0.0)
    )
    assert found.words == ("dog", "wolf", "bird")
    assert found.totals == pytest.approx((0.1, -0.3, -0.1))
    assert found.mismatches == ("wolf", "bird")


@pytest.mark.parametrize(("off", "against"), [(0.05, ("wolf", "bird")), (0.2, ("wolf",)), (1, ())])
def test_what_the_completeness_error_may_explain_is_no_mismatch(
    off: float, against: tuple[str, ...]
) -> None:
    told = planted({DOG: -0.01, WOLF: -0.3, BIRD: -0.1}, {}, off=off)
    assert PairTotals.of(told).mismatches == against


def test_without_a_promised_sum_every_negative_total_counts() -> None:
    told = planted({DOG: -1e-3, WOLF: 0.3}, {}, off=0.0)
    told = replace(told, completeness_error=float("nan"), relative_error=float("nan"))
    found = PairTotals.of(told)
    assert (found.mismatches, found.error) == (("dog",), None)


def test_an_overflow_is_an_error_of_the_pair() -> None:
    with pytest.raises(ModelError, match="float32"):
        PairTotals.of(planted({DOG: float("inf")}, {}, off=0.0))


@pytest.mark.parametrize("others", [None, "No image.", "No image.\nNo mask."])
def test_our_line_of_an_error_is_replaced_alone(others: str | None) -> None:
    ours = with_pair_error(others, "It does\nnot fit.")
    assert ours is not None
    told = [] if others is None else others.split("\n")
    assert ours.split("\n") == [*told, f"{ERROR_PREFIX}It does not fit."]
    assert with_pair_error(ours, None) == others
    assert with_pair_error(with_pair_error(ours, "Other."), None) == others
    assert with_pair_error(ours, "Other.") == with_pair_error(others, "Other.")
