"""What a sample's results become in the database: every field, and none that is out of date."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest

from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.updates import compact
from fiftyone_capviz.curation.dataset.documents import text_hash
from fiftyone_capviz.curation.dataset.names import UNCOVERED
from fiftyone_capviz.text.words import caption_words
from tests.worlds.five_images import COUNT, add_own_labels
from tests.worlds.random_world import CountingCache, random_options


def test_every_field_holds_what_the_design_says(analysed: fo.Dataset) -> None:
    for sample in analysed:
        words = caption_words(sample.caption)
        segments = sample.segments.detections
        scores, attention = sample.caption_scores, sample.caption_attention

        assert 0 <= sample.caption_itm <= 1
        assert sample.caption_words == list(words.words)
        assert sample.caption_word_tags == list(words.tags)
        assert sample.capviz_error is None
        assert attention.dtype == compact(attention).dtype
        assert attention.shape[0] == len(words.words)
        assert scores.dtype == np.float32
        assert scores.shape == (len(segments), len(words.words))
        coverage = measure_coverage(scores)
        assert sample.caption_coverage == pytest.approx(coverage.share)
        for row, segment in zip(scores, segments, strict=True):
            assert isinstance(segment.coverage, float)
            assert segment.coverage == len(segment.covered_by)
            assert segment.label == (segment.top_word or UNCOVERED)
            assert segment.word_scores == pytest.approx(row.tolist())
            assert segment.patch_weights.dtype == np.float16
            assert segment.patch_weights.sum() == pytest.approx(segment.area, rel=0.01)
            assert set(segment.covered_by) <= set(words.words)


def test_an_edited_caption_that_a_new_captioner_replaces_can_be_undone(
    analysed_copy: fo.Dataset, cache: CountingCache
) -> None:
    sample = analysed_copy.first()
    sample.caption = "a dog on the street"
    sample.save()

    options = random_options(max_new_tokens=7, existing="replace", overwrite_captions=True)
    analyze(analysed_copy, options, cache=cache)

    sample.reload()
    assert sample.caption != "a dog on the street"
    assert [entry["caption"] for entry in sample.caption_previous] == ["a dog on the street"]
    assert sample.caption_previous[0]["method"] == "edited by hand"
    assert not analysed_copy.skip(1).count("caption_previous")


def test_new_captions_leave_no_scores_of_old_words(
    analysed_copy: fo.Dataset, cache: CountingCache
) -> None:
    options = random_options(max_new_tokens=8, existing="replace")
    analyze(analysed_copy, options, stages=["caption"], cache=cache)

    for sample in analysed_copy:
        words = caption_words(sample.caption).words
        assert sample.caption_words == list(words)
        assert text_hash(sample.caption) == sample.caption_stages["text"]
        if sample.caption_scores is None:
            assert sample.caption_itm is None
            assert all(d.word_scores is None for d in sample.segments.detections)
        else:
            assert sample.caption_scores.shape[1] == len(words)


def test_replaced_segments_leave_no_scores_of_old_ones(
    analysed_copy: fo.Dataset, cache: CountingCache
) -> None:
    options = random_options(min_area=0.08, existing="replace")
    analyze(analysed_copy, options, stages=["segment"], cache=cache)

    assert analysed_copy.count("caption_scores") == 0
    assert analysed_copy.count("caption_itm") == COUNT
    analyze(analysed_copy, options, cache=cache)
    for sample in analysed_copy:
        assert len(sample.caption_scores) == len(sample.segments.detections)


def test_own_segments_keep_their_labels_and_attributes(
    dataset: fo.Dataset, cache: CountingCache, tmp_path: Path
) -> None:
    add_own_labels(dataset, tmp_path)
    options = random_options(segments_field="truth", own_segments=True)
    ids = dataset.values("truth.detections.id")

    report = analyze(dataset, options, cache=cache)

    assert report.counts["attributed"] == COUNT
    assert "segmenter.segment" not in cache.counts
    assert dataset.values("truth.detections.id") == ids
    for sample in dataset:
        cat, second, box = sample.truth.detections
        assert [cat.label, second.label, box.label] == ["cat", "a.b$c", "box"]
        assert cat.size == 3
        assert [cat.area, second.area, box.area] == pytest.approx([0.25, 0.5, 0.25])
        assert len(cat.word_scores) == len(sample.caption_words)
        assert cat.mask.shape == (7, 7)
        assert box.mask is None
    assert analyze(dataset, options, cache=cache).skipped == COUNT
