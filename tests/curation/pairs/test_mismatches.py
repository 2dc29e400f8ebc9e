"""Words that speak against their image: planted ones are found, and a rerun does nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file

from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.curation.dataset.before import BEFORE as KEY
from fiftyone_capviz.curation.dataset.before import state_before
from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    ERROR_PREFIX,
    SIDEBAR_GROUP,
    PairFields,
)
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.dataset.runs import RunRecord, list_runs, write_run
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.pairs.mismatches import (
    find_mismatches,
    mismatch_view,
    save_mismatch_view,
)
from fiftyone_capviz.curation.pairs.plan import estimate_pairs
from fiftyone_capviz.curation.pairs.runs import read_pair_run
from fiftyone_capviz.errors import ExistingResultsError, InputError
from fiftyone_capviz.images import open_image
from tests.worlds.dual_encoders import load_small
from tests.worlds.pair_world import CAPTIONS, SETTINGS, models, pair_dataset

COUNT = 18
NAMES = PairFields(CAPTIONS)
LAST = replace(SETTINGS, layer=1)
"""The last layer: closed forms, quick."""


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
    settings = options.pop("settings", LAST)
    found = find_mismatches(collection, settings, caption_field=CAPTIONS, cache=models(), **options)
    collection._root_dataset.reload()
    return found


@pytest.mark.parametrize(("layer", "count"), [(1, 4), (0, 2)])
def test_totals_are_what_words_add_to_the_score(dataset: Any, layer: int, count: int) -> None:
    """Summed here from the rows of the model's own pieces, CLS included."""
    settings = replace(SETTINGS, layer=layer)
    report = find(dataset.limit(count), settings=settings)
    assert (report.samples, report.explained, report.skipped) == (count, count, 0)
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    mismatched = 0
    for sample in dataset.limit(count):
        alone = explain_pair(encoder, open_image(sample.filepath), sample[CAPTIONS], layer=layer)
        rows = alone.matrix.astype(float).sum(axis=(1, 2)) + alone.cls
        assert rows.sum() == pytest.approx(alone.exact, abs=2 * alone.completeness_error + 1e-5)
        expected = []
        for spans in alone.words.spans:
            inside = [
                sum(
                    row
                    for row, (a, b) in zip(rows, alone.pieces, strict=True)
                    if a < end and b > start
                )
                for start, end in spans
            ]
            expected.append(sum(inside) / len(inside))
        assert sample[NAMES.words] == list(alone.words.words)
        assert np.allclose(sample[NAMES.totals], expected, atol=1e-5)
        assert sample[NAMES.score] == pytest.approx(alone.score, abs=1e-5)
        assert sample[NAMES.error] == pytest.approx(alone.relative_error, abs=1e-4)
        totals = dict(zip(sample[NAMES.words], sample[NAMES.totals], strict=True))
        against = [w for w, t in totals.items() if t < -alone.completeness_error - 1e-6]
        assert sample[NAMES.mismatches] == sorted(against, key=totals.__getitem__)
        mismatched += bool(against)
    assert report.mismatched == mismatched
    assert dataset.skip(count).values(NAMES.score) == [None] * (COUNT - count)


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
    changed = find(dataset)
    assert (changed.explained, changed.stale) == (1, 1)
    assert "1 were explained anew because their caption had changed" in changed.summary()
    assert dataset.first()[NAMES.words] == ["wolf", "snow"]
    named = replace(LAST, dtype="auto", device="auto")
    assert find(dataset, settings=named).explained == 0
    assert find(dataset, existing="replace").explained == 0


def test_results_of_other_settings_are_replaced_or_kept_only_on_request(dataset: Any) -> None:
    icam = replace(LAST, method="icam")
    find(dataset.limit(12))
    before = dataset.values(NAMES.totals)
    with pytest.raises(ExistingResultsError) as refused:
        find(dataset.limit(8).skip(4), settings=icam)
    message = str(refused.value)
    assert "4 samples of this view were explained by Second-order at layer 1" in message
    assert "8 samples outside it" in message
    assert "existing='replace'" in message
    with pytest.raises(ExistingResultsError, match="12 samples outside it"):
        find(dataset.skip(12), settings=icam)
    assert dataset.values(NAMES.totals) == before
    with pytest.raises(InputError, match="got 'all'"):
        find(dataset, existing="all")

    kept = find(dataset.limit(14).skip(8), settings=icam, existing="skip")
    assert (kept.explained, kept.samples) == (2, 6)
    assert dataset.limit(12).values(NAMES.totals) == before[:12]
    assert list(kept.others.values()) == [12]
    assert "12 other samples keep results of Second-order at layer 1" in kept.summary()

    replaced = find(dataset.limit(8), settings=icam, existing="replace")
    assert (replaced.explained, list(replaced.others.values())) == (8, [4])
    assert all(
        now != was for now, was in zip(dataset.values(NAMES.totals), before[:8], strict=False)
    )
    found = mismatch_view(dataset, CAPTIONS)
    assert set(found.values("id")) <= set(dataset.limit(14).values("id")) - set(
        dataset.limit(12).skip(8).values("id")
    )
    whole = find(dataset, settings=icam, existing="replace")
    assert (whole.explained, whole.skipped, whole.others) == (8, 10, {})
    run = read_pair_run(dataset, CAPTIONS)
    assert run is not None
    assert run.earlier == {}


def test_the_run_says_where_the_results_came_from(dataset: Any) -> None:
    find(dataset.limit(3))
    run = read_pair_run(dataset, CAPTIONS)
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    assert run is not None
    assert (run.encoder, run.revision) == ("scenes", encoder.revision)
    assert (run.method, run.layer, run.text_layer, run.nodes) == ("second_order", 1, 0, 8)
    assert (run.precision, run.device, run.state) == ("float32", "cpu", "done")
    assert (run.counts["explained"], run.counts["failed"]) == (3, 0)
    assert {"torch", "fiftyone-capviz"} <= set(run.versions)
    assert dataset.distinct(NAMES.hash) == [run.hash]
    assert list_runs(dataset) == []


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


def test_an_earlier_saved_view_goes_when_nothing_is_left(dataset: Any) -> None:
    name = save_mismatch_view(dataset, find(dataset))
    assert name is not None
    dataset.set_values(CAPTIONS, [None] * COUNT)
    with_one = dataset.first()
    with_one[CAPTIONS] = "the of a"
    with_one.save()
    assert save_mismatch_view(dataset, find(dataset)) is None
    assert not dataset.has_saved_view(name)


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


def test_captions_that_were_cut_are_told(dataset: Any) -> None:
    sample = dataset.first()
    sample[CAPTIONS] = " ".join(["a red bird on the sand"] * 20)
    sample.save()
    for report in (find(dataset.limit(3)), find(dataset.limit(3))):
        assert report.cut == 1
        assert "1 captions were cut at the model's limit" in report.summary()
    assert "left out" in dataset.first()[NAMES.notes][0]
    assert dataset.skip(1).first()[NAMES.notes] == []


def small_open_clip(folder: Path) -> str:
    """The name of a random open_clip model of a few thousand weights."""
    open_clip = pytest.importorskip("open_clip", reason="open_clip is not installed")
    image = {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8}
    text = {"context_length": 16, "vocab_size": 49408, "width": 24, "heads": 3, "layers": 2}
    config = {"embed_dim": 24, "vision_cfg": image, "text_cfg": text}
    (folder / "tiny-for-mismatches.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / "tiny-for-mismatches.json")
    made = open_clip.create_model("tiny-for-mismatches", pretrained=None, load_weights=False)
    path = folder / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in made.state_dict().items()}, path)
    return f"open_clip:tiny-for-mismatches={path}"


@pytest.mark.parametrize("kind", ["siglip", "blip", "open_clip"])
def test_other_families_of_encoders_are_explained_too(
    dataset: Any, tmp_path: Path, kind: str
) -> None:
    spec = str(tmp_path)
    if kind == "open_clip":
        spec = small_open_clip(tmp_path)
    else:
        load_small(kind, tmp_path)
    settings = replace(SETTINGS, encoder=spec)
    report = find(dataset.limit(3), settings=settings)
    assert (report.explained, report.failures) == (3, [])
    encoder = models().get("encoder", spec, device="cpu", dtype="float32")
    sample = dataset.first()
    alone = explain_pair(encoder, open_image(sample.filepath), sample[CAPTIONS])
    expected = alone.word_maps.astype(float).sum(axis=(1, 2)) + alone.word_cls
    assert np.allclose(sample[NAMES.totals], expected, atol=1e-5)


def test_the_estimate_counts_what_is_to_do_and_knows_the_pace(dataset: Any) -> None:
    dataset.set_values(CAPTIONS, ["", None, *dataset.values(CAPTIONS)[2:]])
    ilime = replace(LAST, method="ilime")
    told = estimate_pairs(dataset, ilime, caption_field=CAPTIONS)
    assert (told.to_do, told.seconds, told.conflict) == (COUNT - 2, None, "")
    assert "a thousand passes" in told.text
    assert (
        "many passes"
        in estimate_pairs(dataset, replace(LAST, layer=0), caption_field=CAPTIONS).text
    )
    find(dataset.limit(6))
    told = estimate_pairs(dataset, LAST, caption_field=CAPTIONS)
    assert told.to_do == COUNT - 6
    assert "12 of 16 captions are explained (4 are done already, 2 samples have no caption)" in (
        told.text
    )
    run = read_pair_run(dataset, CAPTIONS)
    assert run is not None
    assert told.seconds == pytest.approx(run.seconds / 4 * 12)
    other = estimate_pairs(dataset, ilime, caption_field=CAPTIONS, existing="replace")
    assert (other.to_do, other.seconds) == (COUNT - 2, None)
    assert "4 samples of this view were explained by Second-order" in other.conflict
    find(dataset)
    assert estimate_pairs(dataset, LAST, caption_field=CAPTIONS).text.startswith("0 of 16")


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
    assert NAMES.run_key in deleted.runs
    assert not dataset.has_run(NAMES.run_key)
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
    with pytest.raises(InputError, match="float16 needs a GPU"):
        find(dataset, settings=replace(SETTINGS, dtype="float16"))
    with pytest.raises(InputError, match="sums up cosines"):
        find(dataset, settings=replace(SETTINGS, method="itsm_output"))
    with pytest.raises(InputError, match="holds text"):
        find_mismatches(dataset, SETTINGS, caption_field="truth", cache=models())
    with pytest.raises(InputError, match="at least one sample"):
        find(dataset.match({CAPTIONS: "nobody says this"}))
    assert not dataset.has_field(NAMES.score)
    assert not dataset.has_run(NAMES.run_key)


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


def test_of_a_list_of_captions_the_chosen_one_is_explained(dataset: Any) -> None:
    view = dataset.limit(2)
    view.set_values("several", [["a dog", "a wolf in the snow"], ["a cat"]])
    names = PairFields("several")
    for index, words in ((None, ["dog"]), (1, ["wolf", "snow"])):
        report = find_mismatches(
            view, LAST, caption_field="several", caption_index=index, cache=models()
        )
        dataset.reload()
        assert report.explained == 2 - (index or 0)
        assert dataset.first()[names.words] == words
    with pytest.raises(InputError, match="caption_index"):
        find_mismatches(view, LAST, caption_field="several", caption_index=-1, cache=models())
