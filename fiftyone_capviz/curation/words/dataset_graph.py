"""The word graph of a dataset or view, and the captions that changed since they were analysed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.coverage import kept_words
from fiftyone_capviz.curation.dataset.caption_fields import holds_text, not_text, text_fields
from fiftyone_capviz.curation.dataset.captions import (
    is_there,
    raw_captions,
    stored_text,
    stored_value,
)
from fiftyone_capviz.curation.dataset.collection import root_dataset
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.documents import text_hash
from fiftyone_capviz.curation.dataset.runs import caption_names, list_runs, read_run
from fiftyone_capviz.curation.dataset.samples import samples_of
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.word_graph import WordGraph, build_graph
from fiftyone_capviz.settings.field_names import require_free_names
from fiftyone_capviz.text.words import words_of_corpus


def caption_values(
    collection: SampleCollection, caption_field: str
) -> list[str | list[str] | None]:
    """The captions of each sample: a string, or a list where they are stored so.

    Raises:
        InputError: no such field, or one that holds no text.
    """
    require_free_names(caption_field=caption_field)
    dataset = root_dataset(collection)
    if not is_there(dataset, caption_field):
        names = dict.fromkeys([*list_runs(dataset), *text_fields(dataset)])
        raise InputError(
            f"The caption field must exist; {dataset.name!r} has no "
            f"{caption_field!r}. Choose one of {', '.join(names) or 'none yet'}, or run "
            "caption_images."
        )
    if not holds_text(dataset, caption_field):
        raise InputError(not_text(dataset, caption_field))
    return [stored_value(one, caption_field) for one in raw_captions(collection, caption_field)]


def caption_texts(collection: SampleCollection, caption_field: str = "caption") -> list[str | None]:
    """One text per sample; several captions of one image are joined by new lines."""
    return [
        "\n".join(str(one) for one in value if one) if isinstance(value, list) else value
        for value in caption_values(collection, caption_field)
    ]


@database_errors()
def word_graph(
    collection: SampleCollection,
    caption_field: str = "caption",
    *,
    min_count: int = 1,
    top: int | None = None,
) -> WordGraph:
    """Counts, co-occurrences and associations of the words of a dataset or view.

    Stored words are used where they belong to the stored text; other texts (a field of the user's
    own, captions edited by hand) are tokenised on the fly. Every sample is one document. Stop words
    of the dataset are left out.

    Args:
        collection: a dataset or view.
        caption_field: any field of captions.
        min_count: drop words that occur in fewer samples.
        top: keep only this many words, the most frequent ones.
    """
    collection = samples_of(collection)
    values = caption_values(collection, caption_field)
    fields = caption_names(root_dataset(collection), caption_field)
    stored: Sequence[list[str] | None] = [None] * len(values)
    tags: Sequence[list[str] | None] = [None] * len(values)
    stages: Sequence[dict[str, Any] | None] = [None] * len(values)
    if all(collection.has_field(f) for f in (fields.words, fields.word_tags, fields.stages)):
        stored, tags, stages = collection.values([fields.words, fields.word_tags, fields.stages])
    scores = collection.values(fields.itm) if collection.has_field(fields.itm) else None

    documents: list[Sequence[str]] = [()] * len(values)
    word_tags: list[Sequence[str]] = [()] * len(values)
    missing = []
    for i, value in enumerate(values):
        kept, kept_tags = stored[i], tags[i]
        fresh = not isinstance(value, list) and not is_stale(value, stages[i])
        if kept is not None and kept_tags is not None and fresh:
            documents[i], word_tags[i] = kept, kept_tags
        else:
            missing.append(i)
    texts = caption_texts(collection, caption_field) if missing else []
    for i, words in zip(missing, words_of_corpus([texts[i] for i in missing]), strict=True):
        documents[i], word_tags[i] = words.words, words.tags
    stop = frozenset(own_stop_words(root_dataset(collection)))
    if stop:
        for i, (listed, its_tags) in enumerate(zip(documents, word_tags, strict=True)):
            places = kept_words(listed, stop)
            documents[i] = [listed[place] for place in places]
            word_tags[i] = [its_tags[place] for place in places]
    return build_graph(documents, tags=word_tags, scores=scores, min_count=min_count, top=top)


def stale_ids(collection: SampleCollection, caption_field: str = "caption") -> list[str]:
    """Ids of the samples whose derived fields belong to another text than the stored one.

    A sample that was never analysed is not stale. An emptied caption is.
    """
    collection = samples_of(collection)
    dataset = root_dataset(collection)
    fields = caption_names(dataset, caption_field)
    if not (collection.has_field(fields.stages) and is_there(dataset, caption_field)):
        return []
    index = caption_index(dataset, caption_field)
    ids, stages = collection.values(["id", fields.stages])
    raw = raw_captions(collection, caption_field)
    return [
        sample_id
        for sample_id, one, stage in zip(ids, raw, stages, strict=True)
        if is_stale(stored_text(one, caption_field, index), stage)
    ]


def is_stale(text: str | None, stages: dict[str, Any] | None) -> bool:
    """Whether a sample's stored hash belongs to another text."""
    stored = (stages or {}).get("text")
    return stored is not None and stored != text_hash(text)


def caption_index(dataset: fo.Dataset, caption_field: str) -> int:
    """Which caption of a list-of-string field the analysis took."""
    run = read_run(dataset, caption_field)
    return 0 if run is None else int(run.options.get("caption_index") or 0)


@database_errors()
def stale_captions(collection: SampleCollection, caption_field: str = "caption") -> Any:
    """The stale samples as a view."""
    return samples_of(collection).select(stale_ids(collection, caption_field))
