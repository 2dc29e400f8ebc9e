"""What a dataset looked like before its first analysis, so that deleting restores exactly that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.dataset.captions import is_there
from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    HEATMAP_FIELD,
    CaptionFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.runs import PAIRS, is_of_kind, list_evaluations, written_paths
from fiftyone_capviz.curation.dataset.schema import SEGMENT_ATTRIBUTES

BEFORE = "before"
"""Where a run's ``extra`` keeps it."""


def caption_paths(names: CaptionFields) -> list[str]:
    """Every sample field that an analysis of this caption field may make, the caption first."""
    derived = (*names.derived, *names.steered, *names.pairs.paths, *names.evaluation().paths)
    return [names.caption, *derived]


def segment_paths(segments_field: str) -> list[str]:
    """Every path that an analysis of these segments may make, the segments first."""
    names = SegmentFields(segments_field)
    return [names.segments, names.stage, *(names.attribute(one) for one in SEGMENT_ATTRIBUTES)]


def state_before(
    dataset: fo.Dataset, *, caption_field: str, segments_field: str, prefix: str = ""
) -> dict[str, object]:
    """To be kept in the run's ``extra["before"]`` by the first analysis of a caption field.

    Args:
        dataset: before any field is declared.
        caption_field, segments_field: of the analysis.
        prefix: of the caption field's derived names; empty for its own.

    Returns:
        JSON-like: which of our paths exist already, and which App settings are not set.
    """
    names = CaptionFields(caption_field, prefix)
    paths = caption_paths(names) + segment_paths(segments_field)
    paths += [ERROR_FIELD, HEATMAP_FIELD]
    ours = _written_already(dataset, names)
    config = dataset.app_config
    return {
        "paths": [path for path in paths if is_there(dataset, path) and path not in ours],
        "sidebar": bool(config.sidebar_groups),
        "active_fields": config.active_fields is not None,
        "color_scheme": config.color_scheme is not None,
    }


def _written_already(dataset: fo.Dataset, names: CaptionFields) -> set[str]:
    """Fields of an evaluation or of explained pairs: neither needs an analysis before it."""
    found: set[str] = set()
    for key in list_evaluations(dataset, names.caption):
        found |= written_paths(dataset, key)
    pairs = names.pairs
    if is_of_kind(dataset, pairs.run_key, PAIRS):
        found |= {*pairs.paths, pairs.stages, ERROR_FIELD}
    return found


def existed(extras: Sequence[Mapping[str, Any]], path: str) -> bool | None:
    """Whether a path was there before the first analysis; None where nothing is known."""
    noted = [one[BEFORE]["paths"] for one in extras if BEFORE in one]
    # A later caption field finds the fields of an earlier one: the first note counts.
    return all(path in paths for paths in noted) if noted else None
