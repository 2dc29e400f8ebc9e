"""What the gallery shows of a segment: its mask, its image, the caption, the words on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import fiftyone as fo
import numpy as np
from bson import ObjectId

from fiftyone_capviz.coverage import in_all_words, kept_words, measure_coverage, seen_rows
from fiftyone_capviz.curation.dataset.captions import root_expression, stored_text
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import deserialize_array, full_masks
from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.errors import CapvizError
from fiftyone_capviz.placed_masks import RelativeBox, crop_mask
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.text.caption_pieces import CaptionPiece, caption_pieces
from fiftyone_capviz.text.words import caption_words

MASK_SIDE = 320
"""Pixels of the longer side of an image that a card's mask is drawn for."""


@dataclass(frozen=True)
class SegmentCard:
    """One segment, ready to be shown.

    Attributes:
        box: left, top, width, height as shares of the image.
        mask: the segment inside its box; None where it is the box.
        pieces: the caption, cut at its words; together they are the text. A stop word of the
            dataset is text between words.
        words: of the present text, in caption order.
        area: share of the image, 0..1; None where unknown.
        stale: whether the caption's words changed after they were attributed.
        reading: the stored attribution; None where there is none that fits the segments.
    """

    label_id: str
    sample_id: str
    filepath: str
    label: str | None
    box: RelativeBox
    mask: BoolArray | None
    pieces: tuple[CaptionPiece, ...]
    words: tuple[str, ...]
    area: float | None
    stale: bool
    reading: SegmentScores | None


def read_cards(
    dataset: fo.Dataset,
    chosen: Sequence[tuple[str, str]],
    *,
    caption_field: str,
    segments_field: str,
    top_k: int = 3,
    caption_index: int = 0,
) -> list[SegmentCard]:
    """Cards of some segments, in this order; what is not there any more is left out.

    Args:
        dataset: the dataset.
        chosen: (sample id, label id) of each segment.
        caption_field: whose words.
        segments_field: the segments.
        top_k: a word covers at most this many segments.
        caption_index: which caption counts in a list-of-string field.
    """
    names, marks = caption_names(dataset, caption_field), SegmentFields(segments_field)
    wanted: dict[str, list[str]] = defaultdict(list)
    for sample_id, label_id in chosen:
        wanted[sample_id].append(label_id)
    labels = [ObjectId(label_id) for _, label_id in chosen]
    pipeline = [
        {"$match": {"_id": {"$in": [ObjectId(one) for one in wanted]}}},
        {"$project": _projection(names, marks, labels)},
    ]
    stop = frozenset(own_stop_words(dataset))
    cards: dict[str, SegmentCard] = {}
    for row in sample_documents(dataset).aggregate(pipeline):
        for card in _cards_of(
            row, wanted[str(row["_id"])], top_k, caption_field, caption_index, stop
        ):
            cards[card.label_id] = card
    return [cards[label_id] for _, label_id in chosen if label_id in cards]


def _projection(
    names: CaptionFields, marks: SegmentFields, labels: Sequence[ObjectId]
) -> dict[str, Any]:
    kept = ("_id", "label", "bounding_box", "mask", "mask_path", "area")
    shown = {"$in": ["$$segment._id", list(labels)]}
    segments = {"$ifNull": [f"${marks.detections}", []]}
    return {
        "filepath": 1,
        "width": "$metadata.width",
        "height": "$metadata.height",
        "captions": root_expression(names.caption),
        "words": f"${names.words}",
        "attention": f"${names.attention}",
        "scores": f"${names.scores}",
        "ids": {"$map": {"input": segments, "as": "segment", "in": "$$segment._id"}},
        "shown": {
            "$map": {
                "input": {"$filter": {"input": segments, "as": "segment", "cond": shown}},
                "as": "segment",
                "in": {name: f"$$segment.{name}" for name in kept},
            }
        },
    }


def _cards_of(
    row: Mapping[str, Any],
    label_ids: Sequence[str],
    top_k: int,
    caption_field: str,
    caption_index: int,
    stop: Container[str],
) -> list[SegmentCard]:
    ids = [str(one) for one in row["ids"]]
    shown = {str(one["_id"]): one for one in row["shown"]}
    present = [one for one in label_ids if one in shown and one in ids]
    text = stored_text(row.get("captions") or {}, caption_field, caption_index) or ""
    words = caption_words(text).words
    stale = row.get("words") is not None and tuple(row["words"]) != words
    rows = [ids.index(one) for one in present]
    readings = _stored_readings(row, rows, () if stale else words, top_k, stop)
    pieces = tuple(
        replace(one, word=-1) if one.word >= 0 and words[one.word] in stop else one
        for one in caption_pieces(text)
    )
    cards = []
    for label_id, reading in zip(present, readings, strict=True):
        segment = shown[label_id]
        box, mask = _mask_of(segment, row.get("width"), row.get("height"))
        area = segment.get("area")
        cards.append(
            SegmentCard(
                label_id=label_id,
                sample_id=str(row["_id"]),
                filepath=row["filepath"],
                label=segment.get("label"),
                box=box,
                mask=mask,
                pieces=pieces,
                words=words,
                area=float(area) if area is not None and np.isfinite(area) else None,
                stale=stale,
                reading=reading,
            )
        )
    return cards


def _stored_readings(
    row: Mapping[str, Any],
    rows: Sequence[int],
    words: Sequence[str],
    top_k: int,
    stop: Container[str],
) -> Sequence[SegmentScores | None]:
    """Readings from what the analysis stored; None where it does not fit the segments."""
    scores, maps = _array(row.get("scores")), _array(row.get("attention"))
    nothing: list[SegmentScores | None] = [None] * len(rows)
    if scores is None or maps is None or not words:
        return nothing
    fits = scores.shape == (len(row["ids"]), len(words))
    if not fits or maps.ndim != 3 or len(maps) != len(words):
        return nothing
    return read_words(scores, maps, rows, top_k=top_k, kept=kept_words(words, stop))


def _array(stored: Any) -> FloatArray | None:
    return None if stored is None else np.asarray(deserialize_array(stored))


def _mask_of(
    segment: Mapping[str, Any], width: int | None, height: int | None
) -> tuple[RelativeBox, BoolArray | None]:
    """Box and mask at the size of a card: as sharp as it can be seen, and small to send."""
    box = tuple(float(one) for one in segment.get("bounding_box") or (0, 0, 0, 0))
    relative: RelativeBox = (box[0], box[1], box[2], box[3])
    if segment.get("mask") is None and not segment.get("mask_path"):
        return relative, None
    longest = max(width or 1, height or 1)
    size = [max(1, round(MASK_SIDE * (one or 1) / longest)) for one in (width, height)]
    try:
        (full,) = full_masks([dict(segment)], width=size[0], height=size[1])
    except CapvizError:  # a mask file that is gone: the box is still known
        return relative, None
    cropped, mask = crop_mask(full)
    return (cropped, mask) if mask.size else (relative, None)


@dataclass(frozen=True)
class SegmentScores:
    """A caption's words on one segment.

    Attributes:
        scores: float "words", each word's score on this segment; NaN where there is none.
        best: float "words", each word's highest score on any segment of the image; NaN likewise.
        covered_by: the words that cover this segment, best score first: indices.
        entropy: 0..1 of the positive scores; None where no word has one.
        maps: float "words rows columns", signed, on the patch grid; of the whole image. NaN for a
            word that was not read, or whose map is zero everywhere.
        seen: whether the model sees half of the segment at least.
        known: whether any word has a score on the image.
    """

    scores: FloatArray
    best: FloatArray
    covered_by: tuple[int, ...]
    entropy: float | None
    maps: FloatArray
    seen: bool = True
    known: bool = True

    @property
    def coverage(self) -> int | None:
        """How many words cover this segment; None where nothing can be said."""
        return len(self.covered_by) if self.seen and self.known else None

    @property
    def unread(self) -> tuple[int, ...]:
        """Words without an attribution, as indices."""
        found = np.flatnonzero(np.isnan(self.maps).all(axis=(1, 2)))
        return tuple(int(each) for each in found)


def read_words(
    scores: FloatArray,
    maps: FloatArray,
    rows: Sequence[int],
    *,
    top_k: int = 3,
    kept: Sequence[int] | None = None,
    seen: BoolArray | None = None,
) -> list[SegmentScores]:
    """The readings of some segments of one image.

    Args:
        scores: "segments words", all segments of the image: they compete for the words.
        maps: "words rows columns".
        rows: which segments.
        top_k: a word covers at most this many segments.
        kept: positions of the words that may cover; None means all.
        seen: bool "segments"; None reads it from the scores.
    """
    table, shown = (_without_infinities(each) for each in (scores, maps))
    visible = seen_rows(table) if seen is None else seen
    counted = range(table.shape[1]) if kept is None else kept
    covered = measure_coverage(table[:, counted], top_k=top_k, seen=visible)
    covered = in_all_words(covered, counted)
    best = np.fmax.reduce(table, axis=0, initial=np.nan)
    readings = []
    for row in rows:
        entropy = float(covered.entropy[row])
        readings.append(
            SegmentScores(
                scores=table[row],
                best=best,
                covered_by=covered.covered_by[row],
                entropy=entropy if np.isfinite(entropy) else None,
                maps=shown,
                seen=bool(visible[row]),
                known=covered.known,
            )
        )
    return readings


def _without_infinities(values: FloatArray) -> FloatArray:
    """Float32 with 0 for what overflowed; NaN, which means that there is nothing, stays."""
    table = np.asarray(values, np.float32)
    return np.where(np.isinf(table), np.float32(0), table)
