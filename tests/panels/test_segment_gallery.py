"""The Segment Gallery's events as the App calls them, and the payloads its component parses."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.operators.executor import ExecutionContext, Executor
from PIL import Image

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.app.panel_focus import set_panel_focus
from panels.payloads.segment_gallery import map_bytes, mask_png
from panels.segment_gallery import SegmentGallery
from tests.worlds.random_world import image_dataset, random_options

URI = "@capviz/capviz/segment_gallery"
EXAMPLE = Path(__file__).parent.parent / "payloads" / "segment_gallery.json"
LABELS = "fiftyone.core.stages.MatchLabels"
SELECT = "fiftyone.core.stages.Select"


def run(dataset: Any, name: str, params: dict[str, Any] | None = None, **request: Any) -> Any:
    """Call an event or a hook; the whole result, with what it triggered."""
    panel = {"panel_id": "p1", "panel_state": {}, "__method__": name}
    return foo.execute_operator(
        URI, {"dataset": dataset, "params": panel | (params or {}), **request}
    )


def ask(dataset: Any, name: str, params: dict[str, Any] | None = None, **request: Any) -> Any:
    """The answer that the component gets."""
    return run(dataset, name, params, **request).result


def shown(payload: dict[str, Any]) -> set[str]:
    return {card["label_id"] for card in payload["cards"]}


def test_draw_answers_with_cards_of_the_view(dataset: Any) -> None:
    payload = ask(dataset, "draw", {"seed": 1, "size": 6})
    assert payload["problem"] is None
    assert payload["scope"] == {"kind": "view", "words": [], "total": 20, "covered": 0}
    assert len(payload["cards"]) == 6
    assert payload == ask(dataset, "draw", {"seed": 1, "size": 6})
    assert shown(payload) != shown(ask(dataset, "draw", {"seed": 2, "size": 6}))
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload


def test_draw_follows_the_word_in_focus(dataset: Any) -> None:
    focus = set_panel_focus(dataset, ["wolf"])
    payload = ask(dataset, "draw", {"size": 48})
    assert payload["focus_version"] == focus.version
    assert payload["scope"]["kind"] == "focus"
    assert payload["scope"]["words"] == ["wolf"]
    assert payload["scope"]["total"] == len(payload["cards"]) > 0
    for card in payload["cards"]:
        assert card["reading"]["scores"][card["words"].index("wolf")] > 0
    everything = ask(dataset, "draw", {"size": 48, "all": True})
    assert everything["scope"] == {"kind": "view", "words": ["wolf"], "total": 20, "covered": 0}


def test_draw_follows_the_view_the_filters_and_the_lasso(dataset: Any) -> None:
    view = dataset.limit(1)
    wanted = set(view.values("segments.detections.id")[0])
    assert shown(ask(dataset, "draw", {"size": 48}, view=view)) == wanted
    one = next(iter(wanted))
    lasso = {LABELS: {"ids": [one], "fields": "segments"}}
    payload = ask(dataset, "draw", {"size": 48}, extended=lasso)
    assert payload["scope"]["kind"] == "lasso"
    assert shown(payload) == {one}
    only = {"segments.detections.top_word": {"values": ["wolf"], "exclude": False}}
    found = ask(dataset, "draw", {"size": 48}, filters=only)
    assert 0 < found["scope"]["total"] < 20
    assert {card["label"] for card in found["cards"]} == {"wolf"}


def test_the_graphs_own_selection_is_no_lasso(dataset: Any) -> None:
    ids = dataset.match(fo.ViewField("caption_words").contains("wolf")).values("id")
    set_panel_focus(dataset, ["wolf"], sample_ids=ids)
    own = {SELECT: {"sample_ids": ids}}
    before = ask(dataset, "draw")
    after = ask(dataset, "draw", extended=own)
    assert after["scope"]["kind"] == "focus"
    assert after["version"] == before["version"]
    other = ask(dataset, "draw", extended={SELECT: {"sample_ids": ids[:1]}})
    assert other["scope"]["kind"] == "lasso"
    assert other["version"] != before["version"]


@pytest.mark.parametrize("hook", ["on_load", "on_change_extended_selection", "on_change_dataset"])
def test_hooks_tell_the_version_that_draw_tells(dataset: Any, hook: str) -> None:
    lasso = {LABELS: {"ids": dataset.values("segments.detections.id")[0][:2]}}
    versions = set()
    for extended in (None, lasso):
        requests = run(dataset, hook, extended=extended).executor._requests
        told = [one.params for one in requests if one.operator_uri == "patch_panel_data"]
        assert len(told) == 1
        version = told[0]["data"]["scope_version"]
        assert version == ask(dataset, "draw", extended=extended)["version"]
        versions.add(version)
    assert len(versions) == 2


def test_a_hook_never_fails(dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr("fiftyone_capviz.curation.app.lasso.user_lasso", broken)
    ctx = ExecutionContext(request_params={"dataset_name": dataset.name}, executor=Executor())
    SegmentGallery().on_change_extended_selection(ctx)


def test_no_analysis_no_segments_no_words(dataset: Any) -> None:
    empty = fo.Dataset()
    assert ask(empty, "draw")["problem"] == "no_analysis"
    empty.delete()
    assert ask(dataset, "draw", view=dataset.limit(0))["problem"] == "no_segments"
    dataset.set_values("caption_attention", [None] * len(dataset))
    payload = ask(dataset, "draw")
    assert payload["problem"] == "no_words"
    assert payload["cards"]


def test_errors_are_answers(dataset: Any) -> None:
    set_panel_focus(dataset, ["wolf"], caption_field="nothing")
    assert "nothing" in ask(dataset, "draw")["error"]
    assert "color" in ask(dataset, "recolor", {"by": "id", "segments_field": "segments"})["error"]


def test_recolor_answers_with_what_colors_the_open_plot(dataset: Any) -> None:
    params = {"by": "entropy", "segments_field": "segments"}
    assert "Embeddings" in ask(dataset, "recolor", params)["error"]
    spaces = fo.Space(children=[fo.Panel(type="Embeddings", component_id="e1")])
    steps = ask(dataset, "recolor", params, spaces=spaces.to_dict())["recolor"]
    assert [one["data"]["colorField"] for one in steps] == [None, "segments.detections.entropy"]
    assert {one["panel_id"] for one in steps} == {"e1"}


def test_analyze_opens_the_form(dataset: Any) -> None:
    requests = run(dataset, "analyze").executor._requests
    prompts = [one for one in requests if one.operator_uri == "prompt_user_for_operation"]
    assert prompts[0].params["operator_uri"] == "@capviz/capviz/analyze_captions"


def test_methods_are_known_without_a_model(dataset: Any) -> None:
    payload = ask(dataset, "methods", {"caption_field": "caption"})
    assert set(payload) == {"itm", "lm"}
    assert all(one["model"] == "scenes" and one["layers"] > 1 for one in payload.values())


def test_bytes_of_maps_are_signed_and_near() -> None:
    maps = np.random.default_rng(0).normal(size=(3, 4, 4)).astype(np.float32) * 1e-5
    maps[2] = 0
    peaks, text = map_bytes(maps)
    sent = np.frombuffer(base64.b64decode(text), np.int8).reshape(maps.shape)
    back = sent.astype(float) / 127 * np.array(peaks)[:, None, None]
    assert np.abs(back - maps).max() <= np.abs(maps).max() / 254 * 1.01
    assert peaks[2] == 0


def test_a_mask_is_transparent_outside() -> None:
    mask = np.zeros((5, 7), bool)
    mask[1:3, 2:6] = True
    with Image.open(io.BytesIO(base64.b64decode(mask_png(mask)))) as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert ((alpha == 255) == mask).all()
    assert set(np.unique(alpha)) == {0, 255}


def test_the_example_has_the_form_of_real_answers(tmp_path: Path) -> None:
    """The component's tests parse the file; delete it to have it written anew."""
    dataset = image_dataset(tmp_path, 2)
    dataset.set_values("caption", ["a man with a red hat", "a dog in the snow"])
    stages = ("match", "segment", "attribute")
    analyze(dataset, random_options(), stages=stages)
    set_panel_focus(dataset, ["hat"])
    gallery = ask(dataset, "draw", {"size": 2})
    fields = {"caption_field": "caption", "segments_field": "segments"}
    pairs = [[card["sample_id"], card["label_id"]] for card in gallery["cards"]]
    choice = {"source": "lm", "method": "cross_attention", "layer": None, "head": 1}
    made = {
        "gallery": gallery,
        "methods": ask(dataset, "methods", fields),
        "readings": ask(dataset, "read", {"cards": pairs, **fields, **choice}),
    }
    dataset.delete()
    text = json.dumps(made, allow_nan=False, indent=1)
    for card in gallery["cards"]:
        text = text.replace(card["filepath"], "/images/one.png")
    for folder in {made["methods"][kind]["model"] for kind in ("itm", "lm")}:
        text = text.replace(folder, "scenes")
    if not EXAMPLE.exists():
        EXAMPLE.write_text(text + "\n", encoding="utf-8")
    stored = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert form(json.loads(text)) == form(stored)
    assert stored["gallery"]["cards"]
    assert stored["readings"]["readings"]


def form(value: Any) -> Any:
    """Names and types of a payload; entries under ids and in lists are all of one form."""
    if isinstance(value, dict):
        if value and all(len(key) == 24 for key in value):
            return {"id": form(next(iter(value.values())))}
        return {key: form(each) for key, each in value.items()}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__
