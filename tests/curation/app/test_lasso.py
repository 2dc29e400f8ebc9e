"""The user's selection in the Embeddings plot, as requests carry it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fiftyone_capviz.curation.app.lasso import (
    Lasso,
    forget_lasso,
    lasso_of,
    last_lasso,
    note_lasso,
    user_lasso,
)
from fiftyone_capviz.curation.app.panel_focus import clear_panel_focus, set_panel_focus
from tests.worlds.analysed import analysed_dataset

LABELS = "fiftyone.core.stages.MatchLabels"
SELECT = "fiftyone.core.stages.Select"
PATCHES = [{"_cls": "fiftyone.core.stages.ToPatches", "kwargs": [["field", "segments"]]}]


@pytest.mark.parametrize(
    ("request_params", "expected"),
    [
        ({}, None),
        ({"extended": None}, None),
        ({"extended": {}}, None),
        ({"extended": {LABELS: {"ids": []}}}, None),
        ({"extended": {LABELS: {"ids": ["a", "b"], "fields": "segments"}}}, Lasso(("a", "b"))),
        ({"extended": {SELECT: {"sample_ids": ["s"]}}}, Lasso(sample_ids=("s",))),
        ({"extended": {SELECT: {"sample_ids": "s"}}}, Lasso(sample_ids=("s",))),
        ({"extended": {SELECT: {"sample_ids": ["l"]}}, "view": PATCHES}, Lasso(("l",))),
        ({"extended": {"fiftyone.core.stages.SortBySimilarity": {"query": "x"}}}, None),
        ({"extended": {SELECT: None}}, None),
    ],
)
def test_a_request_says_what_is_marked(
    request_params: dict[str, Any], expected: Lasso | None
) -> None:
    assert lasso_of(request_params) == expected


def test_what_a_panel_selected_itself_is_no_lasso(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    first, second, third = dataset.values("id")[:3]
    own = {"extended": {SELECT: {"sample_ids": [second, first]}}}
    other = {"extended": {SELECT: {"sample_ids": [third]}}}
    set_panel_focus(dataset, ["wolf"], sample_ids=[first, second])
    assert user_lasso(dataset, own) is None
    assert user_lasso(dataset, other) == Lasso(sample_ids=(third,))
    assert user_lasso(dataset, {"extended": {LABELS: {"ids": [first]}}}) == Lasso((first,))
    clear_panel_focus(dataset)
    assert user_lasso(dataset, own) is None  # the grid may still be narrowed to it
    dataset.delete()


def test_the_last_lasso_is_remembered_until_it_is_dropped(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    first, second, third = dataset.values("id")[:3]
    assert last_lasso(dataset) is None
    drawn = {"extended": {SELECT: {"sample_ids": [first, second]}}}
    note_lasso(dataset, drawn)
    note_lasso(dataset, {"extended": {}})  # a tab was opened, and the App forgets it
    assert last_lasso(dataset) == Lasso(sample_ids=(first, second))
    set_panel_focus(dataset, ["wolf"], sample_ids=[third])
    note_lasso(dataset, {"extended": {SELECT: {"sample_ids": [third]}}})
    assert last_lasso(dataset) == Lasso(sample_ids=(first, second))
    note_lasso(dataset, {"extended": {LABELS: {"ids": [first]}}})
    assert last_lasso(dataset) == Lasso(label_ids=(first,))
    forget_lasso(dataset)
    assert last_lasso(dataset) is None
    dataset.delete()
