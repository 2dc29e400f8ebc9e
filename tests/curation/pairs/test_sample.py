"""The fields that a pair is read from, and the patches that its segments own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.curation.pairs.sample import (
    PairSample,
    choose_fields,
    read_sample,
    segment_regions,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from tests.worlds.pair_world import CAPTIONS, SEGMENTS, explain


def test_fields_are_chosen_and_a_wrong_one_is_refused(scenes: Any) -> None:
    chosen = choose_fields(scenes, None)
    assert chosen.caption_field in chosen.caption_fields
    assert CAPTIONS in chosen.caption_fields
    assert chosen.segments_field == SEGMENTS
    assert chosen.captioner is None
    with pytest.raises(InputError, match="holds text; 'nothing' does not"):
        choose_fields(scenes, "nothing")
    for wrong in ("0" * 24, "no id"):
        with pytest.raises(InputError, match="needs a sample"):
            read_sample(scenes, wrong, chosen)


def test_shares_of_segments_that_tile_the_image_sum_to_one() -> None:
    place = PixelTransform(90, 60, (15, 0, 75, 60), 4)  # CLIP's crop of the middle
    boxes = [[0.0, 0.0, 0.4, 1.0], [0.4, 0.0, 0.6, 0.5], [0.4, 0.5, 0.6, 0.5]]
    tiles = PairSample("", "", None, tuple({"bounding_box": box} for box in boxes))
    shares = segment_regions(tiles, place).shares
    assert np.allclose(shares.sum(axis=0), 1, atol=1e-5)
    assert shares.min() >= 0
    # A segment's part of the score is its pixels' part of the resized map.
    heat = np.random.default_rng(0).normal(size=(4, 4))
    rows, columns = place.resize_matrices()
    mask = np.zeros((60, 90))
    mask[:, :36] = 1
    pixels_of_patch = 60 * 60 / 16
    slow = (rows @ heat @ columns.T * mask).sum() / pixels_of_patch
    assert (shares[0] * heat).sum() == pytest.approx(slow, abs=1e-5)


def test_no_segments_no_shares(samples: list[PairSample]) -> None:
    bare = replace(samples[0], detections=())
    found = segment_regions(bare, explain(samples[0]).transform)
    assert (found.shares.shape, found.problems) == ((0, 12, 12), ())


def test_a_segment_that_says_nothing_says_why() -> None:
    place = PixelTransform(90, 60, (15, 0, 75, 60), 4)
    boxes = [[0.4, 0.4, 0.05, 0.05], [0.0, 0.0, 0.16, 1.0], [0.3, 0.0, 0.4, 1.0]]
    tiles = PairSample("", "", None, tuple({"bounding_box": box} for box in boxes))
    small, aside, whole = segment_regions(tiles, place).problems
    assert "as large as a patch (225 pixels); this one has" in str(small)
    assert "sees only the centre" in str(aside)
    assert whole is None
    everything = PixelTransform(90, 60, (0, 0, 90, 60), 4)  # a small one is not a matter of crops
    assert "centre" not in str(segment_regions(tiles, everything).problems[0])
