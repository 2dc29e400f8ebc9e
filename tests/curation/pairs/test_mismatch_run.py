"""Pairs explained batch by batch: nothing twice, errors told, a stop that keeps what is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from fiftyone_capviz.curation.dataset.names import ERROR_FIELD, ERROR_PREFIX
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.pairs.mismatches import mismatch_view, save_mismatch_view
from fiftyone_capviz.curation.pairs.runs import read_pair_run
from fiftyone_capviz.errors import InputError
from tests.worlds.mismatches import COUNT, LAST, NAMES, find
from tests.worlds.pair_world import CAPTIONS, models


def test_equal_pairs_and_images_are_computed_once(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = dataset.first()
    for number, sample in enumerate(dataset):
        sample.filepath = first.filepath
        sample[CAPTIONS] = ("a wolf in the snow", "a bird on the sand")[number % 2]
        sample.save()
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    seen: list[tuple[str, int]] = []

    def counting(name: str) -> None:
        real = getattr(encoder, name)

        def told(batch: Any, **options: Any) -> Any:
            sides = real(batch, **options)
            seen.append((name, len(sides)))
            return sides

        monkeypatch.setattr(encoder, name, told)

    counting("image_side")
    counting("text_side")
    assert find(dataset).explained == COUNT
    assert sorted(seen) == [("image_side", 1), ("text_side", 2)]
    assert len({tuple(one) for one in dataset.values(NAMES.totals)}) == 2
    seen.clear()
    assert find(dataset, settings=replace(LAST, layer=0), existing="replace").explained == COUNT
    assert sum(count for name, count in seen if name == "image_side") == 2


def test_what_cannot_be_explained_is_told_and_the_rest_goes_on(dataset: Any) -> None:
    view = dataset.limit(4)
    samples = list(view)
    samples[0][CAPTIONS] = None
    samples[1].filepath = "/nowhere.png"
    samples[2][CAPTIONS] = "!!!"
    for sample in samples:
        sample.save()
    report = find(view)
    assert (report.samples, report.explained, report.captionless) == (3, 1, 1)
    assert [one.filepath for one in report.failures] == ["/nowhere.png", samples[2].filepath]
    for sample, failure in zip(samples[1:3], report.failures, strict=True):
        assert dataset[sample.id][ERROR_FIELD] == ERROR_PREFIX + failure.message
    assert "2 failed" in report.summary()
    assert "1 without a caption" in report.summary()
    assert report.to_dict()["explained"] == 1


@pytest.mark.parametrize("reason", ["emptied", "unreadable"])
def test_results_go_where_nothing_stands_behind_them(dataset: Any, reason: str) -> None:
    find(dataset.limit(6))
    save_mismatch_view(dataset, find(dataset.limit(6)))
    sample = mismatch_view(dataset, CAPTIONS).first()
    sample = dataset[sample.id]
    icam = replace(LAST, method="icam")
    if reason == "emptied":
        sample[CAPTIONS] = "  "
        sample.save()
        report = find(dataset.limit(6))
        assert (report.emptied, report.explained) == (1, 0)
        assert sample[ERROR_FIELD] is None
    else:
        sample.filepath = "/nowhere.png"
        sample.save()
        report = find(dataset.limit(6), settings=icam, existing="replace")
        assert len(report.failures) == 1
        assert sample[ERROR_FIELD].startswith(ERROR_PREFIX)
    assert [sample[path] for path in NAMES.paths] == [None] * len(NAMES.paths)
    assert "pair" not in (sample[NAMES.stages] or {})
    name = save_mismatch_view(dataset, report)
    shown = [] if name is None else dataset.load_saved_view(name).values("id")
    assert sample.id not in shown
    assert len(shown) == report.mismatched


def test_errors_of_other_stages_stay_and_ours_go(dataset: Any) -> None:
    sample, other = dataset.first(), dataset.skip(1).first()
    image = sample.filepath
    find(dataset.limit(1))
    dataset.set_values(ERROR_FIELD, ["The mask file is missing."] * COUNT)
    dataset.reload()
    other_error = dataset[other.id][ERROR_FIELD]
    sample = dataset.first()
    sample.filepath = "/nowhere.png"
    sample[CAPTIONS] = "a wolf"
    sample.save()
    find(dataset.limit(2))
    assert dataset[other.id][ERROR_FIELD] == other_error
    first, second = dataset.first()[ERROR_FIELD].split("\n")
    assert first == other_error
    assert second.startswith(ERROR_PREFIX)
    sample.filepath = image
    sample.save()
    noted = dataset.first().last_modified_at
    find(dataset.limit(1))
    assert dataset.first()[ERROR_FIELD] == other_error
    assert isinstance(noted, datetime)
    assert dataset.first().last_modified_at > noted


def test_it_stops_on_request_and_goes_on(dataset: Any) -> None:
    told: list[Progress] = []
    report = find(dataset, stop=lambda: bool(told and told[-1].done), progress=told.append)
    assert report.stopped
    assert "Stopped on request" in report.summary()
    assert (report.explained, told[-1].done, told[-1].total) == (16, 16, COUNT)
    assert told[0].done == 0
    assert all("about" in one.label for one in told)
    run = read_pair_run(dataset, CAPTIONS)
    assert run is not None
    assert run.state == "stopped"
    rest = find(dataset)
    assert (rest.explained, rest.skipped) == (COUNT - 16, 16)


def test_settings_that_fail_only_at_work_end_the_run(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")

    def refuse(tokens: Any, **options: Any) -> Any:
        raise InputError("The tokenizer belongs to another model.")

    monkeypatch.setattr(encoder, "text_side", refuse)
    with pytest.raises(InputError, match="another model"):
        find(dataset)
    run = read_pair_run(dataset, CAPTIONS)
    assert run is not None
    assert (run.state, run.counts["failed"]) == ("failed", 0)
    assert dataset.values(ERROR_FIELD) == [None] * COUNT
    monkeypatch.undo()
    find(dataset.limit(4))
    earlier = read_pair_run(dataset, CAPTIONS)
    monkeypatch.setattr(encoder, "text_side", refuse)
    with pytest.raises(InputError, match="another model"):
        find(dataset, settings=replace(LAST, method="icam"), existing="replace")
    assert read_pair_run(dataset, CAPTIONS) == earlier
