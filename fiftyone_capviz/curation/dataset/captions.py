"""A caption's text, read from any shape in which datasets hold it, and where to put another one.

    text = stored_text(document, "vlm.response")
    place = CaptionPlaces.of_dataset(dataset, "captions").of(document)
    collection.update_one({"_id": ...}, {"$set": {place.path: place.value("a dog")}})

Shapes: a string; a `fo.Classification`, whose label is the text, as FiftyOne's own models have it;
`fo.Classifications`; a dict or an embedded document with one of `TEXT_KEYS`; lists of all of
these. A path with dots leads into dicts, embedded documents and lists of them. Documents are raw,
as MongoDB holds them, with the whole of the path's first field (`root_of`): a projection of a
nested path drops elements of lists, and the places of the others would shift.

Every reader and writer of captions goes through here. Which of several texts counts is decided in
`chosen` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import fiftyone as fo
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.collection import raw_values, sample_documents
from fiftyone_capviz.curation.dataset.documents import Document

TEXT_KEYS = ("response", "caption", "text", "answer")
"""Under which keys a dict holds a caption, the first that is there."""

Value = Any
"""A raw value of MongoDB."""


class _Absent:
    """Stands for a key that is not there."""


ABSENT = _Absent()


@dataclass(frozen=True)
class Place:
    """Where a caption's text stands, or would stand.

    Attributes:
        path: what an update has to set.
        text: what stands there; None if nothing does.
        before: raw value at the path; `ABSENT` where there is no such key.
        frame: makes what has to be set from a text, where more than the text is missing.
    """

    path: str
    text: str | None
    before: Value = None
    frame: Any = None

    def value(self, text: str | None) -> Value:
        """What to set at the path, so that the text stands here."""
        return text if text is None or self.frame is None else self.frame(text)

    @property
    def condition(self) -> Value:
        """What a query may demand of the path: nothing was written here meanwhile."""
        return None if isinstance(self.before, _Absent) else self.before


def root_of(caption_field: str) -> str:
    """The sample field that a path begins with: what a projection has to name."""
    return caption_field.partition(".")[0]


def root_expression(caption_field: str) -> Document:
    """For an aggregation: a document of the path's first field alone, under whatever name."""
    root = root_of(caption_field)
    # A plain {root: "$root"} would lead into the field where it is named like the projection's.
    return {"$mergeObjects": [{root: f"${root}"}]}


def stored_text(
    document: Mapping[str, Value], caption_field: str, caption_index: int = 0
) -> str | None:
    """The caption that counts, of a raw document; None if there is none."""
    place = chosen(list(_places(document, caption_field)), caption_index)
    return None if place is None else place.text


def value_at(document: Mapping[str, Value], path: str) -> Value:
    """The raw value under a path; of the elements of a list, a list."""
    value: Value = document
    for name in path.split("."):
        if isinstance(value, list):
            value = [one.get(name) for one in value if isinstance(one, Mapping)]
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    return value


def stored_texts(document: Mapping[str, Value], caption_field: str) -> list[str | None]:
    """All captions of a raw document, in order; None for an empty one among them."""
    return [place.text for place in _places(document, caption_field)]


def stored_value(document: Mapping[str, Value], caption_field: str) -> str | list[str] | None:
    """The captions as they go out: a string, or a list of them where they are stored so."""
    texts = [text for text in stored_texts(document, caption_field) if text is not None]
    if is_several(document, caption_field):
        return texts
    return texts[0] if texts else None


def is_several(document: Mapping[str, Value], caption_field: str) -> bool:
    """Whether the captions of a raw document are in a list, however many there are."""
    places = list(_places(document, caption_field))
    listed = any(part.isdigit() for one in places for part in one.path.split(".")[1:])
    return listed or any(isinstance(one.before, list) for one in places)


def chosen(places: Sequence[Place], caption_index: int) -> Place | None:
    """The one of an image's captions that counts: by its number, else the first.

    The only place where this choice is made.
    """
    if not places:
        return None
    return places[caption_index] if caption_index < len(places) else places[0]


@dataclass(frozen=True)
class CaptionPlaces:
    """Finds where the captions of a dataset stand.

    Attributes:
        caption_field: path of the captions.
        caption_index: which of several counts.
        schema: of the path's first field: what an empty field has to become.
        key: under which a dict without a text gets one.
        of_dicts: lists whose schema says nothing of their elements hold dicts.
    """

    caption_field: str
    caption_index: int = 0
    schema: fo.Field | None = None
    key: str = TEXT_KEYS[0]
    of_dicts: bool = False

    @classmethod
    def of_dataset(
        cls, dataset: fo.Dataset, caption_field: str, caption_index: int = 0
    ) -> CaptionPlaces:
        """With the schema of a dataset, and where that says too little, like its other captions."""
        schema = dataset.get_field(root_of(caption_field))
        key, of_dicts = TEXT_KEYS[0], False
        if isinstance(schema, fo.ListField | fo.DictField | fo.EmbeddedDocumentField):
            other = next(_full_places(dataset, caption_field), None)
            parts = [] if other is None else other.path.split(".")
            key = parts[-1] if parts and parts[-1] in TEXT_KEYS else key
            of_dicts = len(parts) > 1 and parts[-2].isdigit()
        return cls(caption_field, caption_index, schema, key, of_dicts)

    def of(self, document: Mapping[str, Value]) -> Place | None:
        """Where the caption that counts stands; None where no text can stand."""
        walk = _Walk(self.key, self.of_dicts)
        found = _places(document, self.caption_field, self.schema, walk)
        return chosen(list(found), self.caption_index)


def is_there(dataset: fo.Dataset, caption_field: str) -> bool:
    """Whether a dataset has a field of this path: on its schema, or in the dicts of a sample."""
    root = root_of(caption_field)
    if dataset.get_field(caption_field) is not None or caption_field == root:
        return dataset.get_field(caption_field) is not None
    if dataset.get_field(root) is None:
        return False
    found = sample_documents(dataset).find_one({caption_field: {"$exists": True}}, {"_id": 1})
    return found is not None


def shown_path(dataset: fo.Dataset, caption_field: str) -> str:
    """What the App can show of a caption field: a part of a dict is no field of its own."""
    there = dataset.get_field(caption_field) is not None
    return caption_field if there else root_of(caption_field)


def raw_captions(collection: SampleCollection, caption_field: str) -> list[Document]:
    """Raw documents with the path's first field, of a dataset's or view's samples in their order.

    What a view filtered out of the field is not there.
    """
    root = root_of(caption_field)
    return [{root: value} for value in raw_values(collection, root)]


EXAMPLES = 20
"""So many samples with a value are looked at where the schema does not say what they hold."""


def example_documents(dataset: fo.Dataset, caption_field: str) -> list[Document]:
    """A few raw documents with a value in the path's first field."""
    root = root_of(caption_field)
    query: dict[str, Value] = {root: {"$nin": [None, [], {}, ""]}}
    return list(sample_documents(dataset).find(query, {root: 1}, limit=EXAMPLES))


def _full_places(dataset: fo.Dataset, caption_field: str) -> Iterator[Place]:
    for document in example_documents(dataset, caption_field):
        yield from (one for one in _places(document, caption_field) if one.text)


def _places(
    document: Mapping[str, Value],
    caption_field: str,
    schema: fo.Field | None = None,
    walk: _Walk | None = None,
) -> Iterator[Place]:
    root, _, rest = caption_field.partition(".")
    walk = walk or _Walk()
    yield from walk.places(
        document.get(root, ABSENT), schema, rest.split(".") if rest else [], root
    )


@dataclass(frozen=True)
class _Walk:
    """Goes down a value along a path, with the schema's fields beside it.

    Attributes:
        key, of_dicts: as of `CaptionPlaces`.
    """

    key: str = TEXT_KEYS[0]
    of_dicts: bool = False

    def places(
        self, value: Value, schema: fo.Field | None, rest: list[str], path: str
    ) -> Iterator[Place]:
        """The places of all texts below a value, in order."""
        if value is None or value is ABSENT or (isinstance(value, list) and not value):
            yield Place(path, None, value, partial(self.built, schema, rest))
        elif isinstance(value, str):
            if not rest:
                yield Place(path, value, value)
        elif isinstance(value, list):
            inner = getattr(schema, "field", None)
            for index, each in enumerate(value):
                yield from self.places(each, inner, rest, f"{path}.{index}")
        elif isinstance(value, Mapping):
            name = rest[0] if rest else self._key_of(value)
            inner = _inner(schema, name)
            yield from self.places(value.get(name, ABSENT), inner, rest[1:], f"{path}.{name}")

    def _key_of(self, value: Mapping[str, Value]) -> str:
        """Under which key a mapping holds its text."""
        if value.get("_cls") in _LABEL_KEYS:
            return _LABEL_KEYS[value["_cls"]]
        texts = (key for key in TEXT_KEYS if isinstance(value.get(key), str | list | Mapping))
        there = (key for key in TEXT_KEYS if key in value)
        return next(texts, next(there, self.key))

    def built(self, schema: fo.Field | None, rest: list[str], text: str) -> Value:
        """What an empty field has to become to hold a text in the shape of its schema."""
        if isinstance(schema, fo.ListField):
            if schema.field is None and self.of_dicts and not rest:
                return [{self.key: text}]
            return [self.built(schema.field, rest, text)]
        if isinstance(schema, fo.EmbeddedDocumentField):
            kind = schema.document_type
            name = rest[0] if rest else _LABEL_KEYS.get(kind.__name__, self.key)
            inner = self.built(_inner(schema, name), rest[1:], text)
            if issubclass(kind, fo.Classification | fo.Classifications):
                return {**kind().to_dict(), name: inner}
            return {"_cls": kind.__name__, name: inner}
        if rest:
            return {rest[0]: self.built(None, rest[1:], text)}
        return {self.key: text} if isinstance(schema, fo.DictField) else text


_LABEL_KEYS = {"Classification": "label", "Classifications": "classifications"}
"""Class of a label -> the key that leads to its text."""


def _inner(schema: Any, name: str) -> fo.Field | None:
    """The schema of what stands under a name."""
    if isinstance(schema, fo.EmbeddedDocumentField):
        known: Mapping[str, fo.Field] = schema.get_field_schema()
        return known.get(name)
    if isinstance(schema, fo.ListField):  # a path into a list means each of its elements
        return _inner(schema.field, name)
    return None
