"""Words that speak against their image: planted ones are found, and shown in a view."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file

from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.curation.dataset.before import BEFORE as KEY
from fiftyone_capviz.curation.dataset.before import state_before
from fiftyone_capviz.curation.dataset.names import SIDEBAR_GROUP, PairFields
from fiftyone_capviz.curation.dataset.runs import RunRecord, write_run
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.pairs.mismatches import (
    find_mismatches,
    mismatch_view,
    save_mismatch_view,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.images import open_image
from tests.worlds.dual_encoders import load_small
from tests.worlds.mismatches import COUNT, LAST, NAMES, find
from tests.worlds.pair_world import CAPTIONS, SETTINGS, models


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


def test_an_earlier_saved_view_goes_when_nothing_is_left(dataset: Any) -> None:
    name = save_mismatch_view(dataset, find(dataset))
    assert name is not None
    dataset.set_values(CAPTIONS, [None] * COUNT)
    with_one = dataset.first()
    with_one[CAPTIONS] = "the of a"
    with_one.save()
    assert save_mismatch_view(dataset, find(dataset)) is None
    assert not dataset.has_saved_view(name)


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
