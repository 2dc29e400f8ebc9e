"""Which samples are meant: of dynamic groups all of them, through every door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_capviz as capviz
from fiftyone_capviz.curation.app.panel_scope import panel_scope
from fiftyone_capviz.curation.dataset.samples import image_samples, sample_ids, samples_of
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.steering import Recipe
from operators.frame.requests import target_samples
from tests.worlds.analysed import CAPTIONS, analysed_dataset
from tests.worlds.asking import context
from tests.worlds.random_world import random_options


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[fo.Dataset]:
    made = analysed_dataset(tmp_path)
    made.set_values("scene", ["a", "b", "a", "b", "a"])
    yield made
    made.delete()


@pytest.fixture
def groups(dataset: fo.Dataset) -> Any:
    found = dataset.group_by("scene")
    assert len(found) == 2
    return found


def test_all_samples_of_dynamic_groups_are_taken(dataset: fo.Dataset, groups: Any) -> None:
    every = set(dataset.values("id"))
    assert set(sample_ids(groups)) == every
    assert set(samples_of(groups).values("id")) == every
    assert set(sample_ids(groups.select_fields("caption"))) == every
    found = image_samples(groups)
    assert {str(one) for one in found.ids} == every
    assert "all samples of its groups" in found.note
    assert set(target_samples(context(dataset, view=groups)).values("id")) == every


def test_of_some_groups_their_samples_are_taken(dataset: fo.Dataset, groups: Any) -> None:
    ids = dataset.values("id")
    assert set(sample_ids(groups.limit(1))) == {ids[0], ids[2], ids[4]}
    assert set(sample_ids(dataset.limit(3).group_by("scene"))) == set(ids[:3])


def test_groups_of_patches_are_their_images(dataset: fo.Dataset) -> None:
    patches = dataset.to_patches("segments").group_by("segments.top_word")
    assert set(sample_ids(patches)) == set(dataset.values("id"))
    assert len(samples_of(patches)) == len(dataset)


def test_dynamic_groups_of_slices_are_the_images_of_one_slice(tmp_path: Path) -> None:
    dataset = fo.Dataset()
    dataset.add_group_field("group", default="left")
    for number in range(4):
        group = fo.Group()
        for name in ("left", "right"):
            path = tmp_path / f"{number}_{name}.png"
            element = group.element(name)
            dataset.add_sample(fo.Sample(filepath=str(path), group=element, scene=number % 2))
    found = image_samples(dataset.group_by("scene"))
    assert len(found.ids) == 4
    assert all("left" in path for path in found.view.values("filepath"))
    assert found.note.endswith("the images of slice 'left' were used.")


def test_a_grouped_dataset_without_slices_is_refused_in_a_whole_sentence() -> None:
    dataset = fo.Dataset()
    dataset.add_group_field("group")
    with pytest.raises(InputError, match="hold nothing yet"):
        image_samples(dataset)


def test_graph_focus_steering_and_analysis_take_them_all(dataset: fo.Dataset, groups: Any) -> None:
    graph = capviz.word_graph(groups)
    assert graph.document_count == len(CAPTIONS)
    assert [word.count for word in graph.dominant(1)] == [2]
    report = capviz.focus_word(groups, "wolf")
    assert (report.samples, report.samples_with_word) == (5, 2)
    assert capviz.focus_word(groups, None).samples == 5
    steered = capviz.steer_captions(groups, Recipe("a wolf"), random_options())
    assert steered.samples == 5
    analysed = capviz.analyze(
        groups, random_options(caption_field="new"), stages=("caption",),
        progress=False,
    )  # fmt: skip
    assert analysed.counts["done"] == 5
    assert any("grouped" in note for note in analysed.notes)
    scope = panel_scope(dataset, {"view": groups._serialize()})
    assert set(scope.ids or ()) == set(dataset.values("id"))
