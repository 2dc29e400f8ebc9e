"""Which samples a dataset or view means, for updates that MongoDB runs itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
from bson import ObjectId

from fiftyone_capviz.curation.id_columns import id_columns


def sample_ids(collection: Any) -> list[str]:
    """Ids of the samples of a dataset, view or patches view, each once, in order."""
    if getattr(collection, "_is_patches", False):
        return list(dict.fromkeys(collection.values("sample_id")))
    found = id_columns(collection, [{"$project": {"_id": 1}}], {"_id": "id"})
    return list(found["_id"].tolist())


def is_whole(collection: Any) -> bool:
    """Whether a dataset or view shows all samples of its dataset, as they are."""
    if collection._root_dataset.media_type == "group":  # one slice at a time is shown
        return False
    return not getattr(collection, "_all_stages", [])


def samples_of(collection: Any) -> Any:
    """The collection itself; for a patches view, the whole samples it was made from.

    A patches view lacks the samples' own fields.
    """
    if getattr(collection, "_is_patches", False):
        return collection._root_dataset.select(sample_ids(collection), ordered=True)
    return collection


def id_filter(dataset: Any, ids: Sequence[str] | None) -> dict[str, Any]:
    """MongoDB filter for these samples; none where they are the whole dataset."""
    # All documents, not dataset.count(): that counts one slice of its groups.
    if ids is None or len(ids) == dataset._sample_collection.count_documents({}):
        return {}
    return {"_id": {"$in": [ObjectId(i) for i in ids]}}


def reload_samples(dataset: Any) -> None:
    """Let the sample objects that this process holds see what the database wrote."""
    fo.Sample._reload_docs(dataset._sample_collection_name)
