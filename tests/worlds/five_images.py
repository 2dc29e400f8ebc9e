"""Five drawn images: their user's own labels, what the database holds, a database that fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from pymongo.collection import Collection

from tests.worlds.random_world import raw_sample

COUNT = 5


def add_own_labels(dataset: fo.Dataset, tmp_path: Path) -> None:
    """Masks, mask files and plain boxes of a user's own, in one field."""
    from PIL import Image

    path = tmp_path / "mask.png"
    Image.fromarray(np.full((10, 10), 255, dtype=np.uint8)).save(path)
    for sample in dataset:
        sample["truth"] = fo.Detections(
            detections=[
                fo.Detection(
                    label="cat", bounding_box=[0, 0, 0.5, 0.5], mask=np.ones((7, 7), bool), size=3
                ),
                fo.Detection(label="a.b$c", bounding_box=[0.5, 0, 0.5, 1], mask_path=str(path)),
                fo.Detection(label="box", bounding_box=[0, 0.5, 0.5, 0.5]),
            ]
        )
        sample.save()


def stored_documents(dataset: fo.Dataset) -> list[dict[str, Any]]:
    """All samples as MongoDB holds them, without time stamps."""
    found = [raw_sample(dataset, i) for i in range(len(dataset))]
    for document in found:
        for key in ("last_modified_at", "created_at", "_dataset_id", "_id"):
            document.pop(key)
    return found


def fail_bulk_writes(
    monkeypatch: pytest.MonkeyPatch, name: str, failing: Callable[[int], BaseException | None]
) -> None:
    """Let the n-th bulk write to a collection fail."""
    original, calls = Collection.bulk_write, iter(range(10_000))

    def bulk_write(self: Collection, *arguments: Any, **named: Any) -> Any:
        if self.name == name:
            error = failing(next(calls))
            if error is not None:
                raise error
        return original(self, *arguments, **named)

    monkeypatch.setattr(Collection, "bulk_write", bulk_write)
