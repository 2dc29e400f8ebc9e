"""Captions of a user's own, in every shape that datasets hold them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

TEXTS = ("a man with a red hat", "two dogs on the grass", "a wolf in the snow")


@dataclass(frozen=True)
class Shape:
    """How captions are stored.

    Attributes:
        path: the caption field to ask for.
        field: the sample field that is set.
        wrap: makes its value from a text.
        empty: a value without a caption.
    """

    path: str
    field: str
    wrap: Callable[[str], Any]
    empty: Any = None


def _label(text: str | None) -> fo.Classification:
    return fo.Classification(label=text, confidence=0.5, origin="mine")


SHAPES = {
    "string": Shape("blurb", "blurb", lambda t: t),
    "odd name": Shape("blip2-caption", "blip2-caption", lambda t: t, ""),
    "space": Shape("my caption", "my caption", lambda t: t),
    "list": Shape("captions", "captions", lambda t: [t, "a sibling stays"], []),
    "classification": Shape("label", "label", _label, _label(None)),
    "label's path": Shape("label.label", "label", _label),
    "classifications": Shape(
        "labels",
        "labels",
        lambda t: fo.Classifications(classifications=[_label(t), _label("a sibling stays")]),
        fo.Classifications(classifications=[]),
    ),
    "dict": Shape("vlm", "vlm", lambda t: {"response": t, "model": "mine", "n": [1, 2]}),
    "answer": Shape("vqa", "vqa", lambda t: {"question": "what?", "answer": t}),
    "dicts": Shape(
        "replies",
        "replies",
        lambda t: [{"response": t, "model": "mine"}, {"response": "a sibling stays"}],
    ),
    "nested": Shape(
        "vlm.response", "vlm", lambda t: {"response": t, "model": "mine"}, {"model": "mine"}
    ),
    "any key": Shape("vlm.output", "vlm", lambda t: {"output": t, "model": "mine"}),
    "deep": Shape("vlm.out.text", "vlm", lambda t: {"out": {"text": t, "n": 1}, "model": "mine"}),
    "dicts by key": Shape(
        "replies.said", "replies", lambda t: [{"said": t, "n": 1}, {"said": "b"}]
    ),
    "document": Shape("emb.response", "emb", lambda t: fo.DynamicEmbeddedDocument(response=t, n=3)),
}


def add_own_captions(dataset: fo.Dataset, shape: Shape, *, filled: int = len(TEXTS)) -> None:
    """Give the first samples captions of this shape; the others have a value without any."""
    for n, sample in enumerate(dataset):
        if n < filled:
            sample[shape.field] = shape.wrap(TEXTS[n % len(TEXTS)])
        elif shape.empty is not None:
            sample[shape.field] = shape.empty
        sample.save()


def raw_values(dataset: fo.Dataset, field: str) -> list[Any]:
    """A field as MongoDB holds it, of all samples; None where it is absent."""
    rows = dataset._sample_collection.find({}, {field: 1}).sort("_id", 1)
    return [row.get(field) for row in rows]


def put(value: Any, old: str, new: str) -> Any:
    """A raw value with one text in another's place, and all else as it is."""
    if isinstance(value, dict):
        return {key: put(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [put(each, old, new) for each in value]
    return new if value == old else value
