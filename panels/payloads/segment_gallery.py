"""What the Segment Gallery sends to the browser.

The same names stand in ``js/src/payloads/segment_gallery.ts``.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Literal, TypedDict

import numpy as np
from PIL import Image

from fiftyone_capviz.curation.gallery.cards import SegmentCard, SegmentScores
from fiftyone_capviz.curation.gallery.methods import MethodResult
from fiftyone_capviz.curation.gallery.pool import Scope, SegmentPool
from fiftyone_capviz.curation.steering.messages import finite
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.models.attention_shape import AttentionShape
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.settings.words import WordMethod

STEPS = 127
"""A map is sent as signed bytes: this many steps to either side of zero."""

Problem = Literal["no_analysis", "no_segments", "no_words"]
"""No run yet; none in this scope; segments, but no words attributed to them."""


class ReadingPayload(TypedDict):
    """A caption's words on one segment; lists have one entry per word.

    ``maps`` is base64 of int8 "words grid grid": value = entry / 127 * peak of the word. Words in
    ``unread`` have no attribution, and no score. ``seen`` is False for a segment that lies outside
    what the model sees; ``coverage`` is None there, and where no word has an attribution.
    """

    scores: list[float | None]
    best: list[float | None]
    unread: list[int]
    seen: bool
    coverage: int | None
    covered_by: list[int]
    entropy: float | None
    grid: int
    peaks: list[float]
    maps: str


class PiecePayload(TypedDict):
    text: str
    word: int


class CardPayload(TypedDict):
    """A segment; ``mask`` is a PNG in base64, transparent outside of the segment."""

    label_id: str
    sample_id: str
    filepath: str
    label: str | None
    box: list[float]
    mask: str | None
    pieces: list[PiecePayload]
    words: list[str]
    area: float | None
    stale: bool
    reading: ReadingPayload | None


class MethodPayload(TypedDict):
    source: str
    method: str
    layer: int | None
    head: int | None


class ScopePayload(TypedDict):
    """Where the segments come from; ``covered``: how many of them a word in focus covers."""

    kind: Scope
    words: list[str]
    total: int
    covered: int


class GalleryPayload(TypedDict):
    """Answer of ``draw``; ``problem`` says why there are no cards.

    ``notes``: what the last analysis did not read, did not see or cut, in sentences.
    """

    version: str
    focus_version: int
    seed: int
    caption_field: str
    segments_field: str
    scope: ScopePayload
    problem: Problem | None
    stored: MethodPayload
    notes: list[str]
    cards: list[CardPayload]


class ShapePayload(TypedDict):
    """Layers and heads of a model; unknown (None) until it has been loaded.

    ``gradient_layers``: of how many, from the first one on, Grad-CAM can be taken.
    """

    model: str
    layers: int | None
    gradient_layers: int | None
    heads: int | None
    default_layer: int | None


class MethodsPayload(TypedDict):
    """Answer of ``methods``: what can be chosen, by source."""

    itm: ShapePayload
    lm: ShapePayload


class ReadingsPayload(TypedDict):
    """Answer of ``read``: label id -> reading, or why there is none."""

    readings: dict[str, ReadingPayload]
    failures: dict[str, str]
    layer: int
    shape: ShapePayload


def card_payload(card: SegmentCard) -> CardPayload:
    """A card as it is sent."""
    return {
        "label_id": card.label_id,
        "sample_id": card.sample_id,
        "filepath": card.filepath,
        "label": card.label,
        "box": [round(one, 5) for one in card.box],
        "mask": None if card.mask is None else mask_png(card.mask),
        "pieces": [{"text": piece.text, "word": piece.word} for piece in card.pieces],
        "words": list(card.words),
        "area": card.area,
        "stale": card.stale,
        "reading": None if card.reading is None else reading_payload(card.reading),
    }


def reading_payload(reading: SegmentScores) -> ReadingPayload:
    """A reading as it is sent: its maps as bytes."""
    peaks, maps = map_bytes(reading.maps)
    return {
        "scores": [finite(float(one)) for one in reading.scores],
        "best": [finite(float(one)) for one in reading.best],
        "unread": list(reading.unread),
        "seen": reading.seen,
        "coverage": reading.coverage,
        "covered_by": [int(one) for one in reading.covered_by],
        "entropy": reading.entropy,
        "grid": Grid(*reading.maps.shape[1:]).side,
        "peaks": peaks,
        "maps": maps,
    }


def map_bytes(maps: FloatArray) -> tuple[list[float], str]:
    """Largest absolute value of each map, and all maps as signed bytes of it, in base64.

    A map of NaN is sent as zeros.
    """
    maps = np.nan_to_num(maps)
    flat = np.abs(maps).reshape(len(maps), -1)
    peaks = flat.max(axis=1, initial=0.0)
    scale = np.divide(STEPS, peaks, out=np.zeros_like(peaks), where=peaks > 0)
    steps = np.rint(maps * scale[:, None, None]).astype(np.int8)
    return [float(one) for one in peaks], base64.b64encode(steps.tobytes()).decode("ascii")


def mask_png(mask: BoolArray) -> str:
    """A mask as a PNG of one bit per pixel, transparent outside, in base64."""
    picture = Image.fromarray(mask.astype(np.uint8), mode="P")
    picture.putpalette([0, 0, 0, 255, 255, 255])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", transparency=0, bits=1)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def method_payload(method: WordMethod) -> MethodPayload:
    """A method as it is sent."""
    return {
        "source": method.source,
        "method": method.method,
        "layer": method.layer,
        "head": method.head,
    }


def shape_payload(model: str, shape: AttentionShape | None) -> ShapePayload:
    """A model's layers and heads as they are sent."""
    return {
        "model": model,
        "layers": None if shape is None else shape.layers,
        "gradient_layers": None if shape is None else shape.gradient_layers,
        "heads": None if shape is None else shape.heads,
        "default_layer": None if shape is None else shape.default_layer,
    }


def readings_payload(found: MethodResult, model: str) -> ReadingsPayload:
    """The answer of ``read``."""
    return {
        "readings": {one: reading_payload(each) for one, each in found.readings.items()},
        "failures": dict(found.failures),
        "layer": found.layer,
        "shape": shape_payload(model, found.shape),
    }


def scope_payload(kind: Scope, words: Sequence[str], pool: SegmentPool | None) -> ScopePayload:
    """Where the cards come from, as it is sent."""
    return {
        "kind": kind,
        "words": list(words),
        "total": 0 if pool is None else len(pool),
        "covered": 0 if pool is None else pool.covered,
    }
