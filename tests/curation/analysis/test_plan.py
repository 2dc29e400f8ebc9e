"""Which samples need which stages: nothing is computed twice, overwritten or left stale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.plan import existing_results
from fiftyone_capviz.curation.dataset.names import UNATTRIBUTED
from fiftyone_capviz.curation.dataset.runs import active_caption, list_runs
from fiftyone_capviz.errors import ExistingResultsError
from tests.worlds.five_images import COUNT, add_own_labels, stored_documents
from tests.worlds.random_world import CountingCache, image_dataset, random_options


def test_a_rerun_computes_nothing(analysed_copy: fo.Dataset, cache: CountingCache) -> None:
    before = stored_documents(analysed_copy)

    report = analyze(analysed_copy, random_options(), cache=cache)

    assert not cache.counts
    assert report.skipped == COUNT
    assert report.counts["samples"] == COUNT
    assert stored_documents(analysed_copy) == before


def test_a_clone_under_another_name_is_still_done(
    analysed: fo.Dataset, cache: CountingCache
) -> None:
    clone = analysed.clone()
    clone.name = f"{clone.name}-renamed"
    try:
        assert analyze(clone, random_options(batch_size=2), cache=cache).skipped == COUNT
        assert not cache.counts
        assert list_runs(clone) == ["caption"]
        assert analysed.name not in str(clone.get_run_info("capviz_caption").config.serialize())
        assert str(analysed._doc.id) not in str(stored_documents(clone))
    finally:
        clone.delete()


def test_a_view_is_analysed_alone_and_the_rest_follows(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    view = dataset.skip(1).limit(2).select_fields("filepath")
    assert analyze(view, random_options(), cache=cache).counts["done"] == 2
    assert dataset.count("caption") == 2

    report = analyze(dataset, random_options(), cache=cache)

    assert (report.counts["done"], report.skipped) == (COUNT - 2, 2)
    assert cache.counts["captioner.generate"] == COUNT


def test_another_layer_recomputes_attribution_only(
    analysed_copy: fo.Dataset, cache: CountingCache, tmp_path: Path
) -> None:
    options = random_options(layer=1, existing="replace")
    report = analyze(analysed_copy, options, cache=cache)

    assert cache.counts == {"matcher.encode": COUNT, "matcher.match_logits": COUNT}
    assert report.counts["attributed"] == COUNT
    assert report.counts.get("segmented", 0) == 0
    assert report.counts.get("captions", 0) == 0

    fresh = image_dataset(tmp_path, COUNT)
    analyze(fresh, options, cache=cache)
    for ours, theirs in zip(analysed_copy, fresh, strict=True):
        largest = 1e-5 * np.abs(theirs.caption_scores).max()  # signed sums may cancel
        np.testing.assert_allclose(
            ours.caption_scores, theirs.caption_scores, rtol=1e-5, atol=largest
        )
        # Alone and in a whole run: float32 sums in another order, kept in float16 (steps of 1e-3).
        expected = theirs.caption_attention.astype(np.float32)
        np.testing.assert_allclose(
            ours.caption_attention, expected, rtol=2e-3, atol=1e-5 * np.abs(expected).max()
        )
        assert ours.caption_coverage == theirs.caption_coverage
        pairs = zip(ours.segments.detections, theirs.segments.detections, strict=True)
        assert all(a.covered_by == b.covered_by and a.label == b.label for a, b in pairs)
    fresh.delete()


def test_another_configuration_is_refused_with_the_remedy(
    analysed_copy: fo.Dataset, cache: CountingCache
) -> None:
    before = stored_documents(analysed_copy)
    options = random_options(layer=1, num_beams=2)

    with pytest.raises(ExistingResultsError) as caught:
        analyze(analysed_copy, options, cache=cache)

    message = str(caught.value)
    assert "'caption' of 5 samples came from another configuration" in message
    assert "num_beams was 1, now 2" in message
    assert "existing='replace'" in message
    assert not cache.counts
    assert stored_documents(analysed_copy) == before
    found = existing_results(analysed_copy, options)
    assert found.different == {"caption": COUNT, "attribute": COUNT}
    assert found.same == {"match": COUNT, "segment": COUNT}


def test_skip_leaves_what_is_there_and_fills_what_is_missing(
    analysed_copy: fo.Dataset, cache: CountingCache, tmp_path: Path
) -> None:
    more = image_dataset(tmp_path, 1)
    analysed_copy.add_samples([fo.Sample(filepath=more.first().filepath)])
    more.delete()
    before = stored_documents(analysed_copy)[:COUNT]

    report = analyze(analysed_copy, random_options(layer=1, existing="skip"), cache=cache)

    assert report.skipped == COUNT
    assert cache.counts["captioner.generate"] == 1
    assert stored_documents(analysed_copy)[:COUNT] == before


def test_two_captioners_live_side_by_side(analysed_copy: fo.Dataset, cache: CountingCache) -> None:
    options = random_options(caption_field="caption_long", max_new_tokens=8)
    before = analysed_copy.values("caption_scores")

    analyze(analysed_copy, options, cache=cache)

    assert cache.counts["captioner.generate"] == COUNT
    assert "segmenter.segment" not in cache.counts
    for old, new in zip(before, analysed_copy.values("caption_scores"), strict=True):
        np.testing.assert_array_equal(old, new)
    assert active_caption(analysed_copy, "segments") == "caption_long"
    sample = analysed_copy.first()
    assert sample.segments.detections[0].word_scores == pytest.approx(
        sample.caption_long_scores[0].tolist()
    )
    assert analyze(analysed_copy, random_options(), cache=cache).skipped == COUNT


def test_stages_run_alone(dataset: fo.Dataset, cache: CountingCache) -> None:
    options = random_options()
    analyze(dataset, options, stages=["segment"], cache=cache)
    assert not dataset.has_field("caption")
    labels = dataset.distinct("segments.detections.label")
    assert labels == [UNATTRIBUTED]

    analyze(dataset, options, stages=["caption"], cache=cache)
    assert dataset.count("caption_words") >= 0
    assert dataset.count("caption_itm") == 0
    analyze(dataset, options, stages=["match"], cache=cache)
    assert dataset.count("caption_itm") == COUNT
    analyze(dataset, options, stages=["attribute"], cache=cache)

    assert cache.counts["segmenter.segment"] == COUNT
    assert cache.counts["captioner.generate"] == COUNT
    assert UNATTRIBUTED not in dataset.distinct("segments.detections.label")
    assert analyze(dataset, options, cache=cache).skipped == COUNT


def test_a_caption_edited_by_hand_is_stale_and_never_rewritten(
    analysed_copy: fo.Dataset, cache: CountingCache
) -> None:
    sample = analysed_copy.first()
    sample.caption = "a dog on the street"
    sample.save()

    with pytest.raises(ExistingResultsError, match=r"older text.*1 captions were edited by hand"):
        analyze(analysed_copy, random_options(), cache=cache)
    report = analyze(analysed_copy, random_options(existing="replace"), cache=cache)

    sample.reload()
    assert sample.caption == "a dog on the street"
    assert sample.caption_words == ["dog", "street"]
    assert sample.caption_scores.shape[1] == 2
    assert report.counts["done"] == 1
    assert "captioner.generate" not in cache.counts
    assert analyze(analysed_copy, random_options(), cache=cache).skipped == COUNT


def test_an_own_segment_that_was_added_is_noticed(
    dataset: fo.Dataset, cache: CountingCache, tmp_path: Path
) -> None:
    add_own_labels(dataset, tmp_path)
    options = random_options(segments_field="truth", own_segments=True)
    analyze(dataset, options, cache=cache)
    sample = dataset.first()
    sample.truth.detections.append(fo.Detection(label="new", bounding_box=[0, 0, 1, 1]))
    sample.save()

    assert existing_results(dataset, options).stale == {"attribute": 1}
    analyze(dataset, replace(options, existing="replace"), cache=cache)

    sample.reload()
    assert len(sample.caption_scores) == 4
    assert sample.truth.detections[3].area == pytest.approx(1)


def test_own_segments_are_not_overwritten_unasked(
    dataset: fo.Dataset, cache: CountingCache, tmp_path: Path
) -> None:
    add_own_labels(dataset, tmp_path)
    with pytest.raises(
        ExistingResultsError,
        match=r"^Something is there already: 5.*labels of another origin, which stay.*own_segments",
    ):
        analyze(dataset, random_options(segments_field="truth"), cache=cache)

    analyze(dataset, random_options(segments_field="truth", existing="skip"), cache=cache)

    assert "segmenter.segment" not in cache.counts
    assert dataset.distinct("truth.detections.label") == ["a.b$c", "box", "cat"]


def test_own_captions_are_scored_and_not_overwritten(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    dataset.set_values("blurb", ["a man with a hat"] * COUNT)
    options = random_options(caption_field="blurb")
    with pytest.raises(ExistingResultsError, match="5 samples hold captions of another origin"):
        analyze(dataset, options, cache=cache)

    analyze(dataset, options, stages=("segment", "match", "attribute"), cache=cache)

    assert "captioner.generate" not in cache.counts
    assert dataset.values("blurb_words") == [["man", "hat"]] * COUNT
    assert dataset.count("blurb_itm") == COUNT
    assert dataset.first().blurb_scores.shape[1] == 2
