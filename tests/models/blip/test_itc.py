"""BLIP's contrastive head as a dual encoder: the matcher's own similarity and weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.blip.itc import ItcEncoder
from fiftyone_capviz.models.cache import ModelCache
from tests.worlds.blip_checkpoints import save_small, small_captioner, small_matcher
from tests.worlds.pictures import picture

TEXTS = ["a man in a red shirt", "a gray wolf in the snow", "sunglasses"]
IMAGES = [picture(0), picture(1, width=50, height=40)]


def test_the_itc_head_gives_the_matchers_similarity(tmp_path: Path) -> None:
    matcher = small_matcher(tmp_path, dtype="float32")
    encoder = ItcEncoder(matcher)
    features = matcher.encode(matcher.preprocess(IMAGES))
    expected = matcher.similarity(features, TEXTS)
    found = encoder.encode_images(IMAGES) @ encoder.encode_texts(TEXTS).T
    assert np.allclose(found.numpy(), expected, atol=1e-6)


def test_a_captioner_has_no_contrastive_head(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no projection head"):
        ItcEncoder(small_captioner(tmp_path))  # type: ignore[arg-type]


def test_a_matcher_and_its_contrastive_head_share_their_weights(tmp_path: Path) -> None:
    folder = str(save_small("matcher", tmp_path))
    cache = ModelCache()
    encoder = cache.get("encoder", folder, device="cpu")
    once = cache.total_bytes
    matcher = cache.get("matcher", folder, device="cpu")
    assert encoder.model is matcher.model
    assert cache.total_bytes == once > 0
    double = cache.get("encoder", folder, device="cpu", dtype="float64")
    assert double.model is not encoder.model
