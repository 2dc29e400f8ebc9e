"""The parts of FiftyOne's datasets and views that have no public name: touched here alone.

When FiftyOne changes one of them, this file is what has to follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from pymongo.collection import Collection


def root_dataset(collection: SampleCollection) -> fo.Dataset:
    """The dataset itself, or the one that a view, also a patches view, was made from."""
    return collection._root_dataset


def dataset_of(collection: SampleCollection) -> fo.Dataset:
    """The dataset itself, or a view's; of a patches view the one that holds the patches."""
    return collection._dataset


def sample_documents(dataset: fo.Dataset) -> Collection[dict[str, Any]]:
    """The samples' documents as MongoDB holds them: all slices of a group, no filter."""
    found: Collection[dict[str, Any]] = dataset._sample_collection
    return found


def dataset_id(dataset: fo.Dataset) -> ObjectId:
    """The dataset's own id, which a rename does not change."""
    found: ObjectId = dataset._doc.id
    return found


def kind_of_patches(collection: SampleCollection) -> str | None:
    """What each sample is a part of: "patches", "frames" or "clips"; None for whole samples."""
    dataset = collection._dataset
    for kind in ("patches", "frames", "clips"):
        if getattr(dataset, f"_is_{kind}", False):
            return kind
    return None


def is_patches(collection: SampleCollection) -> bool:
    """Whether each of its samples is a label of a sample."""
    return bool(getattr(collection, "_is_patches", False))


def is_grouped_dynamically(collection: SampleCollection) -> bool:
    """Whether it is a view by `group_by`: FiftyOne then shows one sample of each group."""
    return bool(getattr(collection, "_is_dynamic_groups", False))


def ungrouped(collection: SampleCollection) -> Any:
    """All samples of a view's dynamic groups, group by group; any other collection as it is.

    Stages that choose fields are left out: one that drops the groups' own field would leave no
    sample.
    """
    if not is_grouped_dynamically(collection):
        return collection
    view = collection._base_view
    for stage in collection._stages:
        if not isinstance(stage, (fo.SelectFields, fo.ExcludeFields)):
            view = view.add_stage(stage)
    return view.flatten()


def view_stages(collection: SampleCollection) -> Sequence[Any]:
    """What narrows a view; nothing for a dataset."""
    return getattr(collection, "_all_stages", None) or ()


def raw_values(collection: SampleCollection, path: str) -> list[Any]:
    """A field's values as MongoDB holds them, in the order of the samples."""
    return list(collection.values(path, _raw=True))


def serialized_stages(view: fo.DatasetView) -> list[dict[str, Any]]:
    """A view's stages as JSON can hold them."""
    found: list[dict[str, Any]] = view._serialize(include_uuids=False)
    return found


def aggregation_of(view: fo.DatasetView, stages: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The view as MongoDB's pipeline, with further stages behind it."""
    found: list[Any] = view._pipeline(post_pipeline=list(stages))
    return found


def brain_run_document(dataset: fo.Dataset, key: str) -> Any:
    """A brain run's document, which can be changed and saved; None where there is none."""
    return dataset._doc.brain_methods.get(key)


def reload_dataset(dataset: fo.Dataset) -> None:
    """Bring the dataset's own document up to date with the database."""
    dataset._reload()


def reload_loaded_samples(dataset: fo.Dataset, ids: Sequence[str] | None) -> None:
    """Bring samples that this process holds up to date with the database; all of them if None."""
    fo.Sample._reload_docs(dataset._sample_collection_name, sample_ids=ids)
