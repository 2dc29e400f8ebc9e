"""Small state of the plugin in FiftyOne's execution store, and the stop flag in it.

The store is scoped to one dataset and dies with it. The flag is set by the Stop operator, a panel
or another process, and read between batches; so it needs no shared memory.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.dataset.collection import dataset_id
from fiftyone_capviz.curation.dataset.progress import Progress

STORE = "capviz"


def _store(dataset: fo.Dataset) -> Any:
    from fiftyone.operators.store import ExecutionStore

    return ExecutionStore.create(STORE, dataset_id=dataset_id(dataset))


def remember(
    dataset: fo.Dataset, key: str, value: dict[str, Any], *, seconds: int | None = None
) -> None:
    """Keep a JSON-like value under a key, for good or for some seconds."""
    _store(dataset).set(key, value, ttl=seconds)


def recall(dataset: fo.Dataset, key: str) -> dict[str, Any] | None:
    """The value under a key, or None."""
    value = _store(dataset).get(key)
    return value if isinstance(value, dict) else None


def forget(dataset: fo.Dataset, key: str) -> None:
    """Drop a key; no error where there is none."""
    _store(dataset).delete(key)


def forget_all(dataset: fo.Dataset) -> int:
    """Drop every key of this dataset; returns how many there were."""
    store = _store(dataset)
    keys = list(store.list_keys())
    store.clear()
    return len(keys)


STOP = "stop"


PROGRESS = "progress"
PROGRESS_SECONDS = 120
"""So long a run that says nothing more counts as running."""


def note_progress(dataset: fo.Dataset, progress: Progress) -> None:
    """Say to every process how far the run on this dataset is."""
    remember(dataset, PROGRESS, asdict(progress), seconds=PROGRESS_SECONDS)


def noted_progress(dataset: fo.Dataset) -> Progress | None:
    """How far the run on this dataset is, in whichever process; None where nothing runs."""
    found = recall(dataset, PROGRESS)
    return None if found is None else Progress(**found)


def forget_progress(dataset: fo.Dataset) -> None:
    """Nothing runs on this dataset any more."""
    forget(dataset, PROGRESS)


def request_stop(dataset: fo.Dataset) -> None:
    """Ask the analysis that runs on this dataset to stop after its current batch."""
    _store(dataset).set(STOP, True)


def clear_stop(dataset: fo.Dataset) -> None:
    """Forget an earlier request."""
    _store(dataset).delete(STOP)


def stop_requested(dataset: fo.Dataset) -> bool:
    """Whether somebody asked to stop."""
    return bool(_store(dataset).get(STOP))
