"""Ids read as bytes are the ids that FiftyOne reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fiftyone import ViewField as F

from fiftyone_capviz.curation.dataset.id_columns import Kind, id_columns
from fiftyone_capviz.curation.dataset.samples import is_whole, sample_ids
from tests.worlds.analysed import analysed_dataset

SEGMENTS: list[dict[str, Any]] = [
    {"$project": {"label": "$segments.detections._id"}},
    {"$unwind": "$label"},
    {"$project": {"label": 1, "rank": {"$literal": 7}}},
]
COLUMNS: dict[str, Kind] = {"_id": "id", "label": "id", "rank": "int"}


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    made = analysed_dataset(tmp_path, captions=["a wolf", "a man", "snow", "a wolf in snow"])
    yield made
    made.delete()


def test_samples_are_in_the_order_of_the_view(dataset: Any) -> None:
    views = (
        dataset,
        dataset.view(),
        dataset.sort_by("caption", reverse=True),
        dataset.match(F("caption").contains_str("wolf")).skip(1),
        dataset.match(F("caption") == "nothing"),
    )
    for view in views:
        assert sample_ids(view) == view.values("id")
    assert sample_ids(dataset.to_patches("segments")) == dataset.values("id")


def test_rows_of_segments(dataset: Any) -> None:
    found = id_columns(dataset, SEGMENTS, COLUMNS)
    assert found["label"].tolist() == dataset.values("segments.detections.id", unwind=True)
    owners = dict(zip(found["label"].tolist(), found["_id"].tolist(), strict=True))
    for sample in dataset:
        assert {owners[one.id] for one in sample.segments.detections} == {sample.id}
    assert set(found["rank"].tolist()) == {7}


@pytest.mark.parametrize(
    "pipeline", [[], [{"$project": {"_id": 1, "caption": 1}}], [{"$project": {"tag": "$_id"}}]]
)
def test_documents_of_another_layout_are_refused(dataset: Any, pipeline: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"documents of {'_id': 'id'} alone"):
        id_columns(dataset, pipeline, {"_id": "id"})


def test_a_view_is_whole_without_stages(dataset: Any) -> None:
    assert is_whole(dataset)
    assert is_whole(dataset.view())
    assert not is_whole(dataset.limit(2))
    assert not is_whole(dataset.to_patches("segments"))
