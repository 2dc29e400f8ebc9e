"""What panels tell each other of the words in focus, and what of it they recognise."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
from bson import ObjectId

from fiftyone_capviz.curation.app.lasso import user_lasso
from fiftyone_capviz.curation.app.panel_focus import (
    OWN_SELECTIONS,
    clear_panel_focus,
    focus_notices,
    focus_version,
    is_own_selection,
    panel_focus,
    selected_samples,
    set_panel_focus,
)
from fiftyone_capviz.curation.app.panel_scope import (
    base_view,
    panel_scope,
    samples_of_labels,
    scope_key,
)

SELECT = "fiftyone.core.stages.Select"
MATCH_LABELS = "fiftyone.core.stages.MatchLabels"


def selecting(ids: list[str]) -> dict[str, Any]:
    return {"extended": {SELECT: {"sample_ids": ids, "ordered": False}}}


def test_a_focus_is_kept_for_all_panels(dataset: Any) -> None:
    assert panel_focus(dataset) is None
    assert focus_version(dataset) == 0
    ids = dataset.values("id")[:2]
    focus = set_panel_focus(dataset, ["wolf", "snow"], sample_ids=ids)
    assert focus == panel_focus(fo.load_dataset(dataset.name))
    assert focus.words == ("wolf", "snow")
    assert focus.sample_ids == tuple(ids)
    assert (focus.caption_field, focus.segments_field) == ("caption", "segments")
    assert (focus.version, focus_version(dataset)) == (1, 1)


def test_every_change_has_a_version_of_its_own(dataset: Any) -> None:
    versions = [set_panel_focus(dataset, ["wolf"]).version, clear_panel_focus(dataset)]
    assert panel_focus(dataset) is None
    versions.append(set_panel_focus(dataset, ["wolf"]).version)
    assert versions == [1, 2, 3]


def test_words_are_data(dataset: Any) -> None:
    words = ["$where", "a.b", "it's", "女人"]
    set_panel_focus(dataset, words)
    focus = panel_focus(dataset)
    assert focus is not None
    assert list(focus.words) == words


def test_the_panel_knows_its_own_selections(dataset: Any) -> None:
    first, second = dataset.values("id")[:2], dataset.values("id")[2:4]
    set_panel_focus(dataset, ["wolf"], sample_ids=first)
    set_panel_focus(dataset, ["snow"], sample_ids=second)
    assert is_own_selection(dataset, list(reversed(second)))
    assert is_own_selection(dataset, first), "the App tells of it late"
    assert not is_own_selection(dataset, first + second)
    clear_panel_focus(dataset)
    assert is_own_selection(dataset, first)
    for _ in range(OWN_SELECTIONS):
        set_panel_focus(dataset, ["x"], sample_ids=[str(ObjectId())])
    assert not is_own_selection(dataset, first)


def test_a_lasso_is_told_from_the_panels_own_selection(dataset: Any) -> None:
    ids = dataset.values("id")
    set_panel_focus(dataset, ["wolf"], sample_ids=ids[:2])
    assert selected_samples(selecting(ids[:2])) == ids[:2]
    assert selected_samples({}) is None
    assert user_lasso(dataset, selecting(ids[:2])) is None
    lasso = user_lasso(dataset, selecting(ids[1:4]))
    assert lasso is not None
    assert lasso.sample_ids == tuple(ids[1:4])


def test_the_scope_changes_with_what_the_user_does_only(dataset: Any) -> None:
    ids = dataset.values("id")
    set_panel_focus(dataset, ["wolf"], sample_ids=ids[:2])
    plain = scope_key(dataset, {})
    assert scope_key(dataset, {"view": [], "filters": {}, "extended": {}}) == plain
    assert scope_key(dataset, selecting(ids[:2])) == plain
    assert scope_key(dataset, selecting(ids[:3])) != plain
    assert scope_key(dataset, selecting(ids[:3])) == scope_key(dataset, selecting(ids[2::-1]))
    view = {"view": dataset.limit(2)._serialize()}
    assert scope_key(dataset, view) not in (plain, scope_key(dataset, selecting(ids[:3])))


def test_the_scope_is_view_and_filters_and_in_them_the_lasso(dataset: Any) -> None:
    ids = dataset.values("id")
    whole = panel_scope(dataset, {})
    assert (whole.ids, whole.lasso, whole.shown) == (None, None, None)
    filters = {"caption_coverage": {"_CLS": "float", "range": [0.5, 1.0], "exclude": False}}
    kept = dataset.match({"caption_coverage": {"$gte": 0.5}}).values("id")
    assert panel_scope(dataset, {"filters": filters}).ids == tuple(kept)
    assert len(base_view(dataset, {"filters": filters})) == len(kept)
    labels = dataset.skip(1).limit(2).values("segments.detections.id", unwind=True)
    marking = {"extended": {MATCH_LABELS: {"ids": labels[:1] + labels[-1:]}}}
    scope = panel_scope(dataset, {"view": dataset.limit(2)._serialize(), **marking})
    assert scope.ids == tuple(ids[:2])
    assert scope.lasso == (ids[1],)
    assert scope.shown == (ids[1],)


def test_segments_lead_to_their_samples_with_and_without_a_map(dataset: Any) -> None:
    import numpy as np

    from fiftyone_capviz.curation.dataset.map_run import register_map

    rows = dataset.values("segments.detections.id")
    chosen = [rows[0][1], rows[3][0]]
    wanted = {dataset.values("id")[0], dataset.values("id")[3]}
    assert samples_of_labels(dataset, chosen) == wanted
    flat = [one for row in rows for one in row]
    register_map(dataset, "segments", label_ids=flat, points=np.zeros((len(flat), 2)))
    assert samples_of_labels(dataset, chosen) == wanted
    assert samples_of_labels(dataset, [str(ObjectId())]) == set()


def test_only_open_panels_are_told() -> None:
    gallery = fo.Panel(type="segment_gallery")
    spaces = fo.Space(children=[fo.Panel(type="Samples"), gallery])
    notice = {"panel_id": gallery.component_id, "data": {"focus_version": 7}}
    assert focus_notices(spaces, 7) == [notice]
    assert focus_notices(None, 7) == []
