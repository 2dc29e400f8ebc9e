"""The analysis of a view, on real FiftyOne and real (random) models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect

from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.forecast import estimate
from fiftyone_capviz.curation.analysis.plan import existing_results
from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.curation.analysis.updates import compact
from fiftyone_capviz.curation.dataset.documents import full_masks, text_hash
from fiftyone_capviz.curation.dataset.names import UNATTRIBUTED, UNCOVERED
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.dataset.runs import active_caption, list_runs, read_run
from fiftyone_capviz.curation.dataset.store import request_stop, stop_requested
from fiftyone_capviz.errors import DatabaseError, ExistingResultsError, InputError, ModelError
from fiftyone_capviz.geometry import squash
from fiftyone_capviz.segments import owned_shares, pool_scores
from fiftyone_capviz.text.words import caption_words
from tests.worlds.random_world import CountingCache, image_dataset, random_options, raw_sample

COUNT = 5
ALONE = ("match", "attribute")


@pytest.fixture(scope="module")
def cache() -> CountingCache:
    """Models are loaded once; each test reads what it adds to the counts."""
    return CountingCache()


@pytest.fixture(autouse=True)
def _fresh_counts(cache: CountingCache) -> None:
    cache.counts.clear()


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[fo.Dataset]:
    made = image_dataset(tmp_path, COUNT)
    yield made
    if not made.deleted:
        made.delete()


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory, cache: CountingCache) -> fo.Dataset:
    """An analysed dataset that tests clone, and never change."""
    made = image_dataset(tmp_path_factory.mktemp("images"), COUNT)
    analyze(made, random_options(), cache=cache)
    return made


@pytest.fixture
def done(analysed: fo.Dataset) -> Iterator[fo.Dataset]:
    made = analysed.clone()
    yield made
    if not made.deleted:
        made.delete()


def documents(dataset: fo.Dataset) -> list[dict[str, Any]]:
    """All samples as MongoDB holds them, without time stamps."""
    found = [raw_sample(dataset, i) for i in range(len(dataset))]
    for document in found:
        for key in ("last_modified_at", "created_at", "_dataset_id", "_id"):
            document.pop(key)
    return found


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


def test_scores_are_pooled_from_the_stored_attention(analysed: fo.Dataset) -> None:
    document = raw_sample(analysed)
    sample = analysed.first()
    detections = document["segments"]["detections"]
    masks = full_masks(detections, width=64, height=64)
    attention = sample.caption_attention.astype(np.float32)
    weights = owned_shares(masks, squash(64, 64, attention.shape[-1]))

    expected = pool_scores(weights, masks.mean(axis=(1, 2)), attention)

    np.testing.assert_allclose(sample.caption_scores, expected, rtol=0.05, atol=1e-6)


def test_everything_is_declared_and_time_stamps_move(analysed: fo.Dataset) -> None:
    assert not analysed.get_dynamic_field_schema()
    for sample in analysed:
        assert sample.last_modified_at > sample.created_at


def test_a_rerun_computes_nothing(done: fo.Dataset, cache: CountingCache) -> None:
    before = documents(done)

    report = analyze(done, random_options(), cache=cache)

    assert not cache.counts
    assert report.skipped == COUNT
    assert report.counts["samples"] == COUNT
    assert documents(done) == before


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
        assert str(analysed._doc.id) not in str(documents(clone))
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


def test_samples_in_memory_see_the_results(dataset: fo.Dataset, cache: CountingCache) -> None:
    sample = dataset.first()
    analyze(dataset, random_options(), cache=cache)
    assert sample.caption == raw_sample(dataset)["caption"]


def test_another_layer_recomputes_attribution_only(
    done: fo.Dataset, cache: CountingCache, tmp_path: Path
) -> None:
    options = random_options(layer=1, existing="replace")
    report = analyze(done, options, cache=cache)

    assert cache.counts == {"matcher.encode": COUNT, "matcher.match_logits": COUNT}
    assert report.counts["attributed"] == COUNT
    assert report.counts.get("segmented", 0) == 0
    assert report.counts.get("captions", 0) == 0

    fresh = image_dataset(tmp_path, COUNT)
    analyze(fresh, options, cache=cache)
    for ours, theirs in zip(done, fresh, strict=True):
        np.testing.assert_allclose(ours.caption_scores, theirs.caption_scores, rtol=1e-5)
        np.testing.assert_array_equal(ours.caption_attention, theirs.caption_attention)
        assert ours.caption_coverage == theirs.caption_coverage
        pairs = zip(ours.segments.detections, theirs.segments.detections, strict=True)
        assert all(a.covered_by == b.covered_by and a.label == b.label for a, b in pairs)
    fresh.delete()


def test_another_configuration_is_refused_with_the_remedy(
    done: fo.Dataset, cache: CountingCache
) -> None:
    before = documents(done)
    options = random_options(layer=1, num_beams=2)

    with pytest.raises(ExistingResultsError) as caught:
        analyze(done, options, cache=cache)

    message = str(caught.value)
    assert "'caption' of 5 samples came from another configuration" in message
    assert "num_beams was 1, now 2" in message
    assert "existing='replace'" in message
    assert not cache.counts
    assert documents(done) == before
    found = existing_results(done, options)
    assert found.different == {"caption": COUNT, "attribute": COUNT}
    assert found.same == {"match": COUNT, "segment": COUNT}


def test_skip_leaves_what_is_there_and_fills_what_is_missing(
    done: fo.Dataset, cache: CountingCache, tmp_path: Path
) -> None:
    more = image_dataset(tmp_path, 1)
    done.add_samples([fo.Sample(filepath=more.first().filepath)])
    more.delete()
    before = documents(done)[:COUNT]

    report = analyze(done, random_options(layer=1, existing="skip"), cache=cache)

    assert report.skipped == COUNT
    assert cache.counts["captioner.generate"] == 1
    assert documents(done)[:COUNT] == before


def test_two_captioners_live_side_by_side(done: fo.Dataset, cache: CountingCache) -> None:
    options = random_options(caption_field="caption_long", max_new_tokens=8)
    before = done.values("caption_scores")

    analyze(done, options, cache=cache)

    assert cache.counts["captioner.generate"] == COUNT
    assert "segmenter.segment" not in cache.counts
    for old, new in zip(before, done.values("caption_scores"), strict=True):
        np.testing.assert_array_equal(old, new)
    assert active_caption(done, "segments") == "caption_long"
    sample = done.first()
    assert sample.segments.detections[0].word_scores == pytest.approx(
        sample.caption_long_scores[0].tolist()
    )
    assert analyze(done, random_options(), cache=cache).skipped == COUNT


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


def test_attribution_from_the_captioner(dataset: fo.Dataset, cache: CountingCache) -> None:
    analyze(dataset, random_options(source="lm"), cache=cache)

    assert cache.counts["captioner.token_logits"] > 0
    assert cache.counts["matcher.score"] > 0
    assert "matcher.match_logits" not in cache.counts
    assert dataset.count("caption_itm") == COUNT
    assert dataset.count("caption_attention") == COUNT


def test_the_match_score_does_not_depend_on_the_attribution(
    done: fo.Dataset, dataset: fo.Dataset, cache: CountingCache
) -> None:
    analyze(dataset, random_options(use_enc=False), cache=cache)

    assert cache.counts["matcher.score"] == COUNT
    assert dataset.values("caption_itm") == pytest.approx(done.values("caption_itm"), rel=1e-4)


def test_a_caption_edited_by_hand_is_stale_and_never_rewritten(
    done: fo.Dataset, cache: CountingCache
) -> None:
    sample = done.first()
    sample.caption = "a dog on the street"
    sample.save()

    with pytest.raises(ExistingResultsError, match=r"older text.*1 captions were edited by hand"):
        analyze(done, random_options(), cache=cache)
    report = analyze(done, random_options(existing="replace"), cache=cache)

    sample.reload()
    assert sample.caption == "a dog on the street"
    assert sample.caption_words == ["dog", "street"]
    assert sample.caption_scores.shape[1] == 2
    assert report.counts["done"] == 1
    assert "captioner.generate" not in cache.counts
    assert analyze(done, random_options(), cache=cache).skipped == COUNT


def test_an_edited_caption_that_a_new_captioner_replaces_can_be_undone(
    done: fo.Dataset, cache: CountingCache
) -> None:
    sample = done.first()
    sample.caption = "a dog on the street"
    sample.save()

    analyze(done, random_options(max_new_tokens=7, existing="replace"), cache=cache)

    sample.reload()
    assert sample.caption != "a dog on the street"
    assert [entry["caption"] for entry in sample.caption_previous] == ["a dog on the street"]
    assert sample.caption_previous[0]["method"] == "edited by hand"
    assert not done.skip(1).count("caption_previous")


def test_new_captions_leave_no_scores_of_old_words(done: fo.Dataset, cache: CountingCache) -> None:
    options = random_options(max_new_tokens=8, existing="replace")
    analyze(done, options, stages=["caption"], cache=cache)

    for sample in done:
        words = caption_words(sample.caption).words
        assert sample.caption_words == list(words)
        assert text_hash(sample.caption) == sample.caption_stages["text"]
        if sample.caption_scores is None:
            assert sample.caption_itm is None
            assert all(d.word_scores is None for d in sample.segments.detections)
        else:
            assert sample.caption_scores.shape[1] == len(words)


def test_replaced_segments_leave_no_scores_of_old_ones(
    done: fo.Dataset, cache: CountingCache
) -> None:
    options = random_options(min_area=0.08, existing="replace")
    analyze(done, options, stages=["segment"], cache=cache)

    assert done.count("caption_scores") == 0
    assert done.count("caption_itm") == COUNT
    analyze(done, options, cache=cache)
    for sample in done:
        assert len(sample.caption_scores) == len(sample.segments.detections)


def own_labels(dataset: fo.Dataset, tmp_path: Path) -> None:
    """Masks, mask files and plain boxes of a user's own, in one field."""
    from PIL import Image

    path = tmp_path / "mask.png"
    Image.fromarray(np.full((10, 10), 255, dtype=np.uint8)).save(path)
    for sample in dataset:
        sample["truth"] = fo.Detections(
            detections=[
                fo.Detection(
                    label="cat", bounding_box=[0, 0, 0.5, 0.5], mask=np.ones((7, 7), bool), size=3
                ),
                fo.Detection(label="a.b$c", bounding_box=[0.5, 0, 0.5, 1], mask_path=str(path)),
                fo.Detection(label="box", bounding_box=[0, 0.5, 0.5, 0.5]),
            ]
        )
        sample.save()


def test_own_segments_keep_their_labels_and_attributes(
    dataset: fo.Dataset, cache: CountingCache, tmp_path: Path
) -> None:
    own_labels(dataset, tmp_path)
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


def test_an_own_segment_that_was_added_is_noticed(
    dataset: fo.Dataset, cache: CountingCache, tmp_path: Path
) -> None:
    own_labels(dataset, tmp_path)
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
    own_labels(dataset, tmp_path)
    with pytest.raises(ExistingResultsError, match=r"segments of another origin.*own_segments"):
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

    analyze(dataset, options, stages=("segment", *ALONE), cache=cache)

    assert "captioner.generate" not in cache.counts
    assert dataset.values("blurb_words") == [["man", "hat"]] * COUNT
    assert dataset.count("blurb_itm") == COUNT
    assert dataset.first().blurb_scores.shape[1] == 2


def test_one_caption_of_a_list_is_scored(dataset: fo.Dataset, cache: CountingCache) -> None:
    dataset.set_values("texts", [["a dog", "a red car"]] * (COUNT - 1) + [["a bird"]])
    options = random_options(caption_field="texts", caption_index=1)

    analyze(dataset, options, stages=ALONE, cache=cache)

    words = dataset.values("texts_words")
    assert words[0] == ["red", "car"]
    assert words[-1] == ["bird"]
    assert dataset.count("texts_itm") == COUNT


def test_progress_and_report(dataset: fo.Dataset, cache: CountingCache) -> None:
    seen: list[Progress] = []
    report = analyze(dataset, random_options(batch_size=2), progress=seen.append, cache=cache)

    counted = [(p.done, p.total) for p in seen if p.stage == "samples"]
    assert counted == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert report.counts["captions"] == report.counts["matches"] == COUNT
    assert report.counts["segments"] == len(dataset.values("segments.detections.id", unwind=True))
    assert {"caption", "attribute", "segment", "total"} <= report.seconds.keys()
    assert "5 of 5 samples analysed" in report.summary()
    assert Report.from_dict(report.to_dict()) == report


def test_the_record_tells_where_results_came_from(analysed: fo.Dataset) -> None:
    record = read_run(analysed, "caption")
    assert record is not None
    assert record.state == "done"
    assert record.active
    assert record.revisions.keys() == {"captioner", "matcher", "segmenter"}
    assert (record.precision, record.device) == ("float32", "cpu")
    assert record.layer is not None
    assert record.counts["done"] == COUNT
    assert record.versions["fiftyone"] == fo.__version__
    assert record.options["num_beams"] == 1


def test_an_estimate_before_and_after_a_run(
    dataset: fo.Dataset, done: fo.Dataset, cache: CountingCache
) -> None:
    first = estimate(dataset, random_options())
    assert (first.samples, first.to_do, first.seconds) == (COUNT, COUNT, None)
    assert "after the first batch" in first.text

    nothing = estimate(done, random_options())
    assert (nothing.to_do, nothing.seconds) == (0, 0.0)
    layer = estimate(done, random_options(layer=1))
    everything = estimate(done, random_options(layer=1, max_new_tokens=4, min_area=0.1))
    assert layer.seconds is not None
    assert everything.seconds is not None
    assert layer.to_do == everything.to_do == COUNT
    assert 0 < layer.seconds < everything.seconds
    assert estimate(done, random_options(num_beams=3)).seconds is None
    assert not cache.counts


def test_the_stop_flag_ends_a_run_between_batches(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    def press(progress: Progress) -> None:
        if progress.done == 2:
            request_stop(dataset)

    report = analyze(dataset, random_options(batch_size=2), progress=press, cache=cache)

    assert report.stopped
    assert report.counts["done"] == dataset.count("caption") == 2
    record = read_run(dataset, "caption")
    assert record is not None
    assert record.state == "stopped"
    rest = analyze(dataset, random_options(), cache=cache)
    assert (rest.stopped, rest.skipped, rest.counts["done"]) == (False, 2, 3)
    assert cache.counts["captioner.generate"] == COUNT
    assert not stop_requested(dataset)


def test_a_stop_callback_is_asked(dataset: fo.Dataset, cache: CountingCache) -> None:
    report = analyze(dataset, random_options(batch_size=1), stop=lambda: True, cache=cache)
    assert report.stopped
    assert report.counts["done"] == 1


def test_ctrl_c_keeps_what_is_finished(dataset: fo.Dataset, cache: CountingCache) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done == 4:
            raise KeyboardInterrupt

    report = analyze(dataset, random_options(batch_size=2), progress=interrupt, cache=cache)

    assert report.stopped
    assert report.counts["done"] == dataset.count("caption") == 4
    assert analyze(dataset, random_options(), cache=cache).skipped == 4


def break_writes(
    monkeypatch: pytest.MonkeyPatch, name: str, failing: Callable[[int], BaseException | None]
) -> None:
    """Let the n-th bulk write to a collection fail."""
    original, calls = Collection.bulk_write, iter(range(10_000))

    def bulk_write(self: Collection, *arguments: Any, **named: Any) -> Any:
        if self.name == name:
            error = failing(next(calls))
            if error is not None:
                raise error
        return original(self, *arguments, **named)

    monkeypatch.setattr(Collection, "bulk_write", bulk_write)


def test_a_lost_database_says_what_is_stored(
    dataset: fo.Dataset, cache: CountingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = AutoReconnect("connection closed")
    name = dataset._sample_collection_name
    break_writes(monkeypatch, name, lambda call: gone if call >= 1 else None)

    with pytest.raises(DatabaseError, match=r"2 of 5 samples are stored.*run the same again"):
        analyze(dataset, random_options(batch_size=2), cache=cache)

    monkeypatch.undo()
    assert dataset.count("caption") == 2
    record = read_run(dataset, "caption")
    assert record is not None
    assert record.state == "failed"
    assert analyze(dataset, random_options(), cache=cache).counts["done"] == COUNT - 2


def test_a_sample_too_large_for_the_database_fails_alone(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    first = dataset.first().id
    size = 16 * 1024 * 1024 - 3000
    dataset.add_sample_field("ballast", fo.StringField)
    dataset._sample_collection.update_one(
        {"_id": dataset.values("_id")[0]}, {"$set": {"ballast": "x" * size}}
    )

    report = analyze(dataset, random_options(), cache=cache)

    assert report.counts["done"] == COUNT - 1
    assert [failure.sample_id for failure in report.failures] == [first]
    assert "could not be stored" in report.failures[0].message
    assert dataset[first].caption is None


def test_segments_that_change_meanwhile_are_not_mixed_up(
    dataset: fo.Dataset, cache: CountingCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_labels(dataset, tmp_path)
    first = dataset.values("_id")[0]
    options = random_options(segments_field="truth", own_segments=True)

    def pull_one(call: int) -> None:
        if call == 0:
            dataset._sample_collection.update_one(
                {"_id": first}, {"$pop": {"truth.detections": -1}}
            )

    break_writes(monkeypatch, dataset._sample_collection_name, pull_one)
    report = analyze(dataset, options, cache=cache)

    assert report.counts["done"] == COUNT - 1
    assert "changed meanwhile" in report.failures[0].message
    assert raw_sample(dataset)["truth"]["detections"][0]["label"] == "a.b$c"
    assert "word_scores" not in raw_sample(dataset)["truth"]["detections"][0]


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


def test_models_that_fail_on_everything_end_the_run(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = CountingCache()
    captioner = cache.get("captioner", random_options().captioner, device="cpu")

    def encode(pixels: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(captioner._model, "encode", encode)
    with pytest.raises(ModelError, match=r"first 3 images all failed.*mat1 and mat2.*Details"):
        analyze(dataset, random_options(), cache=cache)

    assert dataset.count("caption") == 0
    record = read_run(dataset, "caption")
    assert record is not None
    assert record.state == "failed"


def test_a_prompt_that_is_too_long_is_said_at_once(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    with pytest.raises(InputError, match="prompt"):
        analyze(dataset, random_options(prompt="man " * 600), cache=cache)
    assert dataset.count("caption") == dataset.count("capviz_error") == 0


def test_a_layer_that_the_model_lacks_is_refused(dataset: fo.Dataset, cache: CountingCache) -> None:
    with pytest.raises(InputError, match=r"layers, 0 to .*got layer=99"):
        analyze(dataset, random_options(layer=99), cache=cache)
    assert dataset.count("caption") == 0
