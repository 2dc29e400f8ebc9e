"""Accepting candidates, and taking that back: captions change with all that derives from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Unpack

from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.collection import root_dataset, sample_documents
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.job import Job, JobKeywords
from fiftyone_capviz.curation.dataset.kept_texts import last_run
from fiftyone_capviz.curation.dataset.names import CaptionFields
from fiftyone_capviz.curation.dataset.ownership import Ownership
from fiftyone_capviz.curation.dataset.runs import caption_names, continued_options
from fiftyone_capviz.curation.dataset.samples import reload_samples, sample_ids
from fiftyone_capviz.curation.dataset.states import read_states
from fiftyone_capviz.curation.steering.reports import AcceptReport
from fiftyone_capviz.curation.steering.rewriting import CaptionChange, rewrite_captions
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.field_names import require_free_names


@database_errors()
def accept_captions(
    collection: SampleCollection,
    caption_field: str = "caption",
    *,
    ids: Sequence[str] | None = None,
    options: AnalysisOptions | None = None,
    **job: Unpack[JobKeywords],
) -> AcceptReport:
    """Make candidates the captions, and recompute what derives from them.

    The old caption goes to ``<caption>_previous`` with the recipe that replaced it, also one of the
    user's own: accepting is the choice to write over it, and the report counts them. A sample whose
    image cannot be read any more keeps its caption and its candidate.

    Args:
        collection: a dataset or view.
        caption_field: whose candidates.
        ids: only these samples of it.
        options: default those of the last analysis.
        job: progress, stop, cache, as in ``analyze``.

    Raises:
        InputError: no candidates.
    """
    dataset = root_dataset(collection)
    chosen = continued_options(dataset, caption_field, options)
    steered, _, recipe_field = CaptionFields.of(chosen).steered
    if not Ownership(dataset).is_ours(steered):
        raise InputError(
            f"Accepting needs candidates; {dataset.name!r} has no {steered!r}. Run steer_captions."
        )
    changes = {}
    for sample_id, text, recipe in _values(collection, ids, [steered, recipe_field]):
        if text is not None:
            changes[ObjectId(sample_id)] = CaptionChange(text, dict(recipe or {}), undo=False)
    if not changes:
        raise InputError(
            "Accepting needs candidates; none of the chosen samples has one. Run steer_captions."
        )
    return rewrite_captions(dataset, chosen, changes, Job(**job))


@database_errors()
def undo_captions(
    collection: SampleCollection,
    caption_field: str = "caption",
    *,
    ids: Sequence[str] | None = None,
    options: AnalysisOptions | None = None,
    **job: Unpack[JobKeywords],
) -> AcceptReport:
    """Bring back the captions that the last run or acceptance replaced, one per call.

    Of the chosen samples those are undone whose captions were replaced last, together; what an
    earlier one replaced on others is the next call's. A caption that was edited by hand since stays
    as it is, and is counted: nothing else keeps that text.

    Args:
        collection: a dataset or view; its samples without an earlier caption are left alone.
        caption_field: whose captions.
        ids: only these samples of it.
        options, job: as in :func:`accept_captions`.

    Raises:
        InputError: nothing to undo.
    """
    dataset = root_dataset(collection)
    chosen = continued_options(dataset, caption_field, options)
    previous = CaptionFields.of(chosen).previous
    kept = {}
    if Ownership(dataset).is_ours(previous):
        found = _values(collection, ids, [previous])
        kept = {ObjectId(one): entries for one, entries in found if entries}
    edited = {
        one.id for one in read_states(dataset, list(kept), chosen) if one.edited and one.has_text
    }
    kept = {one: entries for one, entries in kept.items() if one not in edited}
    changes = {
        one: CaptionChange(entry.get("caption"), dict(entry), undo=True)
        for one, entry in last_run(kept).items()
    }
    if not changes:
        stay = f" {len(edited)} have, but were edited by hand since and stay." if edited else ""
        raise InputError(
            f"Undo needs an earlier caption; none of the chosen samples has one in {previous!r} "
            f"that can come back.{stay}"
        )
    report = rewrite_captions(dataset, chosen, changes, Job(**job))
    left = sum(len(entries) > (one in changes) for one, entries in kept.items())
    return replace(report, waiting=left, edited=len(edited))


@database_errors()
def discard_candidates(
    collection: SampleCollection,
    caption_field: str = "caption",
    *,
    ids: Sequence[str] | None = None,
) -> int:
    """Drop candidates; the captions stay. Returns how many were dropped."""
    dataset = root_dataset(collection)
    require_free_names(caption_field=caption_field)
    names, owner = caption_names(dataset, caption_field).steered, Ownership(dataset)
    if not all(owner.is_ours(name) for name in names):
        return 0
    chosen = [ObjectId(row[0]) for row in _values(collection, ids, [])]
    dropped = sample_documents(dataset).update_many(
        {"_id": {"$in": chosen}, names[0]: {"$ne": None}},
        {
            "$set": dict.fromkeys(names)
            | {"last_modified_at": datetime.now(UTC).replace(tzinfo=None)}
        },
    )
    reload_samples(dataset)
    return int(dropped.modified_count)


def _values(
    collection: SampleCollection, ids: Sequence[str] | None, paths: Sequence[str]
) -> list[tuple[Any, ...]]:
    """(id, values) of the collection's samples, or of those of them that are chosen."""
    found = sample_ids(collection)
    if ids is not None:
        wanted = set(ids)
        found = [one for one in found if one in wanted]
    view = root_dataset(collection).select(found, ordered=True)
    return list(zip(*view.values(["id", *paths]), strict=True))
