"""How much of a patch the segments cover, and the weights that follow."""

from __future__ import annotations

import numpy as np
import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.steering.weighting import coverage_of_segments, weights_at
from tests.worlds.blip_checkpoints import GRID


def test_coverage_of_segments() -> None:
    shares = np.zeros((2, GRID, GRID))
    shares[0, 0, 0], shares[0, 0, 1] = 1 / 16, 1 / 32
    shares[1, 3, 3] = 1 / 160  # thin: covers a tenth of its patch
    cover = coverage_of_segments(shares)
    assert (cover[0, 0], cover[0, 1], cover[3, 3], cover[2, 2]) == (1, 0.5, 1, 0)
    weights = weights_at(cover, 4.0)
    assert (weights[0, 0], weights[0, 1], weights[2, 2]) == (4, 2, 1)
    np.testing.assert_allclose(weights_at(cover, 1.0), 1)
    np.testing.assert_allclose(weights_at(cover, 0.0), 1 - cover)
    np.testing.assert_array_equal(coverage_of_segments(shares[0]), coverage_of_segments(shares[:1]))
    for wrong in (np.zeros((0, 4, 4)), np.zeros(4)):
        with pytest.raises(InputError, match="owned_shares"):
            coverage_of_segments(wrong)
    for weight in (-1.0, float("inf")):
        with pytest.raises(InputError, match="at least 0"):
            weights_at(cover, weight)
    assert (coverage_of_segments(np.zeros((1, 4, 4))) == 0).all()
