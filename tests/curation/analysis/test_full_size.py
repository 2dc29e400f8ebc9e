"""The whole analysis at the real models' size: BLIP-base and SAM ViT-B, with random weights."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest

from benchmarks.full_size import save_checkpoints
from fiftyone_capviz.curation.analysis.analyze import analyze
from tests.worlds.random_world import CountingCache, draw_image

SIZES = [(640, 427), (300, 500), (500, 375)]


@pytest.mark.soak
def test_photographs_with_full_size_models(tmp_path: Path) -> None:
    paths = [draw_image(tmp_path / f"{n}.jpg", seed=n, size=size) for n, size in enumerate(SIZES)]
    options = save_checkpoints(tmp_path, paths[0])
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=str(path)) for path in paths])

    cache = CountingCache()
    report = analyze(dataset, options, cache=cache)

    assert report.counts["done"] == len(SIZES), report.failures
    for sample in dataset:
        assert 1 <= len(sample.caption.split()) <= 20
        assert sample.caption_attention.shape == (len(sample.caption_words), 24, 24)
        assert sample.caption_scores.shape == (
            len(sample.segments.detections),
            len(sample.caption_words),
        )
    assert any(dataset.values("caption_words"))
    # Random masks span the image, so that suppression by box leaves few of them.
    assert sum(map(len, dataset.values("segments.detections"))) >= 1

    captions = dataset.values("caption")
    computed = dict(cache.counts)
    assert analyze(dataset, options, cache=cache).skipped == len(SIZES)
    assert cache.counts == computed
    assert dataset.values("caption") == captions
    dataset.delete()
