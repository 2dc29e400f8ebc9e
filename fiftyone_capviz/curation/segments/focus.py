"""The word in focus: its score on every segment of a view, and its heatmap on the images.

``segments.detections.word_scores`` is a plain list, so that MongoDB can pick a word's score by the
word's index in ``<caption>_words``. Nothing but the word travels to the server, and no document
travels back. Words are data: they stand in ``$literal``, never in a field name or an expression.

The App enlarges a small map by nearest neighbour. So the patch grid is enlarged here, bilinearly,
to a modest size, and kept as uint8 (some 10 kB per image). Only the positive part is shown.

Formulas: docs/methods.md, section 3.4.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import fiftyone as fo
import numpy as np
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from numpy.typing import NDArray
from PIL import Image
from pymongo import UpdateOne

from fiftyone_capviz.curation.dataset.collection import root_dataset, sample_documents
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.map_run import refresh_map
from fiftyone_capviz.curation.dataset.names import HEATMAP_FIELD
from fiftyone_capviz.curation.dataset.ownership import Ownership, refuse_theirs
from fiftyone_capviz.curation.dataset.progress import UndividedReport
from fiftyone_capviz.curation.dataset.runs import active_caption, caption_names
from fiftyone_capviz.curation.dataset.samples import id_filter, is_whole, reload_samples, sample_ids
from fiftyone_capviz.curation.dataset.schema import declare_heatmaps
from fiftyone_capviz.curation.dataset.stop_words import require_counted
from fiftyone_capviz.curation.dataset.store import forget, recall, remember
from fiftyone_capviz.curation.segments.attention_update import attention_update
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.field_names import require_free_names
from fiftyone_capviz.text.inflection import singularize

MAX_SEGMENTS = 100_000
"""Above this many segments the plot is narrowed by a filter instead of being recolored."""


@dataclass(frozen=True)
class FocusReport(UndividedReport):
    """What :func:`focus_word` did.

    Attributes:
        word: the word in focus as stored (normalised), None after unfocusing.
        samples: samples in the view.
        samples_with_word: samples of the view whose caption holds the word.
        unread: of these, those in which the model that attributed did not read it.
        segments: segments in the view.
        written: False where there were too many segments; then apply ``filters`` instead.
        heatmaps: samples that got a ``word_heatmap``.
        seconds: wall-clock time.
        message: one plain sentence for the user.
        filters: for the App's ``set_filters``: narrows the plot to the word's segments.
    """

    word: str | None
    samples: int
    samples_with_word: int
    segments: int
    written: bool
    heatmaps: int
    seconds: float
    message: str
    filters: Mapping[str, Any]
    unread: int = 0

    def summary(self) -> str:
        """The message."""
        return self.message

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self)


@database_errors()
def focus_word(
    collection: SampleCollection,
    word: str | None,
    *,
    caption_field: str = "caption",
    segments_field: str = "segments",
    heatmaps: bool = False,
    heatmap_limit: int = 500,
) -> FocusReport:
    """Write each segment's share of one word into ``<segments>.detections.attention``.

    Every segment of the view gets a number, 0..1: its score over the largest in its image; 0.0
    where that is negative, or the sample's caption does not hold the word. None where the caption
    holds it and nothing is known: it was not read there, or the segment is not seen. Segments
    outside the view that an earlier focus wrote go back to None, so that one plot never mixes two
    words.

    Args:
        collection: a dataset or view; all its segments are rewritten by one update.
        word: as typed or as stored ("Women" finds "woman"); None takes the focus away.
        caption_field: whose words are meant; must be the active caption of the segments.
        segments_field: the analysed segments.
        heatmaps: also write ``word_heatmap`` for the samples that hold the word.
        heatmap_limit: at most this many heatmaps.

    Raises:
        InputError: no analysis is stored, another caption field is the active one, or the word is
            a stop word of the dataset.
    """
    started = time.perf_counter()
    require_free_names(caption_field=caption_field, segments_field=segments_field)
    dataset = root_dataset(collection)
    if word is None:
        unfocus(dataset, segments_field=segments_field)
        seen, elapsed = len(sample_ids(collection)), time.perf_counter() - started
        return FocusReport(None, seen, 0, 0, True, 0, elapsed, "No focus.", {})
    _check(dataset, caption_field, segments_field)
    if heatmaps:
        refuse_theirs(dataset, [HEATMAP_FIELD])
    ids = None if is_whole(collection) else sample_ids(collection)
    samples = len(collection) if ids is None else len(ids)
    stored, hits = _stored_word(dataset, word, caption_field, ids)
    require_counted(dataset, stored)
    segments = _count_segments(dataset, segments_field, ids)
    filters = word_filter(stored, segments_field)
    if segments > MAX_SEGMENTS:
        message = (
            f"{segments:,} segments are more than the {MAX_SEGMENTS:,} that are recolored at once; "
            f"narrow the view, or filter the plot by top word {stored!r}."
        )
        elapsed = time.perf_counter() - started
        return FocusReport(stored, samples, hits, segments, False, 0, elapsed, message, filters)
    _write_attention(dataset, stored, caption_field, segments_field, ids)
    drawn = 0
    if heatmaps:
        drawn = write_heatmaps(
            dataset, stored, ids, caption_field=caption_field, limit=heatmap_limit
        )
    refresh_map(dataset, segments_field)
    unread = count_unread(dataset, stored, caption_field, ids)
    message = f"{stored!r} is in {hits:,} of {samples:,} captions.{told_unread(unread)}"
    elapsed = time.perf_counter() - started
    return FocusReport(
        stored, samples, hits, segments, True, drawn, elapsed, message, filters, unread
    )


def unfocus(dataset: fo.Dataset, *, segments_field: str = "segments") -> None:
    """Take the focus away: ``attention`` back to None everywhere, heatmaps removed."""
    path, owner = f"{segments_field}.detections", Ownership(dataset)
    if owner.is_ours(f"{path}.attention"):
        sample_documents(dataset).update_many(
            {f"{path}.attention": {"$type": "number"}},
            {"$set": {f"{path}.$[].attention": None}},
        )
    if owner.is_ours(HEATMAP_FIELD):
        sample_documents(dataset).update_many(
            {HEATMAP_FIELD: {"$ne": None}}, {"$set": {HEATMAP_FIELD: None}}
        )
    forget(dataset, _key(segments_field))
    reload_samples(dataset)
    refresh_map(dataset, segments_field)


def renew_focus(dataset: fo.Dataset, segments_field: str, ids: Sequence[str]) -> None:
    """Write the word in focus again on samples whose scores have changed, if it covered them."""
    state = recall(dataset, _key(segments_field))
    if state is None or not ids:
        return
    covered = state.get("sample_ids")
    focused = None if covered is None else set(covered)
    chosen = [one for one in ids if focused is None or one in focused]
    if chosen:
        path = f"{segments_field}.detections.0"
        words = caption_names(dataset, state["caption_field"]).words
        sample_documents(dataset).update_many(
            {"_id": {"$in": [ObjectId(one) for one in chosen]}, path: {"$exists": True}},
            attention_update(state["word"], words, segments_field),
        )
        reload_samples(dataset)


def focused_word(dataset: fo.Dataset, segments_field: str = "segments") -> str | None:
    """The word in focus, or None."""
    state = recall(dataset, _key(segments_field))
    return None if state is None else str(state["word"])


def word_filter(word: str, segments_field: str = "segments") -> dict[str, Any]:
    """The App's sidebar filter that keeps the segments whose top word is this one."""
    return {
        f"{segments_field}.detections.top_word": {
            "values": [word],
            "exclude": False,
            "isMatching": False,
        }
    }


def _key(segments_field: str) -> str:
    return f"focus_{segments_field}"


def _check(dataset: fo.Dataset, caption_field: str, segments_field: str) -> None:
    words_field = caption_names(dataset, caption_field).words
    scores_path = f"{segments_field}.detections.word_scores"
    owner = Ownership(dataset)
    for path in (words_field, scores_path):
        if not owner.is_ours(path):
            raise InputError(
                f"A word can be focused once its scores are stored; {dataset.name!r} has no "
                f"{path!r}. Run analyze_captions with caption field {caption_field!r} and "
                f"segments field {segments_field!r} first."
            )
    active = active_caption(dataset, segments_field)
    if active is not None and active != caption_field:
        raise InputError(
            f"The segments in {segments_field!r} describe the caption field {active!r}, not "
            f"{caption_field!r}. Run activate_captions for {caption_field!r} first."
        )


def _stored_word(
    dataset: fo.Dataset, word: str, caption_field: str, ids: Sequence[str] | None
) -> tuple[str, int]:
    """The stored form of a typed word, and how many samples of the view hold it."""
    typed = word.strip()
    best, hits = typed.lower(), 0
    words = caption_names(dataset, caption_field).words
    for form in dict.fromkeys((typed, typed.lower(), singularize(typed.lower()))):
        holds = {words: form}
        count = sample_documents(dataset).count_documents({**holds, **_among(dataset, holds, ids)})
        if count > hits:
            best, hits = form, count
    return best, hits


def count_unread(
    dataset: fo.Dataset, word: str, caption_field: str, ids: Sequence[str] | None
) -> int:
    """Captions of these samples, of all where None, that hold a word beyond the token limit."""
    holds = {caption_names(dataset, caption_field).unread: word}
    return sample_documents(dataset).count_documents({**holds, **_among(dataset, holds, ids)})


def told_unread(unread: int) -> str:
    """What to add to how many captions hold a word; empty where all of it was read."""
    return f" In {unread:,} of them it lies beyond what the model reads." if unread else ""


def _count_segments(dataset: fo.Dataset, segments_field: str, ids: Sequence[str] | None) -> int:
    size = {"$size": {"$ifNull": [f"${segments_field}.detections", []]}}
    stages = [
        {"$match": id_filter(dataset, ids)},
        {"$group": {"_id": None, "n": {"$sum": size}}},
    ]
    return sum(int(one["n"]) for one in sample_documents(dataset).aggregate(stages))


def _among(
    dataset: fo.Dataset, match: Mapping[str, Any], ids: Sequence[str] | None
) -> dict[str, Any]:
    """MongoDB filter for those of these samples that match; none where all samples are meant.

    A filter by the ids of a whole view would cost more than what it filters.
    """
    if ids is None:
        return {}
    kept = set(ids)
    # The collection itself: the dataset would show one slice of its groups.
    found = sample_documents(dataset).find(match, {"_id": 1})
    return {"_id": {"$in": [one["_id"] for one in found if str(one["_id"]) in kept]}}


def _write_attention(
    dataset: fo.Dataset,
    word: str,
    caption_field: str,
    segments_field: str,
    ids: Sequence[str] | None,
) -> None:
    path = f"{segments_field}.detections"
    before = recall(dataset, _key(segments_field))
    state = {"word": word, "caption_field": caption_field, "sample_ids": ids}
    remember(dataset, _key(segments_field), state)
    # Most samples lack both the old and the new word: their zeros stand, and rewriting a document
    # costs far more than reading it. "detections.0" exists: update no sample without segments,
    # whose field may be null.
    words = caption_names(dataset, caption_field).words
    present = {words: word, f"{path}.0": {"$exists": True}}
    absent = {words: {"$ne": word}, path: {"$elemMatch": {"attention": {"$ne": 0.0}}}}
    samples = sample_documents(dataset)
    samples.update_many(
        {**present, **_among(dataset, present, ids)},
        attention_update(word, words, segments_field),
    )
    samples.update_many(
        {**absent, **_among(dataset, absent, ids)},
        {"$set": {f"{path}.$[].attention": 0.0}, "$currentDate": {"last_modified_at": True}},
    )
    if ids is not None and before is not None:
        old = before.get("sample_ids")
        outside: dict[str, Any] = {"$nin": [ObjectId(i) for i in ids]}
        if old is not None:
            outside = {"$in": [ObjectId(i) for i in np.setdiff1d(old, ids).tolist()]}
        samples.update_many(
            {"_id": outside, f"{path}.attention": {"$type": "number"}},
            {"$set": {f"{path}.$[].attention": None}},
        )
    reload_samples(dataset)


SIDE = 160
"""Pixels of the longer side of a stored heatmap."""


def heatmap_values(
    word_map: FloatArray, *, aspect: float = 1.0, side: int = SIDE
) -> NDArray[np.uint8]:
    """A word's patch map as a smooth picture.

    Args:
        word_map: "rows columns" on the patch grid, signed; the grid shows the whole image.
        aspect: width over height of the image.
        side: pixels of the longer side.

    Returns:
        uint8 "height width", 255 at the map's maximum, 0 where the word draws nothing.
    """
    positive = np.nan_to_num(np.asarray(word_map, np.float32)).clip(min=0)
    aspect = min(max(aspect, 1 / 16), 16.0)
    width = max(round(side * min(1.0, aspect)), positive.shape[1])
    height = max(round(side / max(1.0, aspect)), positive.shape[0])
    enlarged = Image.fromarray(positive, mode="F").resize(
        (width, height), Image.Resampling.BILINEAR
    )
    picture = np.asarray(enlarged)
    peak = float(picture.max(initial=0.0))
    if peak > 0:
        picture = picture / peak
    return np.rint(picture * 255).clip(0, 255).astype(np.uint8)


def write_heatmaps(
    dataset: fo.Dataset,
    word: str,
    ids: Sequence[str] | None,
    *,
    caption_field: str = "caption",
    limit: int = 500,
) -> int:
    """Write ``word_heatmap`` for the samples that hold the word; clear it on every other sample.

    Returns:
        How many heatmaps were written.
    """
    fields = caption_names(dataset, caption_field)
    declare_heatmaps(dataset)
    collection = sample_documents(dataset)
    collection.update_many({HEATMAP_FIELD: {"$ne": None}}, {"$set": {HEATMAP_FIELD: None}})
    if not dataset.has_field(fields.attention):
        return 0
    cursor = collection.find(
        {**id_filter(dataset, ids), fields.words: word}, {"_id": 1}, limit=limit
    )
    chosen = [str(found["_id"]) for found in cursor]
    view = dataset.select(chosen, ordered=True)
    columns = ["id", fields.words, fields.attention, "metadata.width", "metadata.height"]
    updates = []
    for sample_id, words, maps, width, height in zip(*view.values(columns), strict=True):
        if maps is None or len(maps) != len(words):
            continue
        word_map = np.asarray(maps)[words.index(word)]
        if np.isnan(word_map).all():  # it was not read there: no heat is not the same
            continue
        aspect = width / height if width and height else 1.0
        picture = heatmap_values(word_map, aspect=aspect)
        label = fo.Heatmap(map=picture, range=[0, 255]).to_dict()
        label["_id"] = ObjectId()
        updates.append(UpdateOne({"_id": ObjectId(sample_id)}, {"$set": {HEATMAP_FIELD: label}}))
    if updates:
        collection.bulk_write(updates, ordered=False)
    return len(updates)
