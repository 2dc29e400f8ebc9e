"""The fields of an analysis on the dataset: their types, and their place in the App's sidebar.

All of them are declared before a run starts: the App offers only declared fields for colors and
filters. Their names are those of `names`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    SIDEBAR_GROUP,
    CaptionFields,
    SegmentFields,
    steered_fields,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage

# Path -> (field type, type of a list's items).
Schema = dict[str, tuple[type[fo.Field], type[fo.Field] | None]]
SCALAR_STRING = (fo.StringField, None)

# Attribute of a segment -> (field type, type of a list's items).
SEGMENT_ATTRIBUTES: Schema = {
    "coverage": (fo.FloatField, None),
    "covered_by": (fo.ListField, fo.StringField),
    "top_word": (fo.StringField, None),
    "entropy": (fo.FloatField, None),
    "area": (fo.FloatField, None),
    "predicted_iou": (fo.FloatField, None),
    "word_scores": (fo.ListField, fo.FloatField),
    "patch_weights": (fo.ArrayField, None),
    "attention": (fo.FloatField, None),
}


def caption_schema(names: CaptionFields) -> Schema:
    """Path and type of a caption field and of all that derives from it."""
    return {
        names.caption: (fo.StringField, None),
        names.itm: (fo.FloatField, None),
        names.coverage: (fo.FloatField, None),
        names.words: (fo.ListField, fo.StringField),
        names.word_tags: (fo.ListField, fo.StringField),
        names.attention: (fo.ArrayField, None),
        names.scores: (fo.ArrayField, None),
        names.previous: (fo.ListField, fo.DictField),
        names.stages: (fo.DictField, None),
        ERROR_FIELD: (fo.StringField, None),
    }


def declare_fields(
    dataset: fo.Dataset, caption: CaptionFields | None, segments: SegmentFields | None
) -> None:
    """Put every field on the schema and ours into the sidebar group; idempotent.

    Raises:
        InputError: if a field of another type has one of the names.
    """
    wanted: Schema = {ERROR_FIELD: SCALAR_STRING}
    shown = [ERROR_FIELD]
    if caption is not None:
        wanted |= caption_schema(caption)
        if dataset.has_field(caption.caption):
            del wanted[caption.caption]  # the user's, a string or a list of them: checked before
        shown = [caption.caption, *caption.derived[:-1], ERROR_FIELD]
    if segments is not None:
        wanted[segments.stage] = SCALAR_STRING
        if not dataset.has_field(segments.segments):
            dataset.add_sample_field(
                segments.segments, fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
            )
            shown.append(segments.segments)
        wanted |= {segments.attribute(name): kind for name, kind in SEGMENT_ATTRIBUTES.items()}
    declare_schema(dataset, wanted, shown=shown)


def declare_schema(dataset: fo.Dataset, wanted: Schema, *, shown: Sequence[str]) -> None:
    """Put fields on the schema, and those to be shown into our sidebar group; idempotent.

    Raises:
        InputError: if a field of another type has one of the names.
    """
    _declare(dataset, wanted)
    add_to_sidebar(dataset, shown)


def add_to_sidebar(dataset: fo.Dataset, paths: Sequence[str]) -> None:
    """Move these paths into the group *Captions*: a path in two groups is drawn twice."""
    groups = list(
        dataset.app_config.sidebar_groups or fo.DatasetAppConfig.default_sidebar_groups(dataset)
    )
    ours = next((group for group in groups if group.name == SIDEBAR_GROUP), None)
    missing = [path for path in paths if ours is None or path not in ours.paths]
    if not missing and ours is not None:
        return
    for group in groups:
        group.paths = [path for path in group.paths if path not in missing]
    if ours is None:
        ours = fo.SidebarGroupDocument(name=SIDEBAR_GROUP, paths=[], expanded=True)
        groups.insert(min(1, len(groups)), ours)
    ours.paths = [*ours.paths, *missing]
    dataset.app_config.sidebar_groups = groups
    dataset.save()


def remove_from_sidebar(dataset: fo.Dataset, paths: Sequence[str]) -> None:
    """Take these paths out of every group, and our group away once it is empty."""
    groups = dataset.app_config.sidebar_groups
    if not groups:
        return
    for group in groups:
        group.paths = [path for path in group.paths if path not in paths]
    kept = [group for group in groups if group.name != SIDEBAR_GROUP or group.paths]
    dataset.app_config.sidebar_groups = kept
    dataset.save()


def check_fields(dataset: fo.Dataset, options: AnalysisOptions, stages: Sequence[Stage]) -> None:
    """Refuse a run whose fields exist with another type, before anything is computed.

    Raises:
        InputError: with the field, its type and the remedy.
    """
    names = CaptionFields(options.caption_field)
    captions = any(stage in stages for stage in ("caption", "match", "attribute"))
    if captions:
        _check_caption_field(dataset, names.caption, writes="caption" in stages)
        for path, (kind, items) in caption_schema(names).items():
            if path != names.caption:
                _check_type(dataset, path, kind, items)
    if any(stage in stages for stage in ("segment", "attribute", "map")):
        _check_segments_field(dataset, options, stages)


def _check_caption_field(dataset: fo.Dataset, path: str, *, writes: bool) -> None:
    field = dataset.get_field(path)
    if field is None:
        if not writes:
            raise InputError(
                f"The dataset has no caption field {path!r}. Run the stage 'caption' first, or "
                f"choose a field with text: {_listed(text_fields(dataset))}."
            )
        return
    texts = isinstance(field, fo.ListField) and isinstance(field.field, fo.StringField)
    if not (_is_exactly(field, fo.StringField) or texts):
        raise InputError(
            f"A caption field holds strings; {path!r} is a {type(field).__name__}. Choose another "
            f"caption_field."
        )
    if texts and writes:
        raise InputError(
            f"Captions are written to a field of single strings; {path!r} holds lists of strings. "
            f"Leave the stage 'caption' out to score them, or choose another caption_field."
        )
    if field.read_only and writes:
        raise InputError(f"The field {path!r} is read-only. Choose another caption_field.")


def _check_segments_field(
    dataset: fo.Dataset, options: AnalysisOptions, stages: Sequence[Stage]
) -> None:
    names = SegmentFields(options.segments_field)
    field = dataset.get_field(names.segments)
    if field is None:
        if options.own_segments or ("segment" not in stages and "attribute" not in stages):
            found = _listed(detections_fields(dataset))
            raise InputError(
                f"The dataset has no field {names.segments!r} with segments. Run the stage "
                f"'segment' first, or choose a Detections field: {found}."
            )
        return
    labels = isinstance(field, fo.EmbeddedDocumentField)
    if not labels or not issubclass(field.document_type, fo.Detections):
        raise InputError(
            f"Segments are stored as Detections; the field {names.segments!r} is a "
            f"{_type_name(field)}. Choose another segments_field."
        )
    _check_type(dataset, names.stage, fo.StringField, None)
    for name, (kind, items) in SEGMENT_ATTRIBUTES.items():
        _check_type(dataset, names.attribute(name), kind, items)


def text_fields(dataset: fo.Dataset) -> list[str]:
    """Fields that can serve as captions: strings and lists of strings."""
    found = []
    for path, field in dataset.get_field_schema().items():
        listed = isinstance(field, fo.ListField) and isinstance(field.field, fo.StringField)
        if path not in ("filepath", "tags", ERROR_FIELD) and (
            _is_exactly(field, fo.StringField) or listed
        ):
            found.append(path)
    return found


def detections_fields(dataset: fo.Dataset) -> list[str]:
    """Fields whose labels can serve as segments."""
    schema = dataset.get_field_schema(embedded_doc_type=fo.Detections)
    return list(schema)


def _declare(dataset: fo.Dataset, wanted: Schema) -> None:
    """Add the missing fields at once: FiftyOne reads the whole dataset anew for each addition."""
    missing = {}
    for path, (kind, items) in wanted.items():
        if dataset.has_field(path):
            _check_type(dataset, path, kind, items)
        else:
            missing[path] = kind() if items is None else kind(items())
    if missing:
        dataset.add_dynamic_sample_fields(fields=missing)


def _check_type(
    dataset: fo.Dataset, path: str, kind: type[fo.Field], items: type[fo.Field] | None
) -> None:
    field: Any = dataset.get_field(path)
    if field is None:
        return
    same = _is_exactly(field, kind)
    if same and items is not None and field.field is not None:
        same = _is_exactly(field.field, items)
    if not same:
        raise InputError(
            f"The field {path!r} must be a {kind.__name__} for this analysis; it exists as a "
            f"{_type_name(field)}. Rename it, or choose another caption_field or segments_field."
        )


def _is_exactly(field: fo.Field, kind: type[fo.Field]) -> bool:
    # ObjectIdField is a StringField in FiftyOne's class tree, VectorField is no ArrayField.
    return isinstance(field, kind) and not (
        kind is fo.StringField and isinstance(field, fo.ObjectIdField)
    )


def _type_name(field: Any) -> str:
    if isinstance(field, fo.EmbeddedDocumentField):
        return str(field.document_type.__name__)
    if isinstance(field, fo.ListField) and field.field is not None:
        return f"ListField of {type(field.field).__name__}"
    return type(field).__name__


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) if names else "there is none yet"


def declare_candidates(dataset: Any, caption_field: str) -> None:
    """Put text, match score and recipe of candidates on the schema; idempotent."""
    kinds = (fo.StringField, fo.FloatField, fo.DictField)
    names = steered_fields(caption_field)
    for path, kind in zip(names, kinds, strict=True):
        if not dataset.has_field(path):
            dataset.add_sample_field(path, kind)
    add_to_sidebar(dataset, names[:2])
