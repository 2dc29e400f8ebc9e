"""The word in focus."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from bson import ObjectId

from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.runs import RunRecord, set_active_caption, write_run
from fiftyone_capviz.curation.dataset.schema import declare_fields
from fiftyone_capviz.curation.segments import focus
from fiftyone_capviz.curation.segments.focus import focus_word, focused_word, unfocus
from fiftyone_capviz.errors import InputError
from tests.worlds.analysed import add_captions, analysed_dataset

TRICKY = ("$where", "a.b", '"quoted"', "$$segment", "it's", "女人", "👩", "<b>", "$segments")


def expected(dataset: Any, word: str) -> list[list[float]]:
    """The slow, obvious version."""
    wanted = []
    for sample in dataset:
        words = list(sample.caption_words or [])
        found = sample.segments.detections if sample.segments else []
        scores = [one.word_scores[words.index(word)] if word in words else 0.0 for one in found]
        peak = max(scores, default=0.0)
        wanted.append([max(score, 0.0) / peak if peak > 0 else 0.0 for score in scores])
    return wanted


def attention(dataset: Any) -> list[list[float | None]]:
    return [list(row or []) for row in dataset.values("segments.detections.attention")]


def different(dataset: Any) -> set[float | None]:
    return {one for row in attention(dataset) for one in row}


def test_every_segment_gets_the_score_of_the_word(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    report = focus_word(dataset, "wolf")
    assert attention(dataset) == expected(dataset, "wolf")
    assert (report.word, report.samples, report.samples_with_word) == ("wolf", 5, 2)
    assert report.segments == 20
    assert report.written
    assert focused_word(dataset) == "wolf"
    first = dataset.first()
    assert first.segments.detections[0].attention == 0.0


def test_samples_in_memory_see_the_update(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    sample = dataset.match({"caption_words": "dog"}).first()
    held = dataset[sample.id]
    focus_word(dataset, "dog")
    shares = [one.attention for one in held.segments.detections]
    assert max(shares) == 1.0
    place = list(held.caption_words).index("dog")
    scores = [one.word_scores[place] for one in held.segments.detections]
    assert [share > 0 for share in shares] == [score > 0 for score in scores]


def test_a_typed_word_finds_its_stored_form(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    assert focus_word(dataset, "Wolves ").word == "wolf"
    assert focus_word(dataset, "nowhere").samples_with_word == 0
    assert different(dataset) == {0.0}


@pytest.mark.parametrize("word", TRICKY)
def test_words_are_data(tmp_path: Path, word: str) -> None:
    dataset = analysed_dataset(tmp_path)
    sample = dataset.first()
    words = list(sample.caption_words)
    words[-1] = word
    sample.caption_words = words
    sample.save()
    report = focus_word(dataset, word)
    assert (report.word, report.samples_with_word) == (word, 1)
    assert attention(dataset) == expected(dataset, word)


def test_a_view_is_written_and_an_older_focus_outside_it_is_taken_back(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    focus_word(dataset, "wolf")
    view = dataset.take(2, seed=1)
    focus_word(view, "snow")
    inside = set(view.values("id"))
    for sample_id, row, wanted in zip(
        dataset.values("id"), attention(dataset), expected(dataset, "snow"), strict=True
    ):
        assert row == (wanted if sample_id in inside else [None] * 4)
    focus_word(dataset.skip(3), "snow")
    assert attention(dataset)[:3] == [[None] * 4] * 3


def test_a_patches_view_means_its_samples(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    patches = dataset.match({"caption_words": "dog"}).to_patches("segments")
    assert focus_word(patches, "dog").samples == 1


def test_unfocus_leaves_nothing(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    focus_word(dataset.take(2), "wolf", heatmaps=True)
    assert focus_word(dataset, None).word is None
    assert different(dataset) == {None}
    assert dataset.exists("word_heatmap").count() == 0
    assert focused_word(dataset) is None
    unfocus(dataset)


def test_heatmaps_for_the_samples_that_hold_the_word(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    report = focus_word(dataset, "wolf", heatmaps=True)
    assert report.heatmaps == 2
    with_map = dataset.exists("word_heatmap")
    assert set(with_map.values("id")) == set(dataset.match({"caption_words": "wolf"}).values("id"))
    heatmap = with_map.first().word_heatmap
    assert heatmap.map.dtype == np.uint8
    assert (heatmap.map.max(), heatmap.range) == (255, [0, 255])
    assert focus_word(dataset, "dog", heatmaps=True).heatmaps == 1
    assert dataset.exists("word_heatmap").count() == 1
    assert focus_word(dataset, "snow", heatmaps=True, heatmap_limit=1).heatmaps == 1


def test_samples_without_segments_or_words_are_no_trouble(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    dataset.add_sample(fo.Sample(filepath=str(tmp_path / "new.png")))
    sample = dataset.first()
    sample.caption_words = None
    sample.save()
    second = dataset.skip(1).first()
    second.segments = fo.Detections()
    second.save()
    nan = dataset.skip(2).first()
    nan.segments.detections[0].word_scores = [float("nan")] * 9
    nan.segments.detections[1].word_scores = None
    nan.save()
    focus_word(dataset, "wolf")
    rows = attention(dataset)
    assert rows[0] == [0.0] * 4
    assert rows[1] == []
    assert rows[2][:2] == [None, None]  # without a score nothing is known
    assert rows[-1] == []


def test_an_embeddings_panel_fetches_its_colors_again(tmp_path: Path) -> None:
    from fiftyone_capviz.curation.dataset.map_run import register_map

    dataset = analysed_dataset(tmp_path)
    ids = [one for labels in dataset.values("segments.detections.id") for one in labels]
    register_map(dataset, "segments", label_ids=ids, points=np.zeros((len(ids), 2)))
    before = dataset.get_brain_info("segments_map").timestamp
    focus_word(dataset, "wolf")
    assert dataset.get_brain_info("segments_map").timestamp > before


def test_too_many_segments_are_left_to_a_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = analysed_dataset(tmp_path)
    monkeypatch.setattr(focus, "MAX_SEGMENTS", 10)
    report = focus_word(dataset, "wolf")
    assert not report.written
    assert "narrow the view" in report.message
    assert report.filters["segments.detections.top_word"]["values"] == ["wolf"]
    assert different(dataset) == {None}
    assert focus_word(dataset.limit(1), "wolf").written


def test_what_cannot_be_focused_says_why(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    with pytest.raises(InputError, match="caption_large_words"):
        focus_word(dataset, "wolf", caption_field="caption_large")
    add_captions(dataset, ["a red car"] * 5, caption_field="caption_large", seed=3)
    with pytest.raises(InputError, match="activate_captions"):
        focus_word(dataset, "wolf")


def test_clones_and_renamed_datasets_can_be_focused(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    focus_word(dataset, "wolf")
    clone = dataset.clone()
    clone.name = f"{clone.name}-renamed"
    focus_word(clone, "snow")
    assert attention(clone) == expected(clone, "snow")
    assert attention(dataset) == expected(dataset, "wolf")
    unfocus(clone)
    assert different(clone) == {None}


@pytest.mark.slow
def test_twenty_thousand_segments_in_seconds() -> None:
    """Documents as large as real ones: a mask and 24 x 24 patch weights per segment."""
    dataset = fo.Dataset()
    rng = np.random.default_rng(0)
    blob = bytes(rng.integers(0, 255, 1500, np.uint8))
    documents = []
    for i in range(1000):
        detections = [
            {
                "_id": ObjectId(),
                "_cls": "Detection",
                "label": "x",
                "bounding_box": [0, 0, 1, 1],
                "mask": blob,
                "patch_weights": blob,
                "word_scores": rng.normal(size=6).tolist(),
            }
            for _ in range(20)
        ]
        words = [f"word{j}" for j in rng.permutation(30)[:6]]
        documents.append(
            {
                "_media_type": "image",
                "filepath": f"/nowhere/{i}.jpg",
                "_rand": 0.0,
                "caption_words": words,
                "segments": {"_cls": "Detections", "detections": detections},
            }
        )
    dataset.add_sample_field("caption_words", fo.ListField, subfield=fo.StringField)
    dataset.add_sample_field("segments", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    dataset.add_sample_field(
        "segments.detections.word_scores", fo.ListField, subfield=fo.FloatField
    )
    dataset._sample_collection.insert_many(documents)
    write_run(dataset, RunRecord("caption", "segments"))
    set_active_caption(dataset, "segments", "caption")
    started = time.perf_counter()
    report = focus_word(dataset, "word3")
    seconds = time.perf_counter() - started
    print(f"focus_word: {report.segments:,} segments in {seconds:.2f} s")
    assert report.segments == 20_000
    assert seconds < 10
    assert dataset.count("segments.detections.attention") == 20_000
    dataset.delete()


def test_a_slice_that_is_not_the_active_one_is_painted() -> None:
    dataset = fo.Dataset()
    dataset.add_group_field("group", default="left")
    declare_fields(dataset, CaptionFields("caption"), SegmentFields("segments"))
    group = fo.Group()
    for name in ("left", "right"):
        segment = fo.Detection(bounding_box=[0, 0, 1, 1], word_scores=[2.0], attention=None)
        dataset.add_sample(
            fo.Sample(
                filepath=f"{name}.png",
                group=group.element(name),
                caption_words=["wolf"],
                segments=fo.Detections(detections=[segment]),
            )
        )
    report = focus_word(dataset.select_group_slices("right"), "wolf")
    assert (report.samples, report.samples_with_word, report.segments) == (1, 1, 1)
    painted = dataset.select_group_slices(["left", "right"])
    found = dict(zip(*painted.values(["group.name", "segments.detections.attention"]), strict=True))
    assert found == {"left": [None], "right": [1.0]}
    dataset.delete()
