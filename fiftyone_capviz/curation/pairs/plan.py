"""Which pairs of a view must be explained, and how long it takes: read once, no model is loaded.

What is stored of a sample is *done* if it came from these settings and from the present caption,
*stale* if its caption changed since, and *another's* if other settings explained the present one.
For forms, settings are recognised by what the last run noted of the encoder, so that this is exact
unless a checkpoint was exchanged under the same name; then the run still refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.captions import root_of, stored_text
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import Document, text_hash
from fiftyone_capviz.curation.dataset.names import ERROR_FIELD, HASH_KEY, TEXT_KEY, PairFields
from fiftyone_capviz.curation.dataset.progress import duration_text
from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.samples import image_samples
from fiftyone_capviz.curation.pairs.runs import PairRun, expected_hash, pace_key, read_pair_run
from fiftyone_capviz.curation.pairs.sample import required_fields
from fiftyone_capviz.errors import ExistingResultsError, InputError
from fiftyone_capviz.settings.analysis import EXISTING, Existing
from fiftyone_capviz.settings.hashing import REASONS
from fiftyone_capviz.settings.pairs import PAIR_METHODS, PairSettings, require_signed

CHUNK = 10_000
UNKNOWN = "settings that are not known any more"
REMEDY = (
    "Pass existing='replace' to explain those of this view anew, or existing='skip' to keep them "
    "and explain only what is missing."
)


@dataclass(frozen=True)
class PairTask:
    """One sample, and what is stored of its pair.

    Attributes:
        text: the caption that counts, without white space around it; empty without one.
        stages: the caption's bookkeeping; None where there is none yet.
        mismatches, notes: stored results.
        error: its `capviz_error`.
    """

    id: ObjectId
    filepath: str
    text: str
    stages: Mapping[str, str] | None
    mismatches: tuple[str, ...]
    notes: tuple[str, ...]
    error: str | None

    @property
    def pair(self) -> tuple[str, str]:
        """Image file and caption: equal pairs have equal results."""
        return self.filepath, self.text

    @property
    def hash(self) -> str | None:
        """Of the settings that explained it; None if it is not explained."""
        return (self.stages or {}).get(HASH_KEY)

    @property
    def is_stale(self) -> bool:
        """Whether the text that was explained is not the present one."""
        return (self.stages or {}).get(TEXT_KEY) != text_hash(self.text)


@dataclass(frozen=True)
class PairPlan:
    """What a run would do.

    Attributes:
        samples: of the view, with a caption.
        tasks: pairs to explain.
        done: pairs that these settings explained already.
        emptied: samples whose caption went away after it was explained.
        captionless: samples without a caption, those included.
        stale: of the tasks, how many replace an explanation of an older caption.
        others: hash -> samples of this view whose present caption other settings explained.
        outside: the same of the samples outside this view.
    """

    samples: int
    tasks: list[PairTask]
    done: list[PairTask]
    emptied: list[PairTask]
    captionless: int
    stale: int
    others: Counter[str]
    outside: Counter[str]

    @property
    def repeated(self) -> frozenset[tuple[str, str]]:
        """Image files and captions that are to be explained more than once."""
        counts = Counter(task.pair for task in self.tasks)
        return frozenset(pair for pair, count in counts.items() if count > 1)

    def conflict(self, descriptions: Mapping[str, str]) -> str:
        """What would be replaced, or stand beside it, in plain sentences; empty if nothing.

        Args:
            descriptions: hash -> settings in words.
        """
        parts = [
            f"{count} samples {where} were explained by {descriptions.get(key, UNKNOWN)}"
            for counts, where in ((self.others, "of this view"), (self.outside, "outside it"))
            for key, count in counts.items()
        ]
        if not parts:
            return ""
        kept = " Those outside stay as they are." if self.outside else ""
        alike = Counter(descriptions.values())
        older = any(
            alike[descriptions[key]] > 1
            for key in (*self.others, *self.outside)
            if key in descriptions
        )
        since = f" What changed since: {REASONS['pairs']}." if older else ""
        return f"The fields hold results of other settings: {'; '.join(parts)}.{since}{kept}"


def plan_pairs(
    dataset: fo.Dataset,
    ids: Sequence[ObjectId],
    names: PairFields,
    settings_hash: str,
    *,
    existing: Existing,
    caption_index: int = 0,
) -> PairPlan:
    """Decide for every sample whether its pair has to be explained.

    With "skip" what other settings explained stays; with "replace" (and "error", whose caller
    refuses first) it is explained anew.
    """
    tasks: list[PairTask] = []
    done: list[PairTask] = []
    emptied: list[PairTask] = []
    samples = captionless = stale = 0
    seen: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for task in _read(dataset, ids, names, caption_index):
        seen.update([] if task.hash is None else [task.hash])
        if not task.text:
            captionless += 1
            if task.hash is not None:
                emptied.append(task)
            continue
        samples += 1
        if task.hash is None:
            tasks.append(task)
        elif task.is_stale:
            stale += 1
            tasks.append(task)
        elif task.hash == settings_hash:
            done.append(task)
        else:
            others[task.hash] += 1
            if existing != "skip":
                tasks.append(task)
    outside = stored_hashes(dataset, names) - seen
    outside.pop(settings_hash, None)
    return PairPlan(samples, tasks, done, emptied, captionless, stale, others, outside)


def stored_hashes(dataset: fo.Dataset, names: PairFields) -> Counter[str]:
    """Hash -> samples of the whole dataset that hold results of these settings."""
    found = sample_documents(dataset).aggregate(
        [
            {"$match": {names.hash: {"$ne": None}}},
            {"$group": {"_id": f"${names.hash}", "count": {"$sum": 1}}},
        ]
    )
    return Counter({row["_id"]: row["count"] for row in found})


def refuse_conflict(plan: PairPlan, descriptions: Mapping[str, str], existing: Existing) -> None:
    """Raise what keeps a planned run from starting.

    Raises:
        ExistingResultsError: results of other settings are there, and nothing was said about them.
    """
    message = plan.conflict(descriptions)
    if existing == "error" and message:
        raise ExistingResultsError(f"{message} {REMEDY}")


def validated_existing(existing: str) -> Existing:
    """What to do with results of other settings.

    Raises:
        InputError: it is none of `EXISTING`.
    """
    for choice in EXISTING:
        if existing == choice:
            return choice
    raise InputError(f"existing must be one of {', '.join(EXISTING)}; got {existing!r}. {REMEDY}")


def _read(
    dataset: fo.Dataset, ids: Sequence[ObjectId], names: PairFields, caption_index: int
) -> Iterator[PairTask]:
    wanted = (
        root_of(names.caption),
        names.stages,
        names.mismatches,
        names.notes,
        "filepath",
        ERROR_FIELD,
    )
    for start in range(0, len(ids), CHUNK):
        chunk = list(ids[start : start + CHUNK])
        found = sample_documents(dataset).find({"_id": {"$in": chunk}}, dict.fromkeys(wanted, 1))
        rows = {row["_id"]: row for row in found}
        yield from (_task(rows[one], names, caption_index) for one in chunk if one in rows)


def _task(row: Document, names: PairFields, caption_index: int) -> PairTask:
    return PairTask(
        id=row["_id"],
        filepath=row.get("filepath") or "",
        text=(stored_text(row, names.caption, caption_index) or "").strip(),
        stages=row.get(names.stages),
        mismatches=tuple(row.get(names.mismatches) or ()),
        notes=tuple(row.get(names.notes) or ()),
        error=row.get(ERROR_FIELD),
    )


@dataclass(frozen=True)
class PairEstimate:
    """What a run would do, and roughly how long it would take.

    Attributes:
        to_do: pairs to explain.
        seconds: None if these settings have not run on this device yet.
        text: how much there is to do, for people.
        conflict: what other settings explained already, in plain sentences; empty if nothing.
    """

    to_do: int
    seconds: float | None
    text: str
    conflict: str


def estimate_pairs(
    collection: SampleCollection,
    settings: PairSettings,
    *,
    caption_field: str | None = None,
    caption_index: int | None = None,
    existing: str = "error",
) -> PairEstimate:
    """Look at what is stored, and at how long the last pairs took.

    Args:
        collection, settings, caption_field, caption_index, existing: as for `find_mismatches`.

    Raises:
        InputError: what the run would be refused for.
    """
    kept = validated_existing(existing)
    require_signed(settings)
    samples = image_samples(collection)
    chosen = required_fields(samples.dataset, caption_field, caption_index)
    names = caption_names(samples.dataset, str(chosen.caption_field)).pairs
    last = read_pair_run(samples.dataset, names.caption)
    wanted = expected_hash(settings, last)
    plan = plan_pairs(
        samples.dataset,
        samples.ids,
        names,
        wanted,
        existing=kept,
        caption_index=chosen.caption_index,
    )
    pace = None if last is None else last.pace.get(pace_key(wanted, settings.device))
    seconds = None if pace is None else pace * len(plan.tasks)
    return PairEstimate(
        to_do=len(plan.tasks),
        seconds=seconds,
        text=" ".join([_work(plan), _duration(plan, seconds, settings, last)]).strip(),
        conflict=plan.conflict({} if last is None else last.descriptions),
    )


def _work(plan: PairPlan) -> str:
    text = f"{len(plan.tasks)} of {plan.samples} captions are explained"
    told = [
        f"{count} {what}"
        for count, what in (
            (len(plan.done), "are done already"),
            (plan.stale, "changed since they were"),
            (plan.captionless, "samples have no caption"),
        )
        if count
    ]
    return f"{text} ({', '.join(told)})." if told else f"{text}."


def _duration(
    plan: PairPlan, seconds: float | None, settings: PairSettings, last: PairRun | None
) -> str:
    if not plan.tasks:
        return ""
    if seconds is not None:
        return f"About {duration_text(seconds)}."
    text = "The duration shows once the encoder is loaded."
    if settings.method == "ilime":
        return (
            f"{text} {PAIR_METHODS['ilime']} takes a thousand passes of the model for each caption."
        )
    inner = settings.layer is not None and (last is None or settings.layer < last.image_layers - 1)
    if inner:
        text += " Below the last layer a caption takes many passes of the model instead of one."
    return text
