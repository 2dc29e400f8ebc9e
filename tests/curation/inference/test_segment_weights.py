"""Patch weights of stored segments: as stored where they fit, else from the masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.curation.dataset.documents import (
    crop_masks,
    detection_documents,
    serialize_array,
)
from fiftyone_capviz.curation.inference.segment_weights import mask_weights, segment_weights
from fiftyone_capviz.geometry import PixelTransform, center_crop, squash
from fiftyone_capviz.segments import owned_shares

WHOLE, CROPPED = squash(32, 16, 4), center_crop(32, 16, 4)


def stored(transform: PixelTransform = WHOLE, **changes: Any) -> list[dict[str, Any]]:
    """Two halves with weights that are not quite those of their masks, so that it can be told."""
    masks = np.zeros((2, 16, 32), bool)
    masks[0, :, :16] = masks[1, :, 16:] = True
    documents = detection_documents(crop_masks(masks), ["left", "right"])
    for one, weights in zip(documents, owned_shares(masks, transform), strict=True):
        rounded = weights.astype(np.float16) * np.float16(1.001)
        one |= {"area": 0.5, "patch_weights": serialize_array(rounded), **changes}
    return documents


def test_stored_weights_that_fit_are_taken() -> None:
    weights, areas, seen = segment_weights(stored(), WHOLE)
    anew, their_areas, _ = mask_weights(stored(), WHOLE)
    assert weights.dtype == np.float16
    assert not np.array_equal(weights, anew)
    np.testing.assert_allclose(weights, anew, rtol=3e-3)  # float16, and the thousandth
    assert areas.tolist() == their_areas.tolist() == [0.5, 0.5]
    assert seen.all()


@pytest.mark.parametrize(
    ("documents", "transform"),
    [
        (stored(area=0.4), WHOLE),
        (stored(area=None), WHOLE),
        (stored(patch_weights=None), WHOLE),
        (stored(), squash(32, 16, 5)),
        (stored(CROPPED), CROPPED),
    ],
    ids=["another area", "no area", "no weights", "another grid", "a crop"],
)
def test_else_they_are_made_from_the_masks(
    documents: list[dict[str, Any]], transform: PixelTransform
) -> None:
    weights, areas, seen = segment_weights(documents, transform)
    anew, their_areas, _ = mask_weights(documents, transform)
    np.testing.assert_array_equal(weights, anew)
    assert areas.tolist() == their_areas.tolist() == [0.5, 0.5]
    assert seen.all()


def test_no_segments_have_no_weights() -> None:
    weights, areas, seen = segment_weights([], WHOLE)
    assert weights.shape == (0, *WHOLE.grid)
    assert areas.shape == seen.shape == (0,)
