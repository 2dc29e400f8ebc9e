"""Deleting an analysis leaves no trace, and nothing of the user's is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from bson import json_util

from fiftyone_capviz.curation.app.workspace import save_workspace
from fiftyone_capviz.curation.dataset.before import BEFORE as KEY
from fiftyone_capviz.curation.dataset.before import state_before
from fiftyone_capviz.curation.dataset.map_run import register_map
from fiftyone_capviz.curation.dataset.runs import RunRecord, active_caption, list_runs, write_run
from fiftyone_capviz.curation.dataset.store import STORE, request_stop
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.segments.focus import focus_word
from tests.worlds.analysed import CAPTIONS, SIDE, add_captions, band, draw_images


def snapshot(dataset: Any) -> dict[str, Any]:
    """Everything the database holds of a dataset, but for time stamps."""
    dataset.reload()
    config = dataset.app_config.to_dict()
    samples = list(dataset._sample_collection.find({}, {"last_modified_at": 0}))
    stored = fo.core.odm.get_db_conn().datasets.find_one({"_id": dataset._doc.id})
    for name in ("saved_views", "workspaces"):  # an empty list may be stored or not
        stored[name] = stored.get(name) or []
    for name in ("last_loaded_at", "last_modified_at", "last_deletion_at", "version"):
        stored.pop(name, None)
    kept = {"dataset_id": dataset._doc.id, "store_name": STORE, "key": {"$ne": "__store__"}}
    stores = list(fo.core.odm.get_db_conn()["execution_store"].find(kept))
    return json.loads(
        json_util.dumps({"config": config, "samples": samples, "dataset": stored, "kept": stores})
    )


def plain(folder: Path) -> Any:
    dataset = fo.Dataset()
    dataset.add_samples(
        [
            fo.Sample(
                filepath=str(path),
                metadata=fo.ImageMetadata(width=SIDE, height=SIDE, num_channels=3),
                weight=float(i),
                ground_truth=fo.Classification(label="x"),
            )
            for i, path in enumerate(draw_images(folder, len(CAPTIONS)))
        ]
    )
    return dataset


def analyse(dataset: Any, *, caption_field: str = "caption", seed: int = 0) -> None:
    """All that analyses, focus, workspace and stop leave on a dataset."""
    before = state_before(dataset, caption_field=caption_field, segments_field="segments")
    write_run(dataset, RunRecord(caption_field, "segments", extra={KEY: before}))
    add_captions(dataset, CAPTIONS, caption_field=caption_field, seed=seed)
    ids = [one for labels in dataset.values("segments.detections.id") for one in labels]
    register_map(dataset, "segments", label_ids=ids, points=np.zeros((len(ids), 2)))
    save_workspace(dataset, caption_field=caption_field, words=["wolf"])
    focus_word(dataset, "wolf", caption_field=caption_field, heatmaps=True)
    request_stop(dataset)


def no_change(dataset: Any) -> None:
    pass


def own_groups(dataset: Any) -> None:
    dataset.app_config.sidebar_groups = [
        fo.SidebarGroupDocument(name="mine", paths=["weight"]),
        *fo.DatasetAppConfig.default_sidebar_groups(dataset),
    ]
    dataset.app_config.sidebar_groups[-1].paths = []
    dataset.app_config.active_fields = fo.ActiveFields(paths=["weight"])
    dataset.app_config.color_scheme = fo.ColorScheme(
        color_by="field", fields=[{"path": "ground_truth", "fieldColor": "#ff0000"}]
    )
    dataset.save()
    dataset.save_view("mine", dataset.limit(1))
    dataset.save_workspace("mine", fo.Space(children=[fo.Panel(type="Samples")]))


@pytest.mark.parametrize("prepare", [no_change, own_groups])
def test_nothing_is_left(tmp_path: Path, prepare: Callable[[Any], None]) -> None:
    dataset = plain(tmp_path)
    prepare(dataset)
    before = snapshot(dataset)
    analyse(dataset)
    assert snapshot(dataset) != before
    report = delete_analysis(dataset)
    assert snapshot(dataset) == before
    assert set(report.runs) == {"capviz_caption", "segments_map"}
    assert not report.kept


def test_a_field_that_was_never_analysed_is_told(tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    analyse(dataset, caption_field="said")
    report = delete_analysis(dataset)
    assert not report.fields
    assert "No analysis of 'caption' is stored. Analysed: 'said'" in report.summary()
    assert "stored" not in delete_analysis(dataset, "said").summary()


def test_a_second_analysis_afterwards_and_again(tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    before = snapshot(dataset)
    for _ in range(2):
        analyse(dataset)
        delete_analysis(dataset)
    assert snapshot(dataset) == before
    assert delete_analysis(dataset).fields == []


def test_captions_of_the_user_stay(tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    dataset.add_sample_field("caption", fo.StringField)
    dataset.set_values("caption", list(CAPTIONS))
    before = snapshot(dataset)
    analyse(dataset)
    for sample in dataset:  # scored, not written by us
        sample.caption_stages = {"text": sample.caption_stages["text"], "match": "m"}
        sample.save()
    report = delete_analysis(dataset)
    assert snapshot(dataset) == before
    assert "5 captions of your own" in report.kept["caption"]


def test_a_caption_that_was_edited_by_hand_stays(tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    analyse(dataset)
    sample = dataset.first()
    sample.caption = "my own words"
    sample.save()
    report = delete_analysis(dataset)
    assert dataset.values("caption") == ["my own words", None, None, None, None]
    assert "1 captions of your own" in report.kept["caption"]
    assert not dataset.has_field("caption_words")


def test_segments_of_the_user_stay_with_labels_and_attributes(tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    for sample in dataset:
        sample["segments"] = fo.Detections(
            detections=[
                fo.Detection(label=f"mine {i}", area=0.5, iscrowd=False, **band(i, 4))
                for i in range(4)
            ]
        )
        sample.save()
    dataset.add_dynamic_sample_fields()
    before = snapshot(dataset)
    analyse(dataset)
    assert snapshot(dataset) != before
    report = delete_analysis(dataset)
    assert snapshot(dataset) == before
    assert "5 samples hold segments of your own" in report.kept["segments"]


def test_segments_that_another_caption_field_uses_stay(tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    before = snapshot(dataset)
    analyse(dataset)
    analyse(dataset, caption_field="caption_large", seed=5)
    with_both = dataset.values("segments.detections.coverage")
    delete_analysis(dataset, "caption_large")
    assert active_caption(dataset, "segments") == "caption"
    assert dataset.values("segments.detections.coverage") != with_both
    assert not dataset.has_field("caption_large")
    assert dataset.has_brain_run("segments_map")
    assert dataset.has_workspace("Captions")
    assert list_runs(dataset) == ["caption"]
    delete_analysis(dataset)
    assert snapshot(dataset) == before


def test_without_a_note_of_what_was_there_the_rest_still_goes(tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    before = snapshot(dataset)
    analyse(dataset)
    write_run(dataset, RunRecord("caption", "segments"))
    delete_analysis(dataset)
    assert snapshot(dataset) == before


def test_in_a_renamed_clone(tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    fields = set(dataset.get_field_schema(flat=True))
    analyse(dataset)
    clone = dataset.clone()
    clone.name = f"{clone.name}-renamed"
    delete_analysis(clone)
    assert set(clone.get_field_schema(flat=True)) == fields
    assert dataset.has_brain_run("segments_map")
    assert dataset.count("segments.detections") == 20
