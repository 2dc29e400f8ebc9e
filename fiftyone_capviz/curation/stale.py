"""Captions whose text changed since their words, scores and coverage were derived."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.documents import chosen_text, text_hash
from fiftyone_capviz.curation.fields import CaptionFields
from fiftyone_capviz.curation.runs import read_run
from fiftyone_capviz.curation.sample_ids import samples_of


def stale_ids(collection: Any, caption_field: str = "caption") -> list[str]:
    """Ids of the samples whose derived fields belong to another text than the stored one.

    A sample that was never analysed is not stale. An emptied caption is.
    """
    collection = samples_of(collection)
    fields = CaptionFields(caption_field)
    if not (collection.has_field(fields.stages) and collection.has_field(caption_field)):
        return []
    index = caption_index(collection._root_dataset, caption_field)
    ids, texts, stages = collection.values(["id", caption_field, fields.stages])
    return [
        sample_id
        for sample_id, text, stage in zip(ids, texts, stages, strict=True)
        if is_stale(text, stage, caption_index=index)
    ]


def is_stale(
    text: str | list[str] | None, stages: dict[str, Any] | None, *, caption_index: int = 0
) -> bool:
    """Whether a sample's stored hash belongs to another text."""
    stored = (stages or {}).get("text")
    return stored is not None and stored != text_hash(chosen_text(text, caption_index))


def caption_index(dataset: Any, caption_field: str) -> int:
    """Which caption of a list-of-string field the analysis took."""
    run = read_run(dataset, caption_field)
    return 0 if run is None else int(run.options.get("caption_index") or 0)


def stale_captions(collection: Any, caption_field: str = "caption") -> Any:
    """The stale samples as a view."""
    return samples_of(collection).select(stale_ids(collection, caption_field))
