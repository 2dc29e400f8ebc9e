"""A field, attribute, map or view that is there already and not ours is never written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.brain as fob
import numpy as np
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.plan import existing_results
from fiftyone_capviz.curation.app.workspace import save_workspace
from fiftyone_capviz.curation.dataset.names import (
    HEATMAP_FIELD,
    CaptionFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.ownership import Ownership
from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.curation.dataset.schema import (
    Declared,
    candidates_schema,
    caption_schema,
    segments_schema,
)
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.pairs.fields import pair_schema
from fiftyone_capviz.curation.pairs.mismatches import find_mismatches
from fiftyone_capviz.curation.segments.active import activate_captions
from fiftyone_capviz.curation.segments.focus import focus_word, unfocus
from fiftyone_capviz.curation.steering.accept import (
    accept_captions,
    discard_candidates,
    undo_captions,
)
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.pairs import PairSettings
from fiftyone_capviz.settings.steering import Recipe
from tests.worlds.owned import CAPTIONS, LABELS, owned_dataset, snapshot
from tests.worlds.random_world import random_options

NAMES, MARKS = CaptionFields(CAPTIONS), SegmentFields(LABELS)
DERIVED = {p: d for p, d in caption_schema(NAMES).items() if p != CAPTIONS}
OPTIONS = random_options(caption_field=CAPTIONS, segments_field=LABELS, own_segments=True)
STAGES = ("match", "attribute")


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = owned_dataset(tmp_path_factory.mktemp("owned"))
    yield made
    made.delete()


@pytest.fixture
def dataset(owned: Any) -> Iterator[Any]:
    made = owned.clone()
    yield made
    made.delete()


def add_theirs(dataset: Any, path: str, declared: Declared) -> None:
    """A field of the type that ours would have, made by the user."""
    inner = () if declared.items is None else (declared.items(),)
    dataset.add_dynamic_sample_fields(fields={path: declared.kind(*inner)})


def refused(dataset: Any, work: Callable[[], object], named: str) -> None:
    """It says which name is taken, and nothing is written."""
    before = snapshot(dataset)
    with pytest.raises(InputError) as caught:
        work()
    assert repr(named) in str(caught.value)
    assert snapshot(dataset) == before
    delete_analysis(dataset, CAPTIONS, segments_field=LABELS)
    assert snapshot(dataset) == before


@pytest.mark.parametrize("path", sorted({**DERIVED, **segments_schema(MARKS)}))
def test_an_analysis_refuses_names_that_are_taken(dataset: Any, path: str) -> None:
    add_theirs(dataset, path, {**DERIVED, **segments_schema(MARKS)}[path])
    refused(dataset, lambda: analyze(dataset, OPTIONS, stages=STAGES), path)
    refused(dataset, lambda: existing_results(dataset, OPTIONS, STAGES), path)


def test_attributes_that_no_schema_knows_are_the_users_too(dataset: Any) -> None:
    path = MARKS.attribute("area")
    dataset._sample_collection.update_one(
        {f"{MARKS.detections}.0": {"$exists": True}}, {"$set": {f"{MARKS.detections}.0.area": 7.0}}
    )
    assert not dataset.has_field(path)
    refused(dataset, lambda: analyze(dataset, OPTIONS, stages=STAGES), path)


@pytest.mark.parametrize("path", sorted(candidates_schema(NAMES)))
def test_steering_refuses_names_that_are_taken(dataset: Any, path: str) -> None:
    add_theirs(dataset, path, candidates_schema(NAMES)[path])
    recipe = Recipe(prompt="a man with")
    refused(dataset, lambda: steer_captions(dataset, recipe, OPTIONS), path)
    assert discard_candidates(dataset, CAPTIONS) == 0


@pytest.mark.parametrize("path", sorted(DERIVED))
def test_accepting_refuses_names_that_are_taken(dataset: Any, path: str) -> None:
    steer_captions(dataset, Recipe(prompt="a man with"), OPTIONS)
    if dataset.has_field(path):  # steering has made it
        return
    add_theirs(dataset, path, DERIVED[path])
    before = snapshot(dataset)
    with pytest.raises(InputError, match=repr(path)):
        accept_captions(dataset, CAPTIONS, options=OPTIONS)
    assert snapshot(dataset) == before


@pytest.mark.parametrize("path", sorted(pair_schema(NAMES.pairs)))
def test_explained_pairs_refuse_names_that_are_taken(dataset: Any, path: str) -> None:
    add_theirs(dataset, path, pair_schema(NAMES.pairs)[path])
    settings = PairSettings(encoder="scenes", device="cpu", dtype="float32", nodes=1)
    refused(dataset, lambda: find_mismatches(dataset, settings, caption_field=CAPTIONS), path)


def test_a_users_own_fields_are_no_candidates_and_no_history(dataset: Any) -> None:
    for path in (NAMES.steered[0], NAMES.previous):
        declared = {**candidates_schema(NAMES), **DERIVED}[path]
        add_theirs(dataset, path, declared)
    refused(dataset, lambda: accept_captions(dataset, CAPTIONS), NAMES.steered[0])
    refused(dataset, lambda: undo_captions(dataset, CAPTIONS), NAMES.previous)


def test_labels_without_an_analysis_are_neither_focused_nor_activated(dataset: Any) -> None:
    path = MARKS.attribute("word_scores")
    add_theirs(dataset, path, segments_schema(MARKS)[path])
    add_theirs(dataset, NAMES.words, DERIVED[NAMES.words])
    names = {"caption_field": CAPTIONS, "segments_field": LABELS}
    refused(dataset, lambda: focus_word(dataset, "dog", **names), NAMES.words)  # type: ignore[arg-type]
    refused(
        dataset,
        lambda: activate_captions(dataset, CAPTIONS, segments_field=LABELS),
        NAMES.scores,
    )


def test_heatmaps_of_the_users_stay(dataset: Any) -> None:
    analyze(dataset, OPTIONS, stages=STAGES)
    dataset.add_sample_field(HEATMAP_FIELD, fo.EmbeddedDocumentField, embedded_doc_type=fo.Heatmap)
    dataset.set_values(HEATMAP_FIELD, [fo.Heatmap(map=np.eye(2))] * 4)
    before = snapshot(dataset)
    with pytest.raises(InputError, match=HEATMAP_FIELD):
        focus_word(dataset, "dog", caption_field=CAPTIONS, segments_field=LABELS, heatmaps=True)
    unfocus(dataset, segments_field=LABELS)
    assert snapshot(dataset)["samples"] == before["samples"]
    delete_analysis(dataset, CAPTIONS)
    assert all(one.map is not None for one in dataset.values(HEATMAP_FIELD))


def test_a_map_of_the_users_stays(dataset: Any) -> None:
    ids = [one for found in dataset.values(f"{LABELS}.detections.id") for one in found or ()]
    points = {one: np.array([1.0, 2.0]) for one in ids}
    fob.compute_visualization(
        dataset, patches_field=LABELS, points=points, brain_key=MARKS.map_key, progress=False
    )
    options = random_options(segments_field=LABELS, caption_field=CAPTIONS, map_method="tsne")
    refused(dataset, lambda: analyze(dataset, options, stages=("map",)), MARKS.map_key)


def test_labels_of_the_users_are_never_replaced(dataset: Any) -> None:
    labels = dataset.values(f"{LABELS}.detections.label")
    ids = dataset.values(f"{LABELS}.detections.id")
    before = snapshot(dataset)
    options = random_options(caption_field=CAPTIONS, segments_field=LABELS, existing="replace")
    report = analyze(dataset, options, stages=("match", "segment", "attribute"))
    assert dataset.values(f"{LABELS}.detections.label")[:3] == labels[:3]
    assert dataset.values(f"{LABELS}.detections.id")[:3] == ids[:3]
    assert dataset.values(f"{LABELS}.detections.id")[3]  # where there were none
    assert any("3 samples keep labels of their own" in note for note in report.notes)
    record = read_run(dataset, CAPTIONS)
    assert record is not None
    assert MARKS.attribute("coverage") in record.added_attributes
    delete_analysis(dataset, CAPTIONS)
    assert snapshot(dataset) == before


def test_segments_of_ours_are_replaced_where_it_is_asked(dataset: Any) -> None:
    first = random_options()
    analyze(dataset, first, stages=("segment",))
    ids = dataset.values("segments.detections.id")
    again = random_options(min_area=0.05, existing="replace")
    analyze(dataset, again, stages=("segment",))
    assert not {*ids[0]} & {*dataset.values("segments.detections.id")[0]}


def test_the_mark_goes_where_the_field_goes(dataset: Any) -> None:
    analyze(dataset, OPTIONS, stages=STAGES)
    clone = dataset.clone()
    assert Ownership(clone).is_ours(NAMES.itm)
    clone.rename_sample_field(NAMES.itm, "kept")
    clone.clone_sample_field("weight", NAMES.itm)
    assert not Ownership(clone).is_ours(NAMES.itm)
    delete_analysis(clone, CAPTIONS)
    assert clone.has_field("kept")
    assert clone.values(NAMES.itm) == dataset.values("weight")
    clone.delete()


def test_the_workspace_takes_another_name_where_the_users_has_it(
    dataset: Any, tmp_path: Path
) -> None:
    analyze(dataset, OPTIONS, stages=STAGES)
    before = snapshot(dataset)
    save_workspace(dataset, OPTIONS)
    assert {"Captions", "Captions 2"} <= {*dataset.list_workspaces()}
    after = snapshot(dataset)
    for name in ("views", "workspaces"):
        assert before[name][0] in after[name]
    save_workspace(dataset, OPTIONS)
    assert "Captions 3" not in dataset.list_workspaces()
