"""Which samples a dataset or view means, for updates that MongoDB runs itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
from bson import ObjectId


def sample_ids(collection: Any) -> list[str]:
    """Ids of the samples of a dataset, view or patches view, each once, in order."""
    if getattr(collection, "_is_patches", False):
        return list(dict.fromkeys(collection.values("sample_id")))
    return list(collection.values("id"))


def samples_of(collection: Any) -> Any:
    """The collection itself; for a patches view, the whole samples it was made from.

    A patches view lacks the samples' own fields.
    """
    if getattr(collection, "_is_patches", False):
        return collection._root_dataset.select(sample_ids(collection), ordered=True)
    return collection


def id_filter(dataset: Any, ids: Sequence[str] | None) -> dict[str, Any]:
    """MongoDB filter for these samples; none where they are the whole dataset."""
    if ids is None or len(ids) == dataset.count():
        return {}
    return {"_id": {"$in": [ObjectId(i) for i in ids]}}


def reload_samples(dataset: Any) -> None:
    """Let the sample objects that this process holds see what the database wrote."""
    fo.Sample._reload_docs(dataset._sample_collection_name)
