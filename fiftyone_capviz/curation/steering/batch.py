"""The last batch of candidates and what was accepted, as the steering panel remembers them.

Both live in the execution store, so that a panel that is opened again goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import fiftyone as fo
from bson import ObjectId

from fiftyone_capviz.curation.dataset.captions import root_of, stored_text
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.names import CaptionFields
from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.states import read_states
from fiftyone_capviz.curation.dataset.store import forget, recall, remember
from fiftyone_capviz.curation.steering.reports import SteerReport
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.text.wanted_words import says_any, wanted_words

_BATCH, _ACCEPTED = "steering_batch", "steering_accepted"
UNDO_STEPS = 20


@dataclass(frozen=True)
class Batch:
    """Candidates that wait.

    Attributes:
        sample_ids: all samples that were steered.
        misses: those whose candidate lacks the wanted word.
        failed: those that could not be captioned.
        word: the wanted word, None if there was none.
        lacking, gained: images that did not say it before, and those of them that do now.
        summary: the report in a sentence.
    """

    caption_field: str
    sample_ids: tuple[str, ...]
    misses: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    word: str | None = None
    samples: int = 0
    changed: int = 0
    hits: int | None = None
    before: int | None = None
    lacking: int | None = None
    gained: int | None = None
    unweighted: int = 0
    without_subject: int = 0
    at_limit: int = 0
    stopped: bool = False
    summary: str = ""

    @classmethod
    def of(cls, report: SteerReport, caption_field: str, sample_ids: Sequence[str]) -> Batch:
        """From what steering reported."""
        failed = tuple(failure.sample_id for failure in report.failures)
        return cls(
            caption_field=caption_field,
            sample_ids=tuple(sample_ids),
            misses=tuple(report.misses),
            failed=failed,
            word=report.word,
            samples=report.samples,
            changed=report.changed,
            hits=report.hits,
            before=report.before,
            lacking=None if report.success is None else report.success.rate.n,
            gained=None if report.success is None else report.success.gained,
            unweighted=report.unweighted,
            without_subject=report.without_subject,
            at_limit=report.at_limit,
            stopped=report.stopped,
            summary=report.summary(),
        )


@dataclass(frozen=True)
class Candidate:
    """One waiting caption beside the present one.

    Attributes:
        theirs: the present one is not ours: accepting writes over it.
    """

    sample_id: str
    filepath: str
    caption: str
    present: str | None
    match: float | None
    present_match: float | None
    weight: float | None
    says_word: bool | None
    theirs: bool = False


def remember_batch(dataset: fo.Dataset, batch: Batch) -> None:
    """Keep a batch; it replaces the one before."""
    remember(dataset, _BATCH, asdict(batch))


def pending_batch(dataset: fo.Dataset, caption_field: str) -> Batch | None:
    """The last batch of this caption field, while some of its candidates wait."""
    kept = recall(dataset, _BATCH)
    if kept is None or kept.get("caption_field") != caption_field:
        return None
    known = {item.name for item in fields(Batch)}
    values = {key: value for key, value in kept.items() if key in known}
    for name in ("sample_ids", "misses", "failed"):
        values[name] = tuple(values.get(name) or ())
    batch = Batch(**values)
    return batch if waiting_ids(dataset, batch) else None


def forget_batch(dataset: fo.Dataset) -> None:
    """Drop it."""
    forget(dataset, _BATCH)


def waiting_ids(dataset: fo.Dataset, batch: Batch) -> list[str]:
    """The batch's samples whose candidate is neither accepted nor discarded yet."""
    text, _, _ = caption_names(dataset, batch.caption_field).steered
    query = {"_id": {"$in": [ObjectId(one) for one in batch.sample_ids]}, text: {"$ne": None}}
    found = {str(row["_id"]) for row in sample_documents(dataset).find(query, {"_id": 1})}
    return [one for one in batch.sample_ids if one in found]


def candidates(
    dataset: fo.Dataset,
    batch: Batch,
    options: AnalysisOptions,
    *,
    offset: int = 0,
    limit: int = 50,
) -> list[Candidate]:
    """Waiting captions of a batch, those without the wanted word first."""
    missed = set(batch.misses)
    waiting = waiting_ids(dataset, batch)
    waiting.sort(key=lambda one: one not in missed)
    chosen = waiting[offset : offset + limit]
    names = CaptionFields.of(options)
    text, match, recipe = names.steered
    shown = {"filepath": 1, root_of(names.caption): 1, names.itm: 1, text: 1, match: 1}
    rows = sample_documents(dataset).find(
        {"_id": {"$in": [ObjectId(one) for one in chosen]}},
        {**shown, f"{recipe}.weight": 1, f"{recipe}.prompt": 1},
    )
    found = {str(row["_id"]): row for row in rows}
    theirs = theirs_among(dataset, chosen, options)
    wanted = wanted_words(batch.word)
    return [
        Candidate(
            sample_id=one,
            filepath=found[one]["filepath"],
            caption=found[one][text],
            present=stored_text(found[one], names.caption, options.caption_index),
            match=found[one].get(match),
            present_match=found[one].get(names.itm),
            weight=(found[one].get(recipe) or {}).get("weight"),
            says_word=says_any(
                found[one][text], wanted, prompt=(found[one].get(recipe) or {}).get("prompt")
            )
            if wanted
            else None,
            theirs=one in theirs,
        )
        for one in chosen
        if one in found
    ]


def theirs_among(
    dataset: fo.Dataset, ids: Sequence[str], options: AnalysisOptions
) -> frozenset[str]:
    """Those of some samples whose present caption is not ours, and would be written over."""
    states = read_states(dataset, [ObjectId(one) for one in ids], options)
    return frozenset(str(one.id) for one in states if one.theirs)


def note_accepted(dataset: fo.Dataset, caption_field: str, sample_ids: Sequence[str]) -> None:
    """Remember what was accepted together, so that it is undone together."""
    steps = [*_steps(dataset), {"caption_field": caption_field, "sample_ids": list(sample_ids)}]
    remember(dataset, _ACCEPTED, {"steps": steps[-UNDO_STEPS:]})


def last_accepted(dataset: fo.Dataset, caption_field: str) -> list[str]:
    """The samples of the last acceptance of this caption field; empty where there is none."""
    for step in reversed(_steps(dataset)):
        if step["caption_field"] == caption_field:
            return list(step["sample_ids"])
    return []


def forget_accepted(dataset: fo.Dataset, caption_field: str) -> None:
    """Drop the last acceptance of this caption field: it was undone."""
    steps = _steps(dataset)
    for index in range(len(steps) - 1, -1, -1):
        if steps[index]["caption_field"] == caption_field:
            del steps[index]
            break
    remember(dataset, _ACCEPTED, {"steps": steps})


def _steps(dataset: fo.Dataset) -> list[dict[str, Any]]:
    kept = recall(dataset, _ACCEPTED)
    return list(kept["steps"]) if kept else []
