"""What the steering panel is told both by its own events and by operators that stream to it."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from fiftyone_capviz.curation.steering.batch import Batch
from fiftyone_capviz.curation.steering.image import Attempt
from fiftyone_capviz.text.caption_pieces import compare_captions


class PiecePayload(TypedDict):
    text: str
    is_new: bool


class AttemptPayload(TypedDict):
    text: str
    prompt: str
    pieces: list[PiecePayload]
    lost: list[str]
    itm: float | None
    log_likelihood: float | None
    seconds: float


class BatchPayload(TypedDict):
    summary: str
    word: str | None
    samples: int
    changed: int
    hits: int | None
    before: int | None
    lacking: int | None
    gained: int | None
    misses: int
    failed: int
    unweighted: int
    without_subject: int
    at_limit: int
    stopped: bool
    waiting: int
    theirs: int


def attempt_payload(attempt: Attempt, present: str | None) -> AttemptPayload:
    return caption_payload(
        attempt.caption.text,
        present,
        prompt=attempt.caption.prompt,
        itm=attempt.match,
        log_likelihood=attempt.caption.log_likelihood,
        seconds=attempt.seconds,
    )


def batch_payload(batch: Batch, waiting: int, theirs: int) -> BatchPayload:
    """The last batch; `theirs` of those waiting stand beside a caption of the user's."""
    return {
        "summary": batch.summary,
        "word": batch.word,
        "samples": batch.samples,
        "changed": batch.changed,
        "hits": batch.hits,
        "before": batch.before,
        "lacking": batch.lacking,
        "gained": batch.gained,
        "misses": len(batch.misses),
        "failed": len(batch.failed),
        "unweighted": batch.unweighted,
        "without_subject": batch.without_subject,
        "at_limit": batch.at_limit,
        "stopped": batch.stopped,
        "waiting": waiting,
        "theirs": theirs,
    }


def finite(value: float | None) -> float | None:
    """None for nan, which JSON does not know."""
    return None if value is None or not np.isfinite(value) else float(value)


def caption_payload(
    text: str,
    present: str | None,
    *,
    prompt: str,
    itm: float | None,
    log_likelihood: float,
    seconds: float,
) -> AttemptPayload:
    pieces, lost = marked_pieces(text, present)
    return {
        "text": text,
        "prompt": prompt,
        "pieces": pieces,
        "lost": lost,
        "itm": itm,
        "log_likelihood": finite(log_likelihood),
        "seconds": seconds,
    }


def marked_pieces(text: str, present: str | None) -> tuple[list[PiecePayload], list[str]]:
    change = compare_captions(text, present)
    pieces: list[PiecePayload] = [{"text": one.text, "is_new": one.is_new} for one in change.pieces]
    return pieces, list(change.lost)
