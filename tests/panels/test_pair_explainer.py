"""The Pair Explainer panel's events, as the App calls them; its example is what vitest reads."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.attribution.pairs.slices import patch_shares, region_weights
from fiftyone_capviz.curation.pairs import explain as pair_explainer
from fiftyone_capviz.curation.pairs import relate as pair_relation
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from panels.pair_explainer import PairExplainer
from tests.worlds.calls import Events, triggered
from tests.worlds.pair_world import CAPTIONS, SETTINGS, pair_dataset

EVENTS = Events("@capviz/capviz/pair_explainer")
run, ask = EVENTS.run, EVENTS.ask
EXAMPLE = Path(__file__).parent.parent / "payloads" / "pair_explainer.json"
COUNT = 3
FIELD = {"caption_field": CAPTIONS}
HOW = {"settings": replace(SETTINGS, layer=1).to_dict()}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = pair_dataset(tmp_path_factory.mktemp("scenes"), COUNT, name="pairs-panel")
    yield made
    made.delete()


def floats(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), "<f4")


def shape(value: Any) -> Any:
    """Keys and types, all the way down; of lists the first item."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return "number" if number else type(value)


def test_the_panel_is_on_both_surfaces() -> None:
    config = PairExplainer().config
    assert (config.name, config.surfaces) == ("pair_explainer", "grid modal")


def test_the_first_sample_opens_and_neighbors_follow(dataset: Any) -> None:
    ids = dataset.values("id")
    first = ask(dataset, "open_image", FIELD)
    assert (first["sample_id"], first["position"], first["total"]) == (ids[0], 0, COUNT)
    assert first["caption"] == dataset.first()[CAPTIONS]
    assert [one["id"] for one in first["segments"]] == [
        one.id for one in dataset.first().truth.detections
    ]
    step = {"sample_id": ids[0], "step": -1}
    assert ask(dataset, "open_image", step | FIELD)["sample_id"] == ids[-1]
    kept = {"sample_id": ids[2], "keep": True}
    assert ask(dataset, "open_image", kept | FIELD, view=dataset.limit(1))["sample_id"] == ids[0]
    patches = dataset.to_patches("truth")
    label = dataset.last().truth.detections[0].id
    found = ask(dataset, "open_image", {"sample_id": label, **FIELD}, view=patches)
    assert found["sample_id"] == ids[-1]


def test_what_is_missing_or_wrong_is_said(dataset: Any) -> None:
    empty = dataset.match({CAPTIONS: "nobody says this"})
    assert ask(dataset, "open_image", FIELD, view=empty) == {"missing": "samples"}
    assert "needs a sample" in ask(dataset, "explain", HOW)["error"]
    sample = {"sample_id": dataset.first().id, **FIELD}
    assert "with a word" in ask(dataset, "explain", sample | HOW | {"caption": " "})["error"]
    wrong = {"settings": {**HOW["settings"], "layer": 9}}
    assert "got layer=9" in ask(dataset, "explain", sample | wrong)["error"]
    wrong = {"settings": {**HOW["settings"], "encoder": "/no/folder"}}
    assert "/no/folder" in ask(dataset, "explain", sample | wrong)["error"]
    wrong = {"settings": {**HOW["settings"], "method": "ilime"}}
    other = {"other_id": dataset.last().id}
    assert "method must be" in ask(dataset, "relate", sample | wrong | other)["error"]
    assert "with a word" in ask(dataset, "relate", HOW | {"caption": "a dog"})["error"]
    assert "prompt_user_for_operation" in triggered(run(dataset, "find_mismatches"))


def test_a_pair_and_its_parts(dataset: Any) -> None:
    sample = {"sample_id": dataset.first().id, **FIELD}
    pair = ask(dataset, "explain", sample | HOW)
    words, grid = pair["words"], pair["grid"]
    maps = floats(pair["maps"]).reshape(len(words), grid, grid)
    assert [pair["caption"][one["start"] : one["end"]] for one in words] == [
        one["text"] for one in words
    ]
    assert pair["completeness_error"] < 0.01
    for one in dataset.first().truth.detections:
        cells = pair["cells"][one.id]
        assert all(0 <= r < grid and 0 <= c < grid and 0 < share <= 1 for r, c, share in cells)
        owned = sum(share for _, _, share in cells) / grid**2
        assert owned == pytest.approx(one.mask.sum() / 256**2, abs=0.01)
    typed = ask(dataset, "explain", sample | HOW | {"caption": "a dog"})
    assert [one["text"] for one in typed["words"]] == ["a", "dog"]
    plain = ask(dataset, "explain", sample | {"settings": {**HOW["settings"], "method": "icam"}})
    assert plain["exact"] is None
    assert not np.array_equal(floats(plain["maps"]), maps.ravel())


def test_relations_are_told_as_matrices(dataset: Any) -> None:
    ids = dataset.values("id")
    images = ask(dataset, "relate", {"sample_id": ids[0], "other_id": ids[1], **FIELD, **HOW})
    assert (images["rows"], images["columns"]) == (144, 144)
    assert floats(images["matrix"]).shape == (144**2,)
    captions = {"caption": "a dog", "other_caption": "a man in a hat"}
    texts = ask(dataset, "relate", captions | HOW)
    assert (texts["rows"], texts["columns"]) == (2, 5)


def test_the_example_of_the_payloads_has_their_shape(dataset: Any) -> None:
    """The example's numbers are made up; what Python sums of them is what vitest must find."""
    example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    sample = {"sample_id": dataset.first().id, **FIELD}
    found = {
        "image": ask(dataset, "open_image", FIELD),
        "pair": ask(dataset, "explain", sample | HOW),
        "relation": ask(dataset, "relate", {"caption": "a", "other_caption": "b"} | HOW),
    }
    found["pair"]["cells"] = {"s1": next(iter(found["pair"]["cells"].values()))}
    found["image"]["segments"][0]["area"] = 0.5  # drawn truth has no area
    for name, payload in found.items():
        given = {**example[name]}
        if name == "pair":  # it says that the caption was cut, and that a segment is too small
            given["notes"], payload["notes"] = [], []
            given["problems"], payload["problems"] = {}, {}
        assert shape(payload) == shape(given), name


def place_of(given: Any) -> PixelTransform:
    left, top, right, bottom = given["seen"]
    return PixelTransform(
        given["width"], given["height"], (left, top, right, bottom), given["grid"]
    )


def test_the_examples_sums() -> None:
    example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    pair, sums = example["pair"], example["sums"]
    grid, place = pair["grid"], place_of(pair)
    maps = floats(pair["maps"]).reshape(len(pair["words"]), grid, grid).astype(float)
    shares = patch_shares(region_weights(place, box=tuple(sums["box"])), place)
    assert np.allclose((maps * shares).sum(axis=(1, 2)), sums["of_box"], atol=1e-5)
    assert np.allclose(maps.sum(axis=(1, 2)), sums["of_image"], atol=1e-5)
    owned = np.zeros((grid, grid))
    for row, column, share in pair["cells"]["s1"]:
        owned[row, column] = share
    assert np.allclose((maps * owned).sum(axis=(1, 2)), sums["of_segment"], atol=1e-5)


def test_the_examples_regions() -> None:
    """What Python makes of these boxes is what vitest must make of them, messages included."""
    cases = json.loads(EXAMPLE.read_text(encoding="utf-8"))["regions"]
    assert {case["problem"] is None for case in cases} == {True, False}
    for case in cases:
        place = place_of(case)
        if case["problem"] is not None:
            with pytest.raises(InputError, match=re.escape(case["problem"])):
                region_weights(place, box=tuple(case["box"]))
            continue
        shares = patch_shares(region_weights(place, box=tuple(case["box"])), place)
        assert np.allclose(shares.ravel(), case["shares"], atol=1e-6), case["box"]


def test_a_long_wait_is_told_first_and_a_cancelled_request_ends(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((pair_explainer, "pair_wait"), (pair_relation, "images_wait")):
        monkeypatch.setattr(module, name, lambda *_: 95.0)
    ids = dataset.values("id")
    how = {"settings": {**HOW["settings"], "layer": 0, "nodes": 5}}
    asked = {"sample_id": ids[0], **FIELD, **how}
    for name, params in (("explain", asked), ("relate", asked | {"other_id": ids[1]})):
        told = ask(dataset, name, params)
        assert told == {"wait": 95.0}
    run(dataset, "cancel", {"request": "r1"})
    ended = ask(dataset, "explain", asked | {"request": "r1", "confirmed": True})
    assert "stopped on request" in ended["error"]
    assert "maps" in ask(dataset, "explain", asked | {"request": "r2", "confirmed": True})
    assert "maps" in ask(dataset, "explain", asked)  # it is kept


def test_a_change_of_the_view_is_told_by_data_never_by_state(dataset: Any) -> None:
    calls = triggered(run(dataset, "on_change_view"))
    assert calls
    assert not [one for one in calls if "state" in one]
