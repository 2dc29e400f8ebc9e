"""Another caption field takes over the segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.curation.dataset.runs import active_caption
from fiftyone_capviz.curation.segments.active import activate_captions
from fiftyone_capviz.curation.segments.focus import focus_word
from fiftyone_capviz.errors import InputError
from tests.worlds.analysed import add_captions, analysed_dataset

LARGE = ("a man with a hat", "a red dress", "a lone wolf at night", "grass", "")
PATHS = ("coverage", "covered_by", "top_word", "entropy", "word_scores", "label")


def attributes(dataset: Any) -> list[list[Any]]:
    values = dataset.values([f"segments.detections.{name}" for name in PATHS])
    return [list(value) for value in values]


def two_captions(folder: Path, **arguments: Any) -> Any:
    dataset = analysed_dataset(folder, **arguments)
    add_captions(dataset, LARGE, caption_field="caption_large", seed=7)
    return dataset


def test_activating_there_and_back_restores_every_attribute(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    before = attributes(dataset)
    add_captions(dataset, LARGE, caption_field="caption_large", seed=7)
    large = attributes(dataset)
    assert large != before
    report = activate_captions(dataset, "caption")
    assert attributes(dataset) == before
    assert active_caption(dataset, "segments") == "caption"
    assert (report.samples, report.segments, report.skipped) == (5, 20, 0)
    activate_captions(dataset, "caption_large")
    assert attributes(dataset) == large


def test_the_attributes_are_those_of_the_stored_scores(tmp_path: Path) -> None:
    dataset = two_captions(tmp_path)
    activate_captions(dataset, "caption")
    for sample in dataset:
        expected = measure_coverage(sample.caption_scores)
        for i, one in enumerate(sample.segments.detections):
            assert one.coverage == expected.counts[i]
            words = [sample.caption_words[int(w)] for w in expected.covered_by[i]]
            assert one.covered_by == words
            assert one.top_word == (words[0] if words else None)
            assert one.label == (words[0] if words else "uncovered")
            assert one.word_scores == pytest.approx(sample.caption_scores[i].tolist())


def test_labels_of_the_user_are_kept(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    sample = dataset.first()
    sample.segments.detections[0].label = "my hat"
    sample.save()
    add_captions(dataset, LARGE, caption_field="caption_large", seed=7)
    activate_captions(dataset, "caption")
    assert dataset.first().segments.detections[0].label == "my hat"


def test_labels_of_own_segments_are_never_touched(tmp_path: Path) -> None:
    labels = ("wolf", "uncovered", "person", "segment")
    dataset = two_captions(tmp_path, own_labels=labels)
    activate_captions(dataset, "caption")
    assert dataset.values("segments.detections.label") == [list(labels)] * 5
    assert dataset.count("segments.detections.coverage") == 20


def test_scores_that_do_not_fit_the_segments_empty_the_attributes(tmp_path: Path) -> None:
    dataset = two_captions(tmp_path)
    sample = dataset.first()
    sample.caption_scores = None
    sample.save()
    report = activate_captions(dataset, "caption")
    assert (report.samples, report.skipped) == (4, 1)
    sample = dataset.first()
    assert {one.coverage for one in sample.segments.detections} == {None}
    assert {one.label for one in sample.segments.detections} == {"segment"}
    activate_captions(dataset, "caption_large")
    assert dataset.first().segments.detections[0].coverage is not None


def test_the_word_in_focus_goes(tmp_path: Path) -> None:
    dataset = two_captions(tmp_path)
    activate_captions(dataset, "caption")
    focus_word(dataset, "wolf")
    activate_captions(dataset, "caption_large")
    assert dataset.count("segments.detections.attention") == 0
    assert focus_word(dataset, "wolf", caption_field="caption_large").samples_with_word == 1


def test_a_field_without_scores_is_refused(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    with pytest.raises(InputError, match="attribute_words"):
        activate_captions(dataset, "other")
    with pytest.raises(InputError, match="FiftyOne keeps"):
        activate_captions(dataset, "filepath")
