"""Which fields of a dataset can be captions, which are ours, and what a run may not take for one.

A field's type says what it can hold; of dicts only the samples say it. What this package wrote
itself, bookkeeping above all, is never offered as captions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.dataset.captions import (
    TEXT_KEYS,
    example_documents,
    is_several,
    is_there,
    root_of,
    stored_texts,
    value_at,
)
from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    CaptionFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.runs import (
    caption_fields_of_runs,
    caption_names,
    list_evaluations,
    list_runs,
    written_paths,
)
from fiftyone_capviz.curation.dataset.schema import (
    candidates_schema,
    caption_schema,
    check_segments_field,
    check_types,
    detections_fields,
    type_name,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage
from fiftyone_capviz.settings.field_names import DEFAULT_FIELDS, KEPT_FIELDS, OUR_FIELDS

RESERVED = (*DEFAULT_FIELDS, *KEPT_FIELDS, *OUR_FIELDS)


def text_fields(dataset: fo.Dataset) -> list[str]:
    """Paths that can serve as captions, strings first; none that this package made itself.

    Strings, Classification(s), lists of them, and of dicts and embedded documents those that hold
    a text: under one of the usual keys the field itself, else each part that does.
    """
    ours = own_paths(dataset)
    plain: list[str] = []
    others: list[str] = []
    for path, field in dataset.get_field_schema().items():
        if path in RESERVED or path in ours:
            continue
        if _is_text(field):
            plain.append(path)
        elif _is_label(field):
            others.append(path)
        elif _is_open(field):
            others += _parts_with_text(dataset, path)
    return [*plain, *others]


def holds_text(dataset: fo.Dataset, path: str) -> bool:
    """Whether captions can be read from a path, as far as its type and some samples tell."""
    field: Any = dataset.get_field(path)
    if _is_text(field) or _is_label(field):
        return True
    if field is not None and not _is_open(field):
        return False
    documents = example_documents(dataset, path)
    filled = [one for one in documents if value_at(one, path)]
    if not filled:  # nothing is in the way of what will be written
        return field is not None
    return any(any(stored_texts(one, path)) for one in filled)


def own_paths(dataset: fo.Dataset) -> set[str]:
    """Fields that this package made: those of its runs, and those described as its own."""
    found: set[str] = {ERROR_FIELD}
    for caption_field in caption_fields_of_runs(dataset):
        names = caption_names(dataset, caption_field)
        found |= {*names.derived, *names.steered, *names.pairs.paths}
    for key in list_evaluations(dataset):
        found |= written_paths(dataset, key)
    found |= {SegmentFields(one).stage for one in detections_fields(dataset)}
    told = _descriptions()
    for path, field in dataset.get_field_schema().items():
        if field.description in told:
            found.add(path)
    return found - set(list_runs(dataset))


def _descriptions() -> set[str]:
    """How the fields of captions and candidates are described, but for the caption itself."""
    names = CaptionFields("caption")
    schema = caption_schema(names) | candidates_schema(names)
    return {one.description for path, one in schema.items() if path != names.caption}


def check_fields(dataset: fo.Dataset, options: AnalysisOptions, stages: Sequence[Stage]) -> None:
    """Refuse a run whose fields hold something else, before anything is computed.

    Raises:
        InputError: with the field, what it holds and the remedy.
    """
    if any(stage in stages for stage in ("caption", "match", "attribute")):
        names = CaptionFields.of(options)
        check_caption_field(dataset, names.caption, writes="caption" in stages)
        check_types(dataset, names)
        check_derived_names(dataset, names)
    if any(stage in stages for stage in ("segment", "attribute", "map")):
        check_segments_field(dataset, options, stages)


def check_caption_field(dataset: fo.Dataset, path: str, *, writes: bool) -> None:
    """Refuse a caption field that holds something else, or that cannot be written.

    Raises:
        InputError: with what was seen and the remedy.
    """
    if not is_there(dataset, path):
        _check_new(dataset, path, writes=writes)
        return
    if path in own_paths(dataset):
        raise InputError(
            f"A caption field is yours to choose; {path!r} is one that an analysis wrote beside "
            f"its captions. Choose one of: {listed(text_fields(dataset))}."
        )
    if not holds_text(dataset, path):
        raise InputError(not_text(dataset, path))
    root = dataset.get_field(root_of(path))
    field = dataset.get_field(path)
    if writes and (getattr(root, "read_only", False) or getattr(field, "read_only", False)):
        raise InputError(f"The field {path!r} is read-only. Choose another caption_field.")


def _check_new(dataset: fo.Dataset, path: str, *, writes: bool) -> None:
    if not writes:
        raise InputError(
            f"The dataset has no caption field {path!r}. Run the stage 'caption' first, or "
            f"choose a field with text: {listed(text_fields(dataset))}."
        )
    if not path.isidentifier():
        raise InputError(
            f"A new caption field needs a plain name of letters, digits and underscores that "
            f"starts with a letter; got {path!r}, which the dataset does not have. Choose another "
            f"name, or one of: {listed(text_fields(dataset))}."
        )


def not_text(dataset: fo.Dataset, path: str) -> str:
    """Why captions cannot be read from a path that exists, and which would do."""
    parts = _parts_with_text(dataset, path, every=True)
    if parts:
        keys = sorted({one.removeprefix(f"{path}.") for one in parts})
        return (
            f"Of dicts the keys {', '.join(TEXT_KEYS)} are read as captions; those in {path!r} "
            f"have {listed(keys)}. Choose one as the path: caption_field={parts[0]!r}."
        )
    field = dataset.get_field(path)
    seen = "something else" if field is None else f"{type_name(field)}"
    return (
        f"A caption field holds texts (strings, lists of strings, Classification, "
        f"Classifications, dicts); {path!r} holds {seen}. Choose another: "
        f"{listed(text_fields(dataset))}."
    )


def caption_problem(dataset: fo.Dataset, path: str, *, writes: bool = False) -> str | None:
    """Why captions cannot be read from a path, or written to it; None if they can."""
    try:
        check_caption_field(dataset, path, writes=writes)
    except InputError as error:
        return str(error)
    return None


def holds_several(dataset: fo.Dataset, path: str) -> bool:
    """Whether some samples hold their captions in a list."""
    field = dataset.get_field(path)
    listed = isinstance(field, fo.ListField)
    return listed or any(is_several(one, path) for one in example_documents(dataset, path))


def check_derived_names(dataset: fo.Dataset, names: CaptionFields) -> None:
    """Refuse derived names that something else has: another field's analysis, or the user.

    Raises:
        InputError: with what is in the way; another prefix is the remedy.
    """
    if names.caption in list_runs(dataset):
        return
    others = [one for one in caption_fields_of_runs(dataset) if one != names.caption]
    same = next((o for o in others if caption_names(dataset, o).stem == names.stem), None)
    if same is not None:
        raise InputError(
            f"The derived fields of {names.caption!r} would begin with {names.stem!r}, and so do "
            f"those of {same!r}. {_other_prefix(names)}"
        )
    ours = own_paths(dataset)
    paths = (*names.derived, *names.steered)
    taken = [path for path in paths if dataset.has_field(path) and path not in ours]
    if taken:
        raise InputError(
            f"An analysis of {names.caption!r} writes {listed(taken)}, which the dataset has "
            f"already and no analysis wrote. {_other_prefix(names)}"
        )


def _other_prefix(names: CaptionFields) -> str:
    return (
        f"Give them another beginning: derived_prefix={names.stem + '_2'!r} "
        f"(--derived-prefix {names.stem}_2)."
    )


def _is_text(field: Any) -> bool:
    """A string, or a list of strings."""
    if isinstance(field, fo.ListField):
        return _is_text(field.field)
    return isinstance(field, fo.StringField) and not isinstance(field, fo.ObjectIdField)


def _is_label(field: Any) -> bool:
    """A Classification, several, or a list of them."""
    if isinstance(field, fo.ListField):
        return _is_label(field.field)
    return isinstance(field, fo.EmbeddedDocumentField) and issubclass(
        field.document_type, fo.Classification | fo.Classifications
    )


def _is_open(field: Any) -> bool:
    """Whether only the samples say what it holds: dicts, lists of them, documents with parts."""
    if isinstance(field, fo.ListField):
        return field.field is None or _is_open(field.field)
    if isinstance(field, fo.EmbeddedDocumentField):
        return not issubclass(field.document_type, fo.Label | fo.Metadata)
    return isinstance(field, fo.DictField)


def _parts_with_text(dataset: fo.Dataset, path: str, *, every: bool = False) -> list[str]:
    """The path itself where its dicts have a usual key, else the paths of their strings."""
    documents = example_documents(dataset, path)
    if not every and any(any(stored_texts(one, path)) for one in documents):
        return [path]
    keys: dict[str, None] = {}
    for one in documents:
        for each in _mappings(value_at(one, path)):
            keys |= dict.fromkeys(k for k, v in each.items() if isinstance(v, str))
    return [f"{path}.{key}" for key in keys if not key.startswith("_") and "." not in key]


def _mappings(value: Any) -> Iterable[dict[str, Any]]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield one


def listed(names: Sequence[str]) -> str:
    """Names for a message."""
    return ", ".join(repr(name) for name in names) if names else "there is none yet"
