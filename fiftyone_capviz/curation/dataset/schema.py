"""The fields of an analysis on the dataset: their types, and their place in the App's sidebar.

All of them are declared before a run starts: the App offers only declared fields for colors and
filters. Their names are those of `names`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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


class Declared(NamedTuple):
    """What stands on a dataset under one path.

    Attributes:
        kind: its type.
        items: type of a list's items, `fo.Field` where some may be missing; None for what is no
            list.
        description: what it means; the App shows it, and the reference of the fields is made of it.
    """

    kind: type[fo.Field]
    items: type[fo.Field] | None
    description: str


Schema = dict[str, Declared]
ERROR = Declared(fo.StringField, None, "Why this image was left out, one line per stage")

SEGMENT_ATTRIBUTES: Schema = {
    "coverage": Declared(
        fo.FloatField,
        None,
        "Number of words that cover the segment; none where the model does not see it",
    ),
    "covered_by": Declared(fo.ListField, fo.StringField, "The words that cover the segment"),
    "top_word": Declared(fo.StringField, None, "The word with the highest score here"),
    "entropy": Declared(
        fo.FloatField, None, "How evenly the words' scores are spread, 0 (one word) to 1 (all)"
    ),
    "area": Declared(fo.FloatField, None, "Share of the image, 0 to 1"),
    "predicted_iou": Declared(fo.FloatField, None, "The segmenter's own opinion of the mask"),
    "word_scores": Declared(
        fo.ListField,
        fo.Field,  # FiftyOne's lists of numbers load no missing entry
        "One score per word, in the order of the caption's words; none without an attribution",
    ),
    "patch_weights": Declared(
        fo.ArrayField, None, "Share of the image per patch that the segment owns, [p, p]"
    ),
    "attention": Declared(
        fo.FloatField, None, "Share of the word in focus, 0 to 1; empty without one"
    ),
}
"""Attribute of a segment -> what it is."""


def caption_schema(names: CaptionFields) -> Schema:
    """Path and type of a caption field and of all that derives from it."""
    return {
        names.caption: Declared(
            fo.StringField, None, "The caption, without the captioner's default prompt"
        ),
        names.itm: Declared(
            fo.FloatField, None, "Probability that image and caption match, 0 to 1"
        ),
        names.coverage: Declared(
            fo.FloatField, None, "Share of the segments seen that at least one word covers, 0 to 1"
        ),
        names.words: Declared(
            fo.ListField, fo.StringField, "Content words of the caption, normalised, in its order"
        ),
        names.word_tags: Declared(
            fo.ListField, fo.StringField, "Their part of speech, in the same order"
        ),
        names.unread: Declared(
            fo.ListField, fo.StringField, "Those of them beyond the token limit of the model"
        ),
        names.attention: Declared(
            fo.ArrayField,
            None,
            "Each word's attribution on the patch grid, [words, p, p]; NaN for one without",
        ),
        names.scores: Declared(
            fo.ArrayField,
            None,
            "Attribution pooled over each segment, over the root of its area, [segments, words]; "
            "NaN for words without an attribution and segments that the model does not see",
        ),
        names.previous: Declared(
            fo.ListField, fo.DictField, "Captions that accepted ones replaced, oldest first"
        ),
        names.stages: Declared(
            fo.DictField, None, "Bookkeeping: what each stored result was computed from"
        ),
        ERROR_FIELD: ERROR,
    }


def segments_schema(names: SegmentFields) -> Schema:
    """Path and type of what stands beside segments and on them."""
    attributes = {names.attribute(name): one for name, one in SEGMENT_ATTRIBUTES.items()}
    stage = "Bookkeeping: the configuration that made the segments; absent on your own"
    return {names.stage: Declared(fo.StringField, None, stage), **attributes}


def candidates_schema(caption_field: str) -> Schema:
    """Path and type of steered captions that nobody has accepted yet."""
    text, itm, recipe = steered_fields(caption_field)
    return {
        text: Declared(fo.StringField, None, "Steered caption, a candidate until it is accepted"),
        itm: Declared(fo.FloatField, None, "Probability that image and candidate match, 0 to 1"),
        recipe: Declared(fo.DictField, None, "How the candidate was steered"),
    }


def declare_fields(
    dataset: fo.Dataset, caption: CaptionFields | None, segments: SegmentFields | None
) -> None:
    """Put every field on the schema and ours into the sidebar group; idempotent.

    Raises:
        InputError: if a field of another type has one of the names.
    """
    wanted: Schema = {ERROR_FIELD: ERROR}
    shown = [ERROR_FIELD]
    if caption is not None:
        wanted |= caption_schema(caption)
        if dataset.has_field(caption.caption):
            del wanted[caption.caption]  # the user's, a string or a list of them: checked before
        shown = [caption.caption, *caption.derived[:-1], ERROR_FIELD]
    if segments is not None:
        wanted |= segments_schema(segments)
        if not dataset.has_field(segments.segments):
            dataset.add_sample_field(
                segments.segments, fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
            )
            shown.append(segments.segments)
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
        for path, declared in caption_schema(names).items():
            if path != names.caption:
                _check_type(dataset, path, declared)
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
    for path, declared in segments_schema(names).items():
        _check_type(dataset, path, declared)


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
    for path, declared in wanted.items():
        present = dataset.has_field(path)
        if present:
            _check_type(dataset, path, declared)
        if not present or _is_too_strict(dataset.get_field(path), declared):
            if present:  # from the schema alone: the values stay
                dataset.remove_dynamic_sample_field(path)
            inner = () if declared.items is None else (declared.items(),)
            missing[path] = declared.kind(*inner, description=declared.description)
    if missing:
        dataset.add_dynamic_sample_fields(fields=missing)


def _is_too_strict(field: Any, declared: Declared) -> bool:
    """Whether a list asks for a type of its items, and ours, some of them missing, would not load.

    Version 0.1.0 declared numbers. FiftyOne refuses to load a list of numbers with a missing one.
    """
    return declared.items is fo.Field and type(getattr(field, "field", None)) is not fo.Field


def _check_type(dataset: fo.Dataset, path: str, declared: Declared) -> None:
    field: Any = dataset.get_field(path)
    if field is None:
        return
    same = _is_exactly(field, declared.kind)
    if same and declared.items is not None and field.field is not None:
        same = _is_exactly(field.field, declared.items)
    if not same:
        raise InputError(
            f"The field {path!r} must be a {declared.kind.__name__} for this analysis; it "
            f"exists as a {_type_name(field)}. Rename it, or choose another caption_field or "
            "segments_field."
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


def declare_candidates(dataset: fo.Dataset, caption_field: str) -> None:
    """Put text, match score and recipe of candidates on the schema; idempotent."""
    wanted = candidates_schema(caption_field)
    for path, declared in wanted.items():
        if not dataset.has_field(path):
            dataset.add_sample_field(path, declared.kind, description=declared.description)
    add_to_sidebar(dataset, list(wanted)[:2])
