"""The fields of an analysis on the dataset: their types, and their place in the App's sidebar.

All of them are declared before a run starts: the App offers only declared fields for colors and
filters. Their names are those of `names`. What is declared here carries our mark, by which
`ownership` knows it from the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import fiftyone as fo

from fiftyone_capviz.curation.dataset.captions import is_there
from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    HEATMAP_FIELD,
    SIDEBAR_GROUP,
    CaptionFields,
    SegmentFields,
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
MARK = "fiftyone_capviz"
"""The key of a field's ``info`` that says that we made it."""
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


def candidates_schema(names: CaptionFields) -> Schema:
    """Path and type of steered captions that nobody has accepted yet."""
    text, itm, recipe = names.steered
    return {
        text: Declared(fo.StringField, None, "Steered caption, a candidate until it is accepted"),
        itm: Declared(fo.FloatField, None, "Probability that image and candidate match, 0 to 1"),
        recipe: Declared(fo.DictField, None, "How the candidate was steered, its prompt filled in"),
    }


def run_schema(caption: CaptionFields | None, segments: SegmentFields | None) -> Schema:
    """What a run writes beside the captions and the segments themselves."""
    wanted: Schema = {ERROR_FIELD: ERROR}
    if caption is not None:
        wanted |= caption_schema(caption)
        del wanted[caption.caption]
    if segments is not None:
        wanted |= segments_schema(segments)
    return wanted


def declare_fields(
    dataset: fo.Dataset, caption: CaptionFields | None, segments: SegmentFields | None
) -> None:
    """Put every field on the schema and ours into the sidebar group; idempotent.

    Captions and segments that are there already stay as they are, and where they are.

    Raises:
        InputError: if a field of another type has one of the names.
    """
    wanted = run_schema(caption, segments)
    shown = [ERROR_FIELD]
    if caption is not None:
        shown = [*caption.derived[:-1], ERROR_FIELD]
        if not is_there(dataset, caption.caption):
            wanted = {caption.caption: caption_schema(caption)[caption.caption], **wanted}
            shown.insert(0, caption.caption)
    if segments is not None and not dataset.has_field(segments.segments):
        dataset.add_sample_field(
            segments.segments,
            fo.EmbeddedDocumentField,
            embedded_doc_type=fo.Detections,
            info={MARK: True},
        )
        add_to_sidebar(dataset, [segments.segments])
    declare_schema(dataset, wanted, shown=shown)


def declare_heatmaps(dataset: fo.Dataset) -> None:
    """Put the field of heatmaps on the schema and into the sidebar group; idempotent."""
    if not dataset.has_field(HEATMAP_FIELD):
        dataset.add_sample_field(
            HEATMAP_FIELD,
            fo.EmbeddedDocumentField,
            embedded_doc_type=fo.Heatmap,
            info={MARK: True},
        )
        add_to_sidebar(dataset, [HEATMAP_FIELD])


def declare_schema(dataset: fo.Dataset, wanted: Schema, *, shown: Sequence[str]) -> None:
    """Put fields on the schema, and those of the new ones that are to be shown into our group.

    Raises:
        InputError: if a field of another type has one of the names.
    """
    fresh = [path for path in shown if path in wanted and not dataset.has_field(path)]
    _declare(dataset, wanted)
    add_to_sidebar(dataset, fresh)


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
    emptied = []
    for group in groups:
        left = [path for path in group.paths if path not in paths]
        if group.name == SIDEBAR_GROUP and group.paths and not left:
            emptied.append(group)
        group.paths = left
    kept = [group for group in groups if group not in emptied]
    dataset.app_config.sidebar_groups = kept
    dataset.save()


def check_types(dataset: fo.Dataset, names: CaptionFields) -> None:
    """Refuse derived fields that exist with another type, before anything is computed.

    Raises:
        InputError: with the field, its type and the remedy.
    """
    for path, declared in caption_schema(names).items():
        if path != names.caption:
            _check_type(dataset, path, declared)


def check_segments_field(
    dataset: fo.Dataset, options: AnalysisOptions, stages: Sequence[Stage]
) -> None:
    """Refuse a segments field that holds something else, before anything is computed.

    Raises:
        InputError: with the field, its type and the remedy.
    """
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
            f"{type_name(field)}. Choose another segments_field."
        )
    for path, declared in segments_schema(names).items():
        _check_type(dataset, path, declared)


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
            missing[path] = declared.kind(
                *inner, description=declared.description, info={MARK: True}
            )
    if missing:
        dataset.add_dynamic_sample_fields(fields=missing)


def is_marked(field: Any) -> bool:
    """Whether a field of a schema was declared here."""
    return MARK in (field.info or {})


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
            f"exists as a {type_name(field)}. Rename it, or choose another caption_field or "
            "segments_field, or give the derived fields another beginning (derived_prefix)."
        )


def _is_exactly(field: fo.Field, kind: type[fo.Field]) -> bool:
    # ObjectIdField is a StringField in FiftyOne's class tree, VectorField is no ArrayField.
    return isinstance(field, kind) and not (
        kind is fo.StringField and isinstance(field, fo.ObjectIdField)
    )


def type_name(field: Any) -> str:
    """A field's type as messages name it."""
    if isinstance(field, fo.EmbeddedDocumentField):
        return str(field.document_type.__name__)
    if isinstance(field, fo.ListField) and field.field is not None:
        return f"ListField of {type(field.field).__name__}"
    return type(field).__name__


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) if names else "there is none yet"


def declare_candidates(dataset: fo.Dataset, names: CaptionFields) -> None:
    """Put text, match score and recipe of candidates on the schema; idempotent."""
    wanted = candidates_schema(names)
    declare_schema(dataset, wanted, shown=list(wanted)[:2])
