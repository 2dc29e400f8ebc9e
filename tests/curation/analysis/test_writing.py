"""Batches on their way to the database: what it refuses, and what changes meanwhile."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.errors import AutoReconnect

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.errors import DatabaseError
from tests.worlds.five_images import COUNT, add_own_labels, fail_bulk_writes
from tests.worlds.random_world import CountingCache, random_options, raw_sample


def test_samples_in_memory_see_the_results(dataset: fo.Dataset, cache: CountingCache) -> None:
    sample = dataset.first()
    analyze(dataset, random_options(), cache=cache)
    assert sample.caption == raw_sample(dataset)["caption"]


def test_a_lost_database_says_what_is_stored(
    dataset: fo.Dataset, cache: CountingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = AutoReconnect("connection closed")
    name = dataset._sample_collection_name
    fail_bulk_writes(monkeypatch, name, lambda call: gone if call >= 1 else None)

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
    add_own_labels(dataset, tmp_path)
    first = dataset.values("_id")[0]
    options = random_options(segments_field="truth", own_segments=True)

    def pull_one(call: int) -> None:
        if call == 0:
            dataset._sample_collection.update_one(
                {"_id": first}, {"$pop": {"truth.detections": -1}}
            )

    fail_bulk_writes(monkeypatch, dataset._sample_collection_name, pull_one)
    report = analyze(dataset, options, cache=cache)

    assert report.counts["done"] == COUNT - 1
    assert "changed meanwhile" in report.failures[0].message
    assert raw_sample(dataset)["truth"]["detections"][0]["label"] == "a.b$c"
    assert "word_scores" not in raw_sample(dataset)["truth"]["detections"][0]
