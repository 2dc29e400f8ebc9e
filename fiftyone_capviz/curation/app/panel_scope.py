"""Which samples a panel shows: the App's view and filters, and in them a user's lasso."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
from bson import ObjectId, json_util
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.app.lasso import Lasso, user_lasso
from fiftyone_capviz.curation.app.workspace import find_panel
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.map_run import map_key
from fiftyone_capviz.curation.dataset.samples import is_whole, sample_ids
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.words.caption_index import caption_indexes

SCOPE_DATA = {"word_graph": "scope", "segment_gallery": "scope_version"}
"""Panels that follow the captions in view, and their data that holds the last `captions_key`."""


@dataclass(frozen=True)
class PanelScope:
    """The samples of a panel.

    Attributes:
        view: the App's view with the sidebar's filters, without any selection in a plot.
        ids: its samples; None where it is the whole dataset.
        lasso: samples of it that the user has marked in a plot; None without a lasso.
    """

    view: SampleCollection
    ids: tuple[str, ...] | None
    lasso: tuple[str, ...] | None

    @property
    def shown(self) -> tuple[str, ...] | None:
        """The samples to count: the lasso's if there is one."""
        return self.ids if self.lasso is None else self.lasso


def base_view(dataset: fo.Dataset, request_params: Mapping[str, Any]) -> Any:
    """The App's view with the sidebar's filters, without the selection that narrows the grid.

    A panel that narrows the grid would otherwise count what it has narrowed itself.
    """
    from fiftyone.server.view import get_view

    return get_view(
        dataset,
        stages=request_params.get("view") or None,
        filters=request_params.get("filters") or None,
    )


def panel_scope(
    dataset: fo.Dataset, request_params: Mapping[str, Any], *, segments_field: str = "segments"
) -> PanelScope:
    """What a panel shows at this moment.

    Args:
        dataset: the dataset.
        request_params: ``ctx.request_params``.
        segments_field: whose map a lasso was drawn in.
    """
    view = base_view(dataset, request_params)
    ids = None if is_whole(view) else tuple(sample_ids(view))
    lasso = user_lasso(dataset, request_params)
    if lasso is None:
        return PanelScope(view, ids, None)
    marked = set(lasso.sample_ids) or samples_of_labels(dataset, lasso.label_ids, segments_field)
    chosen = sorted(marked) if ids is None else [one for one in ids if one in marked]
    return PanelScope(view, ids, tuple(chosen))


def scope_key(dataset: fo.Dataset, request_params: Mapping[str, Any]) -> str:
    """Changes when what a panel shows does, and not when the panel itself narrows the grid."""
    lasso: Lasso | None = user_lasso(dataset, request_params)
    parts = (
        dataset.name,
        request_params.get("view") or [],
        request_params.get("filters") or {},
        None if lasso is None else sorted(lasso.label_ids or lasso.sample_ids),
    )
    text = json_util.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def captions_key(dataset: fo.Dataset, request_params: Mapping[str, Any]) -> str:
    """Changes when a panel must count anew: it shows other samples, or their captions changed."""
    version = caption_indexes().version(dataset)
    parts = (scope_key(dataset, request_params), str(version), *own_stop_words(dataset))
    return " ".join(parts)


def captions_notices(
    dataset: fo.Dataset, spaces: Any, request_params: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Parameters of ``patch_panel_data`` that tell open panels of captions that changed.

    FiftyOne calls no hook of a panel when the dataset it shows is reloaded.
    """
    key = captions_key(dataset, request_params)
    found = ((find_panel(spaces, name), data) for name, data in SCOPE_DATA.items())
    return [{"panel_id": panel_id, "data": {data: key}} for panel_id, data in found if panel_id]


def samples_of_labels(
    dataset: fo.Dataset, label_ids: Sequence[str], segments_field: str = "segments"
) -> set[str]:
    """Ids of the samples that hold these segments."""
    wanted = set(label_ids)
    key = map_key(segments_field)
    if dataset.has_brain_run(key):
        results = dataset.load_brain_results(key)  # FiftyOne keeps it in memory
        if results is not None and results.label_ids is not None:
            pairs = zip(results.label_ids, results.sample_ids, strict=True)
            found = {str(label): str(sample) for label, sample in pairs if str(label) in wanted}
            if len(found) == len(wanted):
                return set(found.values())
    query = {f"{segments_field}.detections._id": {"$in": [ObjectId(one) for one in wanted]}}
    return {str(one["_id"]) for one in sample_documents(dataset).find(query, {"_id": 1})}
