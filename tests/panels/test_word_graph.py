"""The Word Graph's events as the App calls them, and the payloads that its component reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest

from fiftyone_capviz.curation.app.panel_focus import focus_version, panel_focus, set_panel_focus
from tests.worlds.analysed import analysed_dataset

URI = "@capviz/capviz/word_graph"
SELECT = "fiftyone.core.stages.Select"
CAPTIONS = (
    "a man holding a fish",
    "a woman in a red dress",
    "a wolf standing in the snow",
    "a dog on the grass",
    "a wolf in the snow",
    "a dog in the grass and a red ball",
)


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    made = analysed_dataset(tmp_path, captions=CAPTIONS)
    yield made
    made.delete()


def ask(dataset: Any, event: str, *, view: Any = None, **request: Any) -> Any:
    """Result and the App's operators that the event called, as (name, params)."""
    params = {"panel_id": "p1", "panel_state": {}, "__method__": event, **request.pop("params", {})}
    target = {"dataset": dataset} if view is None else {"view": view}
    result = foo.execute_operator(URI, {**target, "params": params, **request})
    called = [(one.operator_uri, one.params) for one in result.executor._requests]
    return result.result, called


def graph(dataset: Any, **request: Any) -> dict[str, Any]:
    found: dict[str, Any] = ask(dataset, "graph", **request)[0]
    return found


def shape(value: Any) -> Any:
    """Keys and types of a payload; of a list its first entry's."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__


def test_the_payload_is_as_the_component_reads_it(dataset: Any, repository: Path) -> None:
    example = json.loads((repository / "tests/payloads/word_graph.json").read_text("utf-8"))
    label = [fo.Classification(label="wolf" if "wolf" in one else "other") for one in CAPTIONS]
    dataset.set_values("kind", label)
    field = {"caption_field": "caption"}
    sides = {"path": "kind.label", "a": "wolf", "b": "other"}
    found = {
        "graph": graph(dataset),
        "focus": ask(dataset, "focus", params={"words": ["dog"], **field})[0],
        "values": ask(dataset, "comparison_values", params={"path": "kind.label"})[0],
        "compare": ask(dataset, "compare", params={**sides, **field})[0],
        "export": ask(dataset, "export", params={"kind": "csv_words", **field})[0],
    }
    found["paint"] = ask(dataset, "paint", params={"version": found["focus"]["version"]})[0]
    assert json.loads(json.dumps(found)) == found, "only what JSON holds"
    assert {name: filled(shape(found[name]), shape(one)) for name, one in example.items()} == {
        name: shape(one) for name, one in example.items()
    }


def filled(found: Any, example: Any) -> Any:
    """The found shape; where a list of it is empty, the example's entry stands in."""
    if isinstance(found, dict) and isinstance(example, dict):
        return {key: filled(each, example.get(key)) for key, each in found.items()}
    if isinstance(found, list) and isinstance(example, list):
        if not found or not example:
            return example
        return [filled(found[0], example[0])]
    if example == "NoneType" or found == "NoneType":
        return example
    return found


def test_the_graph_counts_the_view_and_not_the_panels_own_selection(dataset: Any) -> None:
    whole = graph(dataset)
    assert whole["words"][0]["word"] in ("dog", "grass", "red", "snow", "wolf")
    assert (whole["samples"], whole["documents"], whole["lasso"]) == (6, 6, None)
    part = graph(dataset, view=dataset.match({"caption_words": "wolf"}))
    assert {one["word"] for one in part["words"]} == {"wolf", "snow", "standing"}
    assert part["key"] != whole["key"]
    ids = dataset.values("id")[:2]
    set_panel_focus(dataset, ["man"], sample_ids=ids)
    selecting = {"extended": {SELECT: {"sample_ids": ids}}}
    own = graph(dataset, **selecting)
    assert (own["words"], own["focus"]) == (whole["words"], ["man"])
    lasso = graph(dataset, extended={SELECT: {"sample_ids": ids[:1]}})
    assert (lasso["lasso"], lasso["focus"]) == (1, [])
    assert {one["word"] for one in lasso["words"]} == {"man", "holding", "fish"}


def test_the_sidebars_filters_are_followed(dataset: Any) -> None:
    filters = {"caption_words": {"values": ["dog"], "exclude": False, "isMatching": True}}
    assert {one["word"] for one in graph(dataset, filters=filters)["words"]} == {
        "dog",
        "grass",
        "red",
        "ball",
    }


def test_a_patches_view_means_its_samples(dataset: Any) -> None:
    patches = dataset.match({"caption_words": "man"}).to_patches("segments")
    assert {one["word"] for one in graph(dataset, view=patches)["words"]} == {
        "man",
        "holding",
        "fish",
    }
    reply, called = ask(
        dataset, "focus", view=patches, params={"words": ["man"], "caption_field": "caption"}
    )
    assert reply["samples"] == 1
    assert dict(called)["set_extended_selection"]["selection"] == patches.values("id")


def test_a_word_in_focus_narrows_the_grid_and_tells_the_other_panels(dataset: Any) -> None:
    gallery = fo.Panel(type="segment_gallery")
    spaces = fo.Space(children=[fo.Panel(type="Samples"), gallery]).to_dict()
    wanted = dataset.match({"caption_words": "wolf"}).values("id")
    reply, called = ask(
        dataset, "focus", spaces=spaces, params={"words": ["wolf"], "caption_field": "caption"}
    )
    assert (reply["samples"], reply["total"], reply["together"]) == (2, 6, True)
    assert dict(called)["set_extended_selection"]["selection"] == wanted
    notice = {"panel_id": gallery.component_id, "data": {"focus_version": reply["version"]}}
    assert ("patch_panel_data", notice) in called
    focus = panel_focus(dataset)
    assert focus is not None
    assert (focus.words, focus.sample_ids) == (("wolf",), tuple(wanted))
    assert reply["pairs"]["together"][0]["b"] == "wolf"


def test_painting_colors_an_open_plot(dataset: Any) -> None:
    plot = fo.Panel(type="Embeddings")
    spaces = fo.Space(children=[fo.Panel(type="Samples"), plot]).to_dict()
    asked = {"words": ["wolf"], "caption_field": "caption"}
    version = ask(dataset, "focus", params=asked)[0]["version"]
    done = ask(dataset, "paint", spaces=spaces, params={"version": version})[0]
    colors = [one["data"]["colorField"] for one in done["recolor"]]
    assert colors == [None, "segments.detections.attention"]
    dataset.reload()
    assert max(dataset.values("segments.detections.attention", unwind=True)) > 0
    reply, called = ask(
        dataset,
        "unfocus",
        extended={SELECT: {"sample_ids": list(panel_focus(dataset).sample_ids)}},  # type: ignore[union-attr, arg-type]
    )
    assert dict(called)["set_extended_selection"]["reset"] is True
    back = ask(dataset, "paint", spaces=spaces, params={"version": reply["version"]})[0]
    assert back["recolor"][-1]["data"]["colorField"] == "segments.detections.coverage"
    assert panel_focus(dataset) is None


def test_a_word_in_focus_that_was_not_read_is_told(dataset: Any) -> None:
    dataset.add_sample_field("caption_unread", fo.ListField, subfield=fo.StringField)
    dataset.set_values("caption_unread", [[], [], ["wolf"], ["dog"], [], []])
    asked = {"words": ["wolf"], "caption_field": "caption"}
    told = ask(dataset, "focus", params=asked)[0]["message"]
    assert told.startswith("“wolf” is in 2 of 6 captions. In 1 of them it lies beyond")
    read = ask(dataset, "focus", params=asked | {"words": ["snow"]})[0]["message"]
    assert read == "“snow” is in 2 of 6 captions."


def test_a_users_lasso_is_not_taken_away_with_the_focus(dataset: Any) -> None:
    ask(dataset, "focus", params={"words": ["wolf"], "caption_field": "caption"})
    ids = dataset.values("id")
    _, called = ask(dataset, "unfocus", extended={SELECT: {"sample_ids": ids[:1]}})
    assert "set_extended_selection" not in dict(called)


def test_a_reload_lets_go_of_the_word(dataset: Any) -> None:
    ask(dataset, "focus", params={"words": ["wolf"], "caption_field": "caption"})
    assert graph(dataset)["focus"] == []
    assert panel_focus(dataset) is not None
    opened = graph(dataset, params={"fresh": True})
    assert panel_focus(dataset) is None
    # The component paints with it, so that the word's colors go too.
    assert opened["cleared"] == focus_version(dataset)
    assert "cleared" not in graph(dataset, params={"fresh": True})


def test_a_focus_that_the_app_has_not_told_of_yet_is_taken_away_too(dataset: Any) -> None:
    ask(dataset, "focus", params={"words": ["wolf"], "caption_field": "caption"})
    _, called = ask(dataset, "unfocus")
    assert dict(called)["set_extended_selection"]["reset"] is True


def test_the_menu_offers_no_field_that_an_analysis_made(dataset: Any) -> None:
    for name in ("caption_steered", "notes"):
        dataset.add_sample_field(name, fo.StringField)
    assert graph(dataset)["caption_fields"] == ["caption", "notes"]


def test_a_dataset_without_captions_says_what_to_do() -> None:
    dataset = fo.Dataset()
    try:
        dataset.add_sample(fo.Sample(filepath="nowhere.png"))
        assert "Analyze captions" in graph(dataset)["empty"]
        assert ask(dataset, "analyze")[1][0][0] == "prompt_user_for_operation"
    finally:
        dataset.delete()


def test_another_caption_field_can_be_chosen(dataset: Any) -> None:
    dataset.add_sample_field("notes", fo.ListField, subfield=fo.StringField)
    dataset.set_values("notes", [["two zebras", "a zebra"]] * len(dataset))
    found = graph(dataset, params={"caption_field": "notes"})
    assert found["caption_field"] == "notes"
    assert found["caption_fields"][0] == "caption"
    assert {one["word"] for one in found["words"]} == {"two", "zebra"}
    assert sum(found["scores"]) == 0


def test_errors_are_answers_and_not_the_end_of_the_panel(dataset: Any) -> None:
    field = {"caption_field": "caption"}
    assert "unicorn" in ask(dataset, "focus", params={"words": ["unicorn"], **field})[0]["error"]
    assert "no_field" in ask(dataset, "comparison_values", params={"path": "no_field"})[0]["error"]
    assert "xls" in ask(dataset, "export", params={"kind": "xls", **field})[0]["error"]
    assert "error" in ask(dataset, "focus", params={"words": ["wolf"], "caption_field": None})[0]


def test_a_hook_tells_the_component_and_never_fails(dataset: Any) -> None:
    for hook in ("on_load", "on_change_extended_selection", "on_change_dataset"):
        _, called = ask(dataset, hook)
        sent = [params for name, params in called if "panel_data" in name]
        assert sent, hook
        assert "scope" in json.dumps(sent[0])


def test_html_in_a_caption_is_only_text(dataset: Any) -> None:
    sample = dataset.first()
    sample.caption = "<img src=x onerror=alert(1)> fish"
    sample.save()
    words = [one["word"] for one in graph(dataset)["words"]]
    assert {"img", "onerror", "alert", "fish"} <= set(words)


def test_a_stop_word_leaves_the_graph_and_undo_brings_it_back(dataset: Any) -> None:
    before = graph(dataset)
    field = {"caption_field": "caption"}
    set_panel_focus(dataset, ["dog"])
    done, called = ask(dataset, "stop_word", params={"word": "dog", **field})
    assert "“dog” added" in done["message"]
    assert panel_focus(dataset) is None
    names = [name.rpartition("/")[2] for name, _ in called]
    assert "set_extended_selection" in names, "the grid is given back"
    after = graph(dataset)
    assert after["stop_words"] == ["dog"]
    words = {one["word"] for one in before["words"]}
    assert {one["word"] for one in after["words"]} == words - {"dog"}
    assert after["key"] != before["key"]
    ask(dataset, "undo_stop_words", params=field)
    again = graph(dataset)
    assert again["words"] == before["words"]
    assert again["stop_words"] == []
    assert "error" in ask(dataset, "undo_stop_words", params=field)[0]
