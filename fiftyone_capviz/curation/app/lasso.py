"""What the user has marked in the Embeddings plot, as the App tells it to panels.

A lasso reaches a panel's Python side as ``ctx.request_params["extended"]``: stages that narrow the
grid. In a plot of segments it names labels, in a plot of images samples. The same stages arrive
where a panel of ours has narrowed the grid: see :func:`~.panel_focus.is_own_selection`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.app.panel_focus import is_own_selection
from fiftyone_capviz.curation.dataset.store import forget, recall, remember

LASSO_SECONDS = 3600
"""How long a lasso is remembered: nobody means one of yesterday."""

_KEY = "last_lasso"
_MATCH_LABELS = "fiftyone.core.stages.MatchLabels"
_SELECT = "fiftyone.core.stages.Select"
_PATCHES = ("fiftyone.core.stages.ToPatches", "fiftyone.core.stages.ToEvaluationPatches")


@dataclass(frozen=True)
class Lasso:
    """A selection in the plot.

    Attributes:
        label_ids: the segments in it; empty where the plot shows images.
        sample_ids: the images in it; empty where the plot shows segments.
    """

    label_ids: tuple[str, ...] = ()
    sample_ids: tuple[str, ...] = ()


def lasso_of(request_params: Mapping[str, Any]) -> Lasso | None:
    """The selection that the App's grid is narrowed to; None where there is none.

    Args:
        request_params: ``ctx.request_params`` of a panel's event or hook.
    """
    stages = request_params.get("extended") or {}
    labels = _ids(stages.get(_MATCH_LABELS), "ids")
    if labels:
        return Lasso(label_ids=labels)
    selected = _ids(stages.get(_SELECT), "sample_ids")
    if not selected:
        return None
    # In a view of patches, the samples of the view are the labels.
    if _shows_patches(request_params.get("view")):
        return Lasso(label_ids=selected)
    return Lasso(sample_ids=selected)


def user_lasso(dataset: fo.Dataset, request_params: Mapping[str, Any]) -> Lasso | None:
    """The lasso, unless it is the selection that a panel of ours made itself.

    Args:
        dataset: the dataset, whose focus is known.
        request_params: as for :func:`lasso_of`.
    """
    lasso = lasso_of(request_params)
    if lasso is not None and is_own_selection(dataset, lasso.sample_ids or lasso.label_ids):
        return None
    return lasso


def note_lasso(dataset: fo.Dataset, request_params: Mapping[str, Any]) -> None:
    """Remember the user's lasso, if there is one: the App forgets it when a tab is opened.

    Args:
        dataset: the dataset.
        request_params: of a panel's event or hook.
    """
    lasso = user_lasso(dataset, request_params)
    if lasso is not None and lasso != last_lasso(dataset):
        value = {"labels": list(lasso.label_ids), "samples": list(lasso.sample_ids)}
        remember(dataset, _KEY, value, seconds=LASSO_SECONDS)


def last_lasso(dataset: fo.Dataset) -> Lasso | None:
    """The last lasso that a panel was told of, for an hour or until :func:`forget_lasso`."""
    kept = recall(dataset, _KEY)
    return None if kept is None else Lasso(tuple(kept["labels"]), tuple(kept["samples"]))


def forget_lasso(dataset: fo.Dataset) -> None:
    """The user has dropped it."""
    forget(dataset, _KEY)


def _ids(options: Any, name: str) -> tuple[str, ...]:
    if not isinstance(options, Mapping):
        return ()
    found = options.get(name) or ()
    if isinstance(found, str):
        return (found,)
    return tuple(str(one) for one in found) if isinstance(found, Iterable) else ()


def _shows_patches(view: SampleCollection) -> bool:
    return any(isinstance(one, Mapping) and one.get("_cls") in _PATCHES for one in view or ())
