"""What the Caption Steering panel sends and is sent.

The same names stand in ``js/src/payloads/caption_steering.ts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from fiftyone_capviz.curation.segments.outlines import segment_outlines
from fiftyone_capviz.curation.steering.batch import Candidate
from fiftyone_capviz.curation.steering.image import ImageGrid, SteeredImage
from fiftyone_capviz.curation.steering.messages import (
    AttemptPayload,
    BatchPayload,
    PiecePayload,
    caption_payload,
    finite,
    marked_pieces,
)
from fiftyone_capviz.curation.steering.prompts import PromptSuggestion
from fiftyone_capviz.text.subject import caption_subject

SHOWN_SHARE = 0.05
"""A segment that covers less of a patch does not mark it."""


class SegmentPayload(TypedDict):
    id: str
    label: str
    coverage: float | None
    area: float | None
    outline: str


class ImagePayload(TypedDict):
    sample_id: str
    filepath: str
    caption: str | None
    subject: str | None
    caption_field: str
    caption_fields: list[str]
    itm: float | None
    replaced: int
    position: int | None
    total: int
    segments: list[SegmentPayload]
    batch: BatchPayload | None
    undo: int
    theirs: bool


class PlacePayload(TypedDict):
    sample_id: str
    grid: int
    crop: list[float]
    cells: dict[str, list[list[float]]]
    default_prompt: str
    itm: float | None
    log_likelihood: float | None
    streams: bool


class TrialPayload(TypedDict):
    weight: float
    probability: float
    says_word: bool
    accepted: bool
    attempt: AttemptPayload


class SearchPayload(TypedDict):
    word: str
    best: int | None
    trials: list[TrialPayload]


class SuggestionPayload(TypedDict):
    prompt: str
    probability: float | None
    text: str


class ScopePayload(TypedDict):
    key: str
    count: int


class ScopesPayload(TypedDict):
    scopes: list[ScopePayload]
    sources: list[str]
    words: list[str]


class CandidatePayload(TypedDict):
    sample_id: str
    filepath: str
    pieces: list[PiecePayload]
    present: str | None
    itm: float | None
    present_itm: float | None
    weight: float | None
    says_word: bool | None
    theirs: bool


class CandidatesPayload(TypedDict):
    candidates: list[CandidatePayload]
    waiting: int
    missed: int
    theirs: int
    missed_theirs: int


def image_payload(
    image: SteeredImage,
    *,
    caption_field: str,
    caption_fields: Sequence[str],
    position: int | None,
    total: int,
    batch: BatchPayload | None,
    undo: int,
) -> ImagePayload:
    outlines = segment_outlines(image.detections)
    return {
        "sample_id": image.sample_id,
        "filepath": image.filepath,
        "caption": image.caption,
        "subject": caption_subject(image.caption),
        "caption_field": caption_field,
        "caption_fields": list(caption_fields),
        "itm": image.match,
        "replaced": image.replaced,
        "position": position,
        "total": total,
        "segments": [
            {
                "id": str(one["_id"]),
                "label": str(one.get("label") or one.get("top_word") or "segment"),
                "coverage": one.get("coverage"),
                "area": one.get("area"),
                "outline": outline,
            }
            for one, outline in zip(image.detections, outlines, strict=True)
        ],
        "batch": batch,
        "undo": undo,
        "theirs": image.theirs,
    }


def place_payload(image: SteeredImage, place: ImageGrid) -> PlacePayload:
    cells = {}
    for one, coverage in zip(image.detections, place.coverage, strict=True):
        rows, columns = np.nonzero(coverage >= SHOWN_SHARE)
        shares = coverage[rows, columns].round(2)
        listed = zip(rows.tolist(), columns.tolist(), shares.tolist(), strict=True)
        cells[str(one["_id"])] = [[row, column, share] for row, column, share in listed]
    return {
        "sample_id": image.sample_id,
        "grid": place.grid.side,
        "crop": list(place.crop),
        "cells": cells,
        "default_prompt": place.default_prompt,
        "itm": place.match,
        "log_likelihood": finite(place.log_likelihood),
        "streams": place.streams,
    }


def search_payload(search: Any, *, word: str, present: str | None) -> SearchPayload:
    """Of a ``WeightSearch``, whose module needs torch."""
    return {
        "word": word,
        "best": search.best,
        "trials": [
            {
                "weight": trial.weight,
                "probability": trial.probability,
                "says_word": trial.says_word,
                "accepted": trial.accepted,
                "attempt": caption_payload(
                    trial.caption.text,
                    present,
                    prompt=trial.caption.prompt,
                    itm=None if trial.match is None else trial.match.probability,
                    log_likelihood=trial.caption.log_likelihood,
                    seconds=0.0,
                ),
            }
            for trial in search.trials
        ],
    }


def suggestion_payload(one: PromptSuggestion) -> SuggestionPayload:
    return {"prompt": one.prompt, "probability": one.probability, "text": one.text}


def candidate_payload(one: Candidate) -> CandidatePayload:
    return {
        "sample_id": one.sample_id,
        "filepath": one.filepath,
        "pieces": marked_pieces(one.caption, one.present)[0],
        "present": one.present,
        "itm": one.match,
        "present_itm": one.present_match,
        "weight": one.weight,
        "says_word": one.says_word,
        "theirs": one.theirs,
    }


def candidates_payload(
    rows: Sequence[Candidate],
    waiting: Sequence[str],
    theirs: frozenset[str],
    *,
    missed: Sequence[str],
) -> CandidatesPayload:
    """A page of waiting captions, and how many there are in all.

    Args:
        rows: the page.
        waiting: ids of all that wait.
        theirs: those beside a caption of the user's.
        missed: those that lack the wanted word.
    """
    lacking = set(waiting) & set(missed)
    return {
        "candidates": [candidate_payload(one) for one in rows],
        "waiting": len(waiting),
        "missed": len(lacking),
        "theirs": len(theirs),
        "missed_theirs": len(lacking & theirs),
    }
