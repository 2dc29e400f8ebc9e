"""Whose a field is: what we put on a dataset carries our mark, all the rest is the user's.

The mark stands in the field's own ``info``. So it goes where the field goes, into a clone, an
export or under another name, and ends with it. Nothing that lacks it is written to or deleted.

Version 0.1.0 set no marks; its runs note what had been there before the first analysis.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.dataset.before import BEFORE, MARKED, caption_paths, segment_paths
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    HEATMAP_FIELD,
    CaptionFields,
    PairFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.runs import (
    PAIRS,
    RunRecord,
    caption_names,
    is_of_kind,
    list_evaluations,
    list_runs,
    read_run,
    written_paths,
)
from fiftyone_capviz.curation.dataset.schema import MARK, is_marked
from fiftyone_capviz.errors import InputError


class Ownership:
    """Whose the fields of a dataset are, at the time that this is made.

    Args:
        dataset: that is asked about.
    """

    def __init__(self, dataset: fo.Dataset) -> None:
        self._dataset = dataset

    @cached_property
    def _earlier(self) -> set[str]:
        return _earlier_paths(self._dataset)

    def is_ours(self, path: str) -> bool:
        """Whether a field or attribute is there, and we made it."""
        field = self._dataset.get_field(path)
        return field is not None and (is_marked(field) or path in self._earlier)

    def theirs(self, paths: Iterable[str]) -> list[str]:
        """Those of these paths that are there already and not ours.

        Attributes of labels count where any sample has them, also undeclared ones.
        """
        found, unknown = [], []
        for path in paths:
            if self._dataset.has_field(path):
                found += [] if self.is_ours(path) else [path]
            elif "." in path and self._dataset.has_field(path.split(".")[0]):
                unknown.append(path)
        return found + _stored(self._dataset, unknown)


def refuse_theirs(dataset: fo.Dataset, paths: Iterable[str]) -> None:
    """Refuse to write what is there already and was not made by us; for before anything is done.

    Raises:
        InputError: with the fields and the ways on.
    """
    found = Ownership(dataset).theirs(paths)
    if not found:
        return
    fields = [path for path in found if "." not in path]
    shown = ", ".join(map(repr, fields or found))
    told = "fields" if fields else "attributes of labels"
    remedy = (
        "Rename them (dataset.rename_sample_field), or choose another caption_field or "
        "segments_field, from whose names these follow."
        if fields
        else "Rename them (dataset.rename_sample_field), or choose another segments_field, for "
        "example a copy (dataset.clone_sample_field) that is cleared of them."
    )
    raise InputError(
        f"Results are written to {told} of our own only; these are there already and are none: "
        f"{shown}. {remedy}"
    )


def refuse_their_run(dataset: fo.Dataset, names: CaptionFields) -> None:
    """Refuse an analysis whose key a run of another kind has.

    Raises:
        InputError: with the key and the ways on.
    """
    key = names.run_key
    if dataset.has_run(key) and read_run(dataset, names.caption) is None:
        raise InputError(
            f"The analysis of {names.caption!r} is stored as the run {key!r}; another run has this "
            "key. Rename it (dataset.rename_run), or choose another caption_field."
        )


def refuse_their_map(dataset: fo.Dataset, segments_field: str) -> None:
    """Refuse a map whose key a brain run of the user's has.

    Raises:
        InputError: with the key and the ways on.
    """
    key = SegmentFields(segments_field).map_key
    if dataset.has_brain_run(key) and not is_our_map(dataset, segments_field):
        raise InputError(
            f"The map of {segments_field!r} is stored as the brain run {key!r}; one that is not "
            "ours has this key. Rename it (dataset.rename_brain_run), or choose another "
            "segments_field."
        )


def is_our_map(dataset: fo.Dataset, segments_field: str) -> bool:
    """Whether the brain run ``<segments>_map`` is there and is a map that we registered."""
    key = SegmentFields(segments_field).map_key
    if not dataset.has_brain_run(key):
        return False
    config: Any = dataset.get_brain_info(key).config
    if hasattr(config, MARK):
        return True
    manual = getattr(config, "method", None) == "manual"
    if not manual or getattr(config, "patches_field", None) != segments_field:
        return False
    records = [read_run(dataset, name) for name in list_runs(dataset)]
    return any(
        one.segments_field == segments_field and not _is_marking(one)
        for one in records
        if one is not None
    )


def our_segments_fields(dataset: fo.Dataset) -> list[str]:
    """Fields of labels that we made, put attributes into, or mapped."""
    owner = Ownership(dataset)
    fields = dataset.get_field_schema(embedded_doc_type=fo.Detections)
    return [
        name
        for name in fields
        if any(owner.is_ours(path) for path in segment_paths(name)) or is_our_map(dataset, name)
    ]


def _stored(dataset: fo.Dataset, paths: list[str]) -> list[str]:
    """Those of these undeclared paths that some document holds: one pass over the samples."""
    if not paths:
        return []
    held = [{path: {"$exists": True}} for path in paths]
    if sample_documents(dataset).find_one({"$or": held}, {"_id": 1}) is None:
        return []
    documents = sample_documents(dataset)
    return [p for p, q in zip(paths, held, strict=True) if documents.find_one(q, {"_id": 1})]


def _is_marking(record: RunRecord) -> bool:
    """Whether all that the analyses of a record made carries our mark."""
    before = record.extra.get(BEFORE)
    return isinstance(before, dict) and bool(before.get(MARKED))


def _earlier_paths(dataset: fo.Dataset) -> set[str]:
    """What version 0.1.0 made on this dataset, by the notes in its runs."""
    found: set[str] = set()
    for name in list_runs(dataset):
        record = read_run(dataset, name)
        if record is None or _is_marking(record):
            continue
        before = record.extra.get(BEFORE)
        paths = caption_paths(caption_names(dataset, name)) + segment_paths(record.segments_field)
        theirs = before["paths"] if isinstance(before, dict) else ()
        found |= {*paths, ERROR_FIELD, HEATMAP_FIELD} - {*theirs}
    for key in dataset.list_runs():
        if is_of_kind(dataset, key, PAIRS):
            pairs = PairFields(key.removeprefix(PairFields("").run_key))
            found |= {*pairs.paths, pairs.stages, ERROR_FIELD}
    for key in list_evaluations(dataset):
        found |= written_paths(dataset, key)
    return found
