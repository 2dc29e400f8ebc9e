"""The stop flag: set by the Stop operator, the panel or another process; read between batches.

It lives in FiftyOne's execution store, scoped to the dataset, so it needs no shared memory and
goes away with the dataset.
"""

from __future__ import annotations

import fiftyone as fo
from fiftyone.operators.store import ExecutionStore

STORE = "capviz"
KEY = "stop"


def request_stop(dataset: fo.Dataset) -> None:
    """Ask the analysis that runs on this dataset to stop after its current batch."""
    _store(dataset).set(KEY, True)


def clear_stop(dataset: fo.Dataset) -> None:
    """Forget an earlier request."""
    _store(dataset).delete(KEY)


def stop_requested(dataset: fo.Dataset) -> bool:
    """Whether somebody asked to stop."""
    return bool(_store(dataset).get(KEY))


def _store(dataset: fo.Dataset) -> ExecutionStore:
    return ExecutionStore.create(STORE, dataset_id=dataset._doc.id)
