"""The saved workspace, views and colors."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo

from fiftyone_capviz.curation.app import workspace
from fiftyone_capviz.curation.app.workspace import (
    LEAST_COVERED,
    WORKSPACE,
    captions_space,
    embeddings_panel_params,
    find_panel,
    open_workspace,
    recolor_params,
    remove_workspace,
    save_workspace,
)
from fiftyone_capviz.curation.dataset.names import CaptionFields
from tests.worlds.analysed import add_captions, analysed_dataset


def test_every_leaf_has_its_active_child(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    save_workspace(dataset)
    space = dataset.load_workspace(WORKSPACE)
    assert space.orientation == "horizontal"
    samples, middle, right = space.children
    assert right.orientation == "vertical"
    leaves = [samples, middle, *right.children]
    panels = [leaf.children[0] for leaf in leaves]
    assert [panel.type for panel in panels] == [
        "Samples",
        "word_graph",
        "Embeddings",
        "segment_gallery",
    ]
    assert [leaf.active_child for leaf in leaves] == [p.component_id for p in panels]


def test_panels_can_share_a_leaf_as_tabs() -> None:
    space = captions_space(("Samples", "word_graph", "Embeddings+segment_gallery"))
    last = space.children[-1]
    assert [panel.type for panel in last.children] == ["Embeddings", "segment_gallery"]
    assert last.active_child == last.children[0].component_id


def test_the_least_covered_view_is_live_and_sorted(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    save_workspace(dataset)
    dataset.set_values("caption_coverage", [0.9, 0.4, 0.1, None, 0.5])
    assert dataset.load_saved_view(LEAST_COVERED).values("caption_coverage") == [0.1, 0.4]


def test_saving_twice_changes_nothing(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    save_workspace(dataset, words=["wolf", "snow"])
    before = dataset.app_config.to_dict()
    save_workspace(dataset, words=["wolf", "snow"])
    after = dataset.app_config.to_dict()
    for config in (before, after):
        config["color_scheme"].pop("_id", None)
    assert after == before
    assert dataset.list_workspaces() == [WORKSPACE]
    assert dataset.list_saved_views() == [LEAST_COVERED]


def test_colors_follow_the_words_and_leave_other_fields_alone(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    mine = {"path": "ground_truth", "fieldColor": "#ff00ff"}
    dataset.app_config.color_scheme = fo.ColorScheme(color_by="value", fields=[mine])
    dataset.save()
    save_workspace(dataset, words=["wolf"])
    scheme = dataset.app_config.color_scheme
    assert scheme.fields[0] == mine
    colors = {one["value"]: one["color"] for one in scheme.fields[1]["valueColors"]}
    assert scheme.fields[1]["colorByAttribute"] == "label"
    assert colors["uncovered"] == workspace.UNCOVERED_COLOR
    assert colors["not seen"] == workspace.NOT_SEEN_COLOR not in workspace.WORD_COLORS
    assert colors["wolf"] == workspace.WORD_COLORS[0]
    remove_workspace(
        dataset, CaptionFields("caption"), segments_fields=["segments"], last=True, had_colors=True
    )
    assert dataset.app_config.color_scheme.fields == [mine]


def test_dominant_words_are_found(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    save_workspace(dataset)
    colors = [one["value"] for one in dataset.app_config.color_scheme.fields[0]["valueColors"]]
    assert colors[:5] == ["uncovered", "segment", "not seen", "snow", "wolf"]


def test_fields_that_are_shown_join_those_the_user_chose(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    dataset.app_config.active_fields = fo.ActiveFields(paths=["tags"])
    dataset.save()
    save_workspace(dataset)
    shown = list(dataset.app_config.active_fields.paths)
    assert shown == ["tags", "caption", "caption_coverage", "segments"]


def test_two_caption_fields_have_two_views(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    add_captions(dataset, ["a cat"] * 5, caption_field="caption_large")
    save_workspace(dataset)
    save_workspace(dataset, caption_field="caption_large")
    assert dataset.list_saved_views() == [LEAST_COVERED, f"{LEAST_COVERED}: caption_large"]


def test_the_open_embeddings_panel_is_found() -> None:
    space = captions_space(("Samples", "Histograms+Embeddings"))
    wanted = space.children[1].children[1].component_id
    assert find_panel(space, "Embeddings") == wanted
    assert find_panel(space.to_dict(), "Embeddings") == wanted
    params = embeddings_panel_params(space, "masks", color_by="attention")
    assert params == {
        "panel_id": wanted,
        "data": {"openKey": "masks_map", "colorField": "masks.detections.attention"},
        "full_merge": True,
    }
    assert embeddings_panel_params(captions_space(("Samples",)), "masks") is None
    assert embeddings_panel_params(None) is None
    without, again = recolor_params(space, "masks")
    assert without["data"]["colorField"] is None
    assert again["data"]["colorField"] == "masks.detections.attention"
    assert recolor_params(None) == []


def test_opening_saves_the_workspace_where_it_is_missing(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)

    class Session:
        spaces: object = None

    session = Session()
    assert open_workspace(dataset, session=session) == session.spaces
    assert dataset.has_workspace(WORKSPACE)
