"""What the Pair Explainer panel sends; the same names as in js/src/payloads/pair_explainer.ts."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from fiftyone_capviz.curation.dataset.documents import Document
from fiftyone_capviz.curation.pairs.explain import PairAnswer
from fiftyone_capviz.curation.pairs.relate import Relation
from fiftyone_capviz.curation.pairs.sample import PairFieldsChosen, PairSample, SegmentRegions
from fiftyone_capviz.curation.segments.outlines import segment_outlines
from fiftyone_capviz.curation.steering.messages import finite
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.models import ENCODERS
from fiftyone_capviz.settings.pairs import (
    LAYERED_METHODS,
    PAIR_METHOD_HINTS,
    PAIR_METHODS,
    PairSettings,
    default_encoder,
)

LEAST_SHARE = 0.0005
"""A segment's share of a patch below this is not sent."""


class SegmentPayload(TypedDict):
    id: str
    label: str
    area: float | None
    outline: str


class MethodPayload(TypedDict):
    value: str
    label: str
    hint: str
    layered: bool


class ImagePayload(TypedDict):
    sample_id: str
    filepath: str
    caption: str | None
    caption_field: str | None
    caption_fields: list[str]
    position: int | None
    total: int
    segments: list[SegmentPayload]
    encoder: str
    encoders: list[str]
    methods: list[MethodPayload]


class WordPayload(TypedDict):
    text: str
    start: int
    end: int
    content: bool
    read: bool


class PairPayload(TypedDict):
    sample_id: str
    caption: str
    words: list[WordPayload]
    grid: int
    width: int
    height: int
    seen: list[float]
    maps: str
    on_patches: float
    on_cls: float
    rest: float
    cells: dict[str, list[list[float]]]
    problems: dict[str, str]
    score: float
    exact: float | None
    completeness_error: float | None
    relative_error: float | None
    encoder: str
    method: str
    layer: int | None
    text_layer: int | None
    layers: int
    default_layer: int
    notes: list[str]
    seconds: float


class RelationPayload(TypedDict):
    rows: int
    columns: int
    matrix: str
    method: str
    score: float
    inside: float
    rest: float
    exact: float | None
    completeness_error: float | None
    relative_error: float | None
    layer: int | None
    notes: list[str]
    seconds: float


class WaitPayload(TypedDict):
    """Instead of an answer: how many seconds it is expected to take."""

    wait: float


def image_payload(
    sample: PairSample, chosen: PairFieldsChosen, *, position: int | None, total: int
) -> ImagePayload:
    usual = default_encoder(chosen.captioner or "")
    return {
        "sample_id": sample.sample_id,
        "filepath": sample.filepath,
        "caption": sample.caption,
        "caption_field": chosen.caption_field,
        "caption_fields": list(chosen.caption_fields),
        "position": position,
        "total": total,
        "segments": segment_payloads(sample.detections),
        "encoder": usual,
        "encoders": list(dict.fromkeys([usual, *ENCODERS])),
        "methods": [
            {
                "value": value,
                "label": label,
                "hint": PAIR_METHOD_HINTS[value],
                "layered": value in LAYERED_METHODS,
            }
            for value, label in PAIR_METHODS.items()
        ],
    }


def segment_payloads(detections: Sequence[Document]) -> list[SegmentPayload]:
    return [
        {
            "id": str(one["_id"]),
            "label": str(one.get("label") or one.get("top_word") or "segment"),
            "area": one.get("area"),
            "outline": outline,
        }
        for one, outline in zip(detections, segment_outlines(detections), strict=True)
    ]


def pair_payload(
    sample: PairSample, reading: PairAnswer, regions: SegmentRegions, settings: PairSettings
) -> PairPayload:
    """Of a reading, and of the patches that each segment owns."""
    place = reading.transform
    ids = [str(one["_id"]) for one in sample.detections]
    cells = {}
    for one, share in zip(ids, regions.shares, strict=True):
        rows, columns = np.nonzero(share >= LEAST_SHARE)
        values = share[rows, columns].round(4)
        listed = zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True)
        cells[one] = [[row, column, value] for row, column, value in listed]
    return {
        "sample_id": sample.sample_id,
        "caption": reading.caption,
        "words": [
            {
                "text": one.text,
                "start": one.start,
                "end": one.end,
                "content": one.content,
                "read": read,
            }
            for one, read in zip(reading.words, reading.read, strict=True)
        ],
        "grid": place.grid.side,
        "width": place.width,
        "height": place.height,
        "seen": list(map(float, place.crop)),
        "maps": encoded(reading.maps),
        "on_patches": reading.on_patches,
        "on_cls": reading.on_cls,
        "rest": reading.rest,
        "cells": cells,
        "problems": {k: told for k, told in zip(ids, regions.problems, strict=True) if told},
        "score": reading.score,
        "exact": finite(reading.exact),
        "completeness_error": finite(reading.completeness_error),
        "relative_error": finite(reading.relative_error),
        "encoder": settings.encoder,
        "method": settings.method,
        "layer": reading.layer if settings.layered else None,
        "text_layer": reading.text_layer if settings.layered else None,
        "layers": reading.layers,
        "default_layer": reading.default_layer,
        "notes": list(reading.notes),
        "seconds": reading.seconds,
    }


def relation_payload(reading: Relation, settings: PairSettings) -> RelationPayload:
    """Of a matrix "words words", or "p p p p" of two images."""
    matrix = reading.matrix
    flat = matrix if matrix.ndim == 2 else matrix.reshape(matrix.shape[0] * matrix.shape[1], -1)
    return {
        "rows": flat.shape[0],
        "columns": flat.shape[1],
        "matrix": encoded(flat),
        "method": settings.method,
        "score": reading.score,
        "inside": reading.inside,
        "rest": reading.rest,
        "exact": finite(reading.exact),
        "completeness_error": finite(reading.completeness_error),
        "relative_error": finite(reading.relative_error),
        "layer": reading.layer if settings.layered else None,
        "notes": list(reading.notes),
        "seconds": reading.seconds,
    }


def encoded(values: FloatArray) -> str:
    """Little-endian float32 in base64: exact, and a third of the size of digits.

    NaN, of words that were not read, is sent as 0; ``read`` and the notes tell of them.
    """
    known = np.where(np.isnan(values), 0, values)
    return base64.b64encode(np.ascontiguousarray(known, dtype="<f4").tobytes()).decode()
