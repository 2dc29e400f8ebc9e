"""The user's selection in the Embeddings plot, as requests carry it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fiftyone_capviz.curation.lasso import Lasso, lasso_of, user_lasso
from fiftyone_capviz.curation.panel_focus import clear_panel_focus, set_panel_focus
from tests.curation.analysed import analysed_dataset

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
