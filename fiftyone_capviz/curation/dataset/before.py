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
from fiftyone_capviz.curation.dataset.runs import (
    PAIRS,
    is_of_kind,
    list_evaluations,
    list_runs,
    read_run,
    written_paths,
)
from fiftyone_capviz.curation.dataset.schema import SEGMENT_ATTRIBUTES

BEFORE = "before"
"""Where a run's ``extra`` keeps it."""
MARKED = "marked"
"""Its key that says that fields carry our mark since; version 0.1.0 set none."""


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
        JSON-like: which of our paths exist already, and which App settings are not set. A later
        caption field's analysis notes the settings of the first one.
    """
    names = CaptionFields(caption_field, prefix)
    paths = caption_paths(names) + segment_paths(segments_field)
    paths += [ERROR_FIELD, HEATMAP_FIELD]
    ours = _written_already(dataset, names)
    config = dataset.app_config
    now = {
        "sidebar": bool(config.sidebar_groups),
        "active_fields": config.active_fields is not None,
        "color_scheme": config.color_scheme is not None,
    }
    earlier = notes_before(dataset)
    return {
        "paths": [path for path in paths if is_there(dataset, path) and path not in ours],
        MARKED: True,
        **{name: earlier[0].get(name, value) if earlier else value for name, value in now.items()},
    }


def notes_before(dataset: fo.Dataset) -> list[Mapping[str, Any]]:
    """What the analyses of this dataset noted of it, one entry per caption field that has one."""
    records = [read_run(dataset, name) for name in list_runs(dataset)]
    notes = [record.extra.get(BEFORE) for record in records if record is not None]
    return [note for note in notes if isinstance(note, Mapping)]


def was_set(notes: Sequence[Mapping[str, Any]], setting: str) -> bool | None:
    """Whether an App setting was made before the first analysis; None where nothing is known."""
    return all(bool(note[setting]) for note in notes) if notes else None


def _written_already(dataset: fo.Dataset, names: CaptionFields) -> set[str]:
    """Fields of an evaluation or of explained pairs: neither needs an analysis before it."""
    found: set[str] = set()
    for key in list_evaluations(dataset, names.caption):
        found |= written_paths(dataset, key)
    pairs = names.pairs
    if is_of_kind(dataset, pairs.run_key, PAIRS):
        found |= {*pairs.paths, pairs.stages, ERROR_FIELD}
    return found
