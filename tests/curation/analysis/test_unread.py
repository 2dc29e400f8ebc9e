"""Captions longer than a model reads: what was not read is unknown, and is told."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.plan import check_run
from fiftyone_capviz.curation.analysis.remarks import remarks
from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.curation.dataset.names import CaptionFields
from fiftyone_capviz.curation.dataset.runs import RunRecord, read_run, write_run
from fiftyone_capviz.curation.export.files import export_captions
from fiftyone_capviz.curation.gallery.cards import read_cards
from fiftyone_capviz.curation.gallery.methods import method_result
from fiftyone_capviz.curation.gallery.pool import segments_of_words
from fiftyone_capviz.curation.segments.focus import focus_word, write_heatmaps
from fiftyone_capviz.curation.steering.accept import accept_captions
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.steering import Recipe
from fiftyone_capviz.settings.words import WordMethod
from fiftyone_capviz.text.words import caption_words
from tests.worlds.random_world import CountingCache, image_dataset, random_options, raw_sample

LONG = " ".join(["a red car and a gray wolf"] * 7) + " with two dogs on the snow"
UNREAD = ("two", "dog", "snow")
SHORT = "a dog in the snow"
FIELDS: Any = {"caption_field": "caption", "segments_field": "segments"}
STAGES = ("match", "segment", "attribute")
"""The random matcher reads 40 tokens, of which two are special."""


@pytest.fixture(scope="module")
def models() -> CountingCache:
    return CountingCache()


@pytest.fixture(scope="module")
def reported(
    tmp_path_factory: pytest.TempPathFactory, models: CountingCache
) -> Iterator[tuple[fo.Dataset, Report]]:
    made = image_dataset(tmp_path_factory.mktemp("long"), 2)
    made.set_values("caption", [LONG, SHORT])
    yield made, analyze(made, random_options(), stages=STAGES, cache=models)
    made.delete()


@pytest.fixture
def dataset(reported: tuple[fo.Dataset, Report]) -> Iterator[fo.Dataset]:
    made = reported[0].clone()
    yield made
    made.delete()


def test_unread_words_stay_and_have_no_numbers(dataset: fo.Dataset) -> None:
    words = list(caption_words(LONG).words)
    assert dataset.values("caption_words")[0] == words
    assert tuple(words[-3:]) == UNREAD
    unread = [w in UNREAD for w in words]
    assert dataset.values("caption_unread") == [list(UNREAD), []]
    sample = dataset.first()
    assert (np.isnan(sample.caption_attention).all(axis=(1, 2)) == unread).all()
    assert np.isnan(sample.caption_scores[:, unread]).all()
    assert np.isfinite(sample.caption_scores[:, ~np.array(unread)]).all()
    for segment in raw_sample(dataset)["segments"]["detections"]:
        assert [each is None for each in segment["word_scores"]] == unread
        assert not set(segment["covered_by"]) & set(UNREAD)
        assert segment["coverage"] is not None
    assert 0 <= sample.caption_coverage <= 1


def test_it_is_told_in_the_report_and_in_the_run(
    reported: tuple[fo.Dataset, Report],
) -> None:
    dataset, report = reported
    assert report.counts["captions_unread"] == report.counts["matches_cut"] == 1
    assert report.counts["words_unread"] == 3
    (told,) = [note for note in report.notes if "caption_unread lists them" in note]
    assert told.startswith("3 words of 1 captions lie beyond the token limit of the matcher")
    assert told in report.summary()
    record = read_run(dataset, "caption")
    assert record is not None
    assert record.notes == report.notes
    assert record.counts["words_unread"] == 3


@pytest.mark.parametrize(("path", "prefix"), [("vlm.response", ""), ("caption", "mine")])
def test_the_note_names_the_field_that_lists_them(path: str, prefix: str) -> None:
    options = random_options(caption_field=path, derived_prefix=prefix)
    (told,) = remarks({"captions_unread": 1, "words_unread": 3}, options)
    assert f" {CaptionFields(path, prefix).unread} lists them" in told


def test_focus_takes_an_unread_word_for_unknown(dataset: fo.Dataset) -> None:
    found = focus_word(dataset, "dog", heatmaps=True)
    assert (found.samples_with_word, found.unread, found.heatmaps) == (2, 1, 1)
    assert "In 1 of them it lies beyond what the model reads." in found.message
    first, second = dataset.values("segments.detections.attention")
    assert set(first) == {None}
    assert max(second) == 1
    assert write_heatmaps(dataset, "snow", [dataset.first().id]) == 0
    pool = segments_of_words(dataset, ["dog"], **FIELDS)
    assert dataset.first().id not in pool.sample_ids


def test_the_gallery_tells_it_for_every_method(dataset: fo.Dataset, models: CountingCache) -> None:
    asked = [(dataset.first().id, one.id) for one in dataset.first().segments.detections]
    places = [i for i, w in enumerate(caption_words(LONG).words) if w in UNREAD]
    stored = read_cards(dataset, asked, **FIELDS)
    other = method_result(
        dataset, asked, WordMethod("itm", "cross_attention", 3), **FIELDS,
        options=random_options(), cache=models,
    )  # fmt: skip
    for reading in [*(one.reading for one in stored), *other.readings.values()]:
        assert reading is not None
        assert list(reading.unread) == places
        assert np.isnan(reading.scores[places]).all()
        assert reading.seen
        assert reading.coverage == len(reading.covered_by)


def test_exports_tell_it(dataset: fo.Dataset, tmp_path: Path) -> None:
    made = json.loads(export_captions(dataset, tmp_path / "c.json").read_text("utf-8"))
    assert [one["unread"] for one in made["samples"]] == [list(UNREAD), []]
    path = export_captions(dataset, tmp_path / "c.csv", format="csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["unread"] for row in rows] == ["two dog snow", ""]
    assert [row["segments_not_seen"] for row in rows] == ["0", "0"]


def test_an_accepted_caption_is_read_anew(dataset: fo.Dataset, models: CountingCache) -> None:
    view = dataset.limit(1)
    options = random_options()
    steer_captions(view, Recipe(prompt="a dog"), options=options, cache=models)
    accept_captions(view, options=options, cache=models)
    dataset.reload()
    sample = dataset.first()
    assert sample.caption_unread == []
    assert np.isfinite(sample.caption_scores).all()


def test_grad_cam_of_the_last_layer_is_refused_before_anything(
    dataset: fo.Dataset, models: CountingCache
) -> None:
    last = random_options(layer=3, existing="replace")
    with pytest.raises(InputError, match=r"zero for every word at layer 3, its last.*layer 2, or"):
        analyze(dataset, last, stages=("attribute",), cache=models)
    with pytest.raises(InputError, match="cross_attention"):
        check_run(dataset, last, ("attribute",))
    card = [(dataset.first().id, dataset.first().segments.detections[0].id)]
    with pytest.raises(InputError, match="Choose layer 2"):
        method_result(
            dataset, card, WordMethod(layer=3), **FIELDS, options=random_options(), cache=models
        )
    # The captioner's last layer writes the words, and attention alone has no gradient.
    for options in (
        random_options(source="lm", layer=2),
        random_options(method="cross_attention", layer=3),
    ):
        check_run(dataset, options, ("attribute",))


def test_captions_that_ran_to_the_limit_are_counted(tmp_path: Path, models: CountingCache) -> None:
    made = image_dataset(tmp_path, 3)
    report = analyze(made, random_options(max_new_tokens=2), stages=("caption",), cache=models)
    words = [len(text.split()) for text in made.values("caption")]
    assert report.counts["captions_at_limit"] == 3, words
    (told,) = report.notes
    assert told.startswith("3 of 3 captions ran to the limit of 2 new tokens")
    assert "max_new_tokens=4" in told
    steered = steer_captions(made, Recipe(prompt="a"), options=random_options(), cache=models)
    assert steered.at_limit == 3
    assert "ran to the limit" in steered.summary()
    made.delete()


def test_missing_scores_load_where_numbers_were_declared(
    tmp_path: Path, models: CountingCache
) -> None:
    """As version 0.1.0 declared them; FiftyOne loads no missing entry of a list of numbers."""
    made = image_dataset(tmp_path, 1)
    made.set_values("caption", [LONG])
    made.add_sample_field("segments", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    path = "segments.detections.word_scores"
    made.add_sample_field(path, fo.ListField, subfield=fo.FloatField)
    write_run(made, RunRecord("caption", "segments"))  # by whose notes the field is ours
    analyze(made, random_options(), stages=STAGES, cache=models)
    made.add_dynamic_sample_fields()
    made.reload()
    assert made.first().segments.detections[0].word_scores[-1] is None
    made.delete()


def test_real_long_captions(shared_data: Path, tmp_path: Path, models: CountingCache) -> None:
    """Two captions of other models, of some 200 words: 38 pieces of each are read."""
    captions: dict[str, Any] = json.loads(
        (shared_data / "field" / "long_captions.json").read_text("utf-8")
    )
    made = image_dataset(tmp_path, len(captions))
    made.set_values("caption", list(captions.values()))
    report = analyze(made, random_options(), stages=STAGES, cache=models)
    assert report.counts["captions_unread"] == len(captions)
    for sample in made:
        words, unread = sample.caption_words, set(sample.caption_unread)
        assert words == list(caption_words(sample.caption).words)
        gone = np.isnan(sample.caption_attention).all(axis=(1, 2))
        assert [w in unread for w in words] == gone.tolist()
        # In caption order: whatever is read stands before what is not.
        assert gone.tolist() == sorted(gone.tolist())
        assert 0 < gone.sum() < len(words)
    made.delete()
