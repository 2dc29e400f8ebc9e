"""One batch through real (random) models: what is computed, and what does not fit."""

from __future__ import annotations

import fiftyone as fo
import numpy as np
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.dataset.documents import full_masks
from fiftyone_capviz.geometry import squash
from fiftyone_capviz.segments import owned_shares, pool_scores
from tests.worlds.five_images import COUNT
from tests.worlds.random_world import CountingCache, random_options, raw_sample


def test_scores_are_pooled_from_the_stored_attention(analysed: fo.Dataset) -> None:
    document = raw_sample(analysed)
    sample = analysed.first()
    detections = document["segments"]["detections"]
    masks = full_masks(detections, width=64, height=64)
    attention = sample.caption_attention.astype(np.float32)
    weights = owned_shares(masks, squash(64, 64, attention.shape[-1]))

    expected = pool_scores(weights, masks.mean(axis=(1, 2)), attention)

    np.testing.assert_allclose(sample.caption_scores, expected, rtol=0.05, atol=1e-6)


def test_attribution_from_the_captioner(dataset: fo.Dataset, cache: CountingCache) -> None:
    analyze(dataset, random_options(source="lm"), cache=cache)

    assert cache.counts["captioner.token_logits"] > 0
    assert cache.counts["matcher.score"] > 0
    assert "matcher.match_logits" not in cache.counts
    assert dataset.count("caption_itm") == COUNT
    assert dataset.count("caption_attention") == COUNT


def test_the_match_score_does_not_depend_on_the_attribution(
    analysed_copy: fo.Dataset, dataset: fo.Dataset, cache: CountingCache
) -> None:
    analyze(dataset, random_options(use_enc=False), cache=cache)

    assert cache.counts["matcher.score"] == COUNT
    assert dataset.values("caption_itm") == pytest.approx(
        analysed_copy.values("caption_itm"), rel=1e-4
    )


def test_one_caption_of_a_list_is_scored(dataset: fo.Dataset, cache: CountingCache) -> None:
    dataset.set_values("texts", [["a dog", "a red car"]] * (COUNT - 1) + [["a bird"]])
    options = random_options(caption_field="texts", caption_index=1)

    analyze(dataset, options, stages=("match", "attribute"), cache=cache)

    words = dataset.values("texts_words")
    assert words[0] == ["red", "car"]
    assert words[-1] == ["bird"]
    assert dataset.count("texts_itm") == COUNT


def test_a_batch_that_does_not_fit_is_halved(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    cache = CountingCache()
    captioner = cache.get("captioner", random_options().captioner, device="cpu")
    real = captioner._model.encode

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        encoded: torch.Tensor = real(pixels)
        return encoded

    monkeypatch.setattr(captioner._model, "encode", encode)
    report = analyze(dataset, random_options(batch_size=4), cache=cache)

    assert report.counts["done"] == COUNT
    assert any("batch_size=1" in note for note in report.notes)
    assert dataset.count("caption") == COUNT


def test_an_image_that_never_fits_is_recorded(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    cache = CountingCache()
    captioner = cache.get("captioner", random_options().captioner, device="cpu")
    real = captioner._model.encode
    large: list[torch.Tensor] = []

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        large.append(pixels[0]) if not large else None
        if any(torch.equal(row, large[0]) for row in pixels):
            raise torch.OutOfMemoryError("CUDA out of memory")
        encoded: torch.Tensor = real(pixels)
        return encoded

    monkeypatch.setattr(captioner._model, "encode", encode)
    report = analyze(dataset, random_options(), cache=cache)

    assert (report.counts["done"], report.counts["failed"]) == (COUNT - 1, 1)
    assert "does not fit into memory" in report.failures[0].message
    assert dataset.first().capviz_error == report.failures[0].message
