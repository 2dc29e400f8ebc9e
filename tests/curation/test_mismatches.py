"""Words that speak against their image: planted ones are found, and a rerun does nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.attribution.pair_attribution import explain_pair
from fiftyone_capviz.curation.before import KEY, state_before
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.fields import SIDEBAR_GROUP
from fiftyone_capviz.curation.mismatches import (
    find_mismatches,
    mismatch_view,
    save_mismatch_view,
)
from fiftyone_capviz.curation.pair_fields import PairFields
from fiftyone_capviz.curation.report import Progress
from fiftyone_capviz.curation.runs import RunRecord, write_run
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.images import open_image
from tests.curation.pair_world import CAPTIONS, SETTINGS, models, pair_dataset

COUNT = 18
NAMES = PairFields(CAPTIONS)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = pair_dataset(tmp_path_factory.mktemp("scenes"), COUNT, name="pairs-many", seed=9_000)
    yield made
    made.delete()


@pytest.fixture
def dataset(scenes: Any) -> Iterator[Any]:
    clone = scenes.clone()
    yield clone
    clone.delete()


def find(collection: Any, **options: Any) -> Any:
    settings = options.pop("settings", SETTINGS)
    found = find_mismatches(collection, settings, caption_field=CAPTIONS, cache=models(), **options)
    collection._root_dataset.reload()
    return found


def test_totals_are_those_of_the_explanation(dataset: Any) -> None:
    report = find(dataset.limit(4))
    assert (report.samples, report.explained, report.skipped) == (4, 4, 0)
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    mismatched = 0
    for sample in dataset.limit(4):
        alone = explain_pair(encoder, open_image(sample.filepath), sample[CAPTIONS])
        expected = alone.word_maps.astype(float).sum(axis=(1, 2))
        assert sample[NAMES.words] == list(alone.words.words)
        assert np.allclose(sample[NAMES.totals], expected, atol=1e-5)
        assert sample[NAMES.score] == pytest.approx(alone.score, abs=1e-5)
        assert sample[NAMES.error] == pytest.approx(alone.relative_error, abs=1e-4)
        against = {w for w, t in zip(alone.words.words, sample[NAMES.totals], strict=True) if t < 0}
        assert set(sample[NAMES.mismatches]) == against
        mismatched += bool(against)
    assert report.mismatched == mismatched
    assert dataset.skip(4).values(NAMES.score) == [None] * (COUNT - 4)


def test_planted_words_get_less_than_true_ones(dataset: Any) -> None:
    """Some captions speak of a bird and a boat that their scenes do not show."""
    shown = [one for one in dataset if {"bird", "boat"} & set(one[CAPTIONS].split())]
    absent = [one for one in dataset if one not in shown][: len(shown)]
    for sample in absent:
        sample[CAPTIONS] = "a bird and a boat"
        sample.save()
    chosen = [one.id for one in (*shown, *absent)]
    find(dataset.select(chosen), settings=replace(SETTINGS, layer=1))

    def totals_of(samples: list[Any]) -> Any:
        view = dataset.select([one.id for one in samples])
        rows = zip(*view.values([NAMES.words, NAMES.totals]), strict=True)
        named = [
            (word, total)
            for words, totals in rows
            for word, total in zip(words, totals, strict=True)
        ]
        return np.array([total for word, total in named if word in ("bird", "boat")])

    true, false = totals_of(shown), totals_of(absent)
    assert len(true) >= 4
    assert np.median(false) < np.median(true)
    assert np.mean(false < 0) > np.mean(true < 0)


def test_a_rerun_skips_and_a_changed_caption_is_explained_again(dataset: Any) -> None:
    first = find(dataset)
    again = find(dataset)
    assert (again.explained, again.skipped) == (0, COUNT)
    assert (again.mismatched, again.words) == (first.mismatched, first.words)
    sample = dataset.first()
    sample[CAPTIONS] = "a wolf in the snow"
    sample.save()
    assert find(dataset).explained == 1
    assert dataset.first()[NAMES.words] == ["wolf", "snow"]
    assert find(dataset.limit(2), settings=replace(SETTINGS, layer=1)).explained == 2
    assert find(dataset.limit(2), replace=True).explained == 2


def test_what_cannot_be_explained_is_told_and_the_rest_goes_on(dataset: Any) -> None:
    view = dataset.limit(3)
    samples = list(view)
    samples[0][CAPTIONS] = None
    samples[1].filepath = "/nowhere.png"
    for sample in samples:
        sample.save()
    report = find(view)
    assert (report.samples, report.explained, report.captionless) == (2, 1, 1)
    assert [one.filepath for one in report.failures] == ["/nowhere.png"]
    assert dataset[samples[1].id].capviz_error == report.failures[0].message
    assert "1 failed" in report.summary()
    assert "1 without a caption" in report.summary()
    assert report.to_dict()["explained"] == 1


def test_it_stops_on_request_and_goes_on(dataset: Any) -> None:
    told: list[Progress] = []
    report = find(dataset, stop=lambda: bool(told), progress=told.append)
    assert report.stopped
    assert "Stopped on request" in report.summary()
    assert (report.explained, told[-1].done) == (16, 16)
    rest = find(dataset)
    assert (rest.explained, rest.skipped) == (COUNT - 16, 16)


def test_the_view_holds_the_samples_and_deleting_leaves_no_trace(dataset: Any) -> None:
    before = set(dataset.get_field_schema())
    report = find(dataset)
    view = mismatch_view(dataset, CAPTIONS)
    assert len(view) == report.mismatched > 0
    assert all(view.values(NAMES.mismatches))
    name = save_mismatch_view(dataset, report)
    assert name is not None
    assert len(dataset.load_saved_view(name)) == report.mismatched
    groups = {one.name: one.paths for one in dataset.app_config.sidebar_groups}
    assert NAMES.mismatches in groups[SIDEBAR_GROUP]
    deleted = delete_analysis(dataset, CAPTIONS)
    assert name in deleted.views
    dataset.reload()
    assert set(dataset.get_field_schema()) == before
    assert dataset.first()[CAPTIONS]


def test_deleting_an_analysis_takes_pairs_away_that_were_explained_before_it(dataset: Any) -> None:
    before = set(dataset.get_field_schema())
    find(dataset)
    noted = state_before(dataset, caption_field=CAPTIONS, segments_field="segments")
    write_run(dataset, RunRecord(CAPTIONS, "segments", extra={KEY: noted}))
    delete_analysis(dataset, CAPTIONS)
    dataset.reload()
    assert set(dataset.get_field_schema()) == before
    assert dataset.first()[CAPTIONS]


def test_wrong_input_is_refused_before_anything_is_written(dataset: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got layer=9"):
        find(dataset, settings=replace(SETTINGS, layer=9))
    with pytest.raises(InputError, match="holds text"):
        find_mismatches(dataset, SETTINGS, caption_field="truth", cache=models())
    with pytest.raises(InputError, match="at least one sample"):
        find(dataset.match({CAPTIONS: "nobody says this"}))
    assert not dataset.has_field(NAMES.score)
