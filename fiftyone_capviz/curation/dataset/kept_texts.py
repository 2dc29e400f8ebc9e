"""Whose a stored caption is, and what is kept so that each can be put back.

A text is ours where the sample's bookkeeping holds its hash as `written`; any other is the user's,
one of ours that was edited by hand, too. What a run or an acceptance replaced is an entry of
``<caption>_previous``, the oldest first; what stood where there was no caption is noted once, in
the bookkeeping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from fiftyone_capviz.curation.dataset.documents import Document, text_hash
from fiftyone_capviz.curation.dataset.names import CaptionFields
from fiftyone_capviz.curation.dataset.states import SampleState

FILLED = "filled"
"""Under which the bookkeeping notes what stood where we wrote a caption and there was none."""
BY_HAND = "edited by hand"

Key = TypeVar("Key")


def emptied(names: CaptionFields, stages: Mapping[str, Any]) -> tuple[Document, Document]:
    """What to set and what to unset, so that a sample is without a caption as it was before."""
    filled = stages.get(FILLED)
    if filled is None:
        return {names.caption: None}, {}
    noted = f"{names.stages}.{FILLED}"
    if "value" in filled:
        return {filled["path"]: filled["value"]}, {noted: ""}
    return {}, {filled["path"]: "", noted: ""}


def whose_text(sample: SampleState, run: str) -> Document:
    """What an entry for undo keeps beside a text; undo puts these marks back.

    By `written` an edit by hand is recognised, by `made` the configuration that wrote it, and by
    `run` what is undone together.
    """
    return {
        "written": sample.stages.get("written"),
        "made": sample.stages.get("caption"),
        "run": run,
    }


def last_of_theirs(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """The user's text that was replaced last; None if all of these were ours."""
    for entry in reversed(entries):
        text = entry.get("caption")
        known = "written" in entry or entry.get("method") == BY_HAND
        if (text or "").strip() and known and entry.get("written") != text_hash(text):
            return str(text)
    return None


def last_run(entries: Mapping[Key, Sequence[Mapping[str, Any]]]) -> dict[Key, Mapping[str, Any]]:
    """The last entry of those that the latest run replaced; the others' turn comes later.

    Entries of versions that noted no run count as one.
    """
    last = {key: each[-1] for key, each in entries.items() if each}
    latest: dict[str, datetime] = {}
    for entry in last.values():
        run, time = str(entry.get("run") or ""), entry.get("time") or datetime.min
        latest[run] = max(latest.get(run, time), time)
    newest = max(latest, key=lambda run: latest[run], default="")
    return {key: one for key, one in last.items() if str(one.get("run") or "") == newest}


def utc_now() -> datetime:
    """The time as MongoDB stores it."""
    return datetime.now(UTC).replace(tzinfo=None)
