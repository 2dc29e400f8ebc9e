"""Which segments the gallery shows: a random sample of those in focus, in the lasso or in view.

The order is random but seeded: the same seed gives the same segments, another seed redraws. Of the
segments of a word, those that it covers come before those that it merely scores on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import fiftyone as fo
import numpy as np
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from numpy.typing import NDArray

from fiftyone_capviz.curation.app.lasso import Lasso
from fiftyone_capviz.curation.app.panel_focus import PanelFocus
from fiftyone_capviz.curation.dataset.collection import is_patches, root_dataset, ungrouped
from fiftyone_capviz.curation.dataset.id_columns import id_columns
from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.runs import active_caption, caption_names, list_runs, read_run
from fiftyone_capviz.curation.dataset.samples import samples_of
from fiftyone_capviz.errors import InputError

Scope = Literal["focus", "lasso", "view"]
MAX_SHOWN = 96
"""Most segments that are shown at once."""


@dataclass(frozen=True)
class GalleryFields:
    """Whose captions and which segments the gallery is about."""

    caption: CaptionFields
    segments: SegmentFields


@dataclass(frozen=True, eq=False)
class SegmentPool:
    """The segments that a sample is drawn from.

    Attributes:
        label_ids: of the segments.
        sample_ids: of their images, as many.
        ranks: how many words in focus cover each; all 0 outside a focus.
    """

    label_ids: NDArray[np.str_]
    sample_ids: NDArray[np.str_]
    ranks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label_ids)

    @property
    def covered(self) -> int:
        """How many of them a word in focus covers."""
        return int((self.ranks > 0).sum())

    def draw(self, count: int, *, seed: int) -> list[tuple[str, str]]:
        """Some segments at random, as (sample id, label id); higher ranks first.

        Args:
            count: how many at most.
            seed: the same seed draws the same segments.
        """
        shuffled = np.random.default_rng(seed).permutation(len(self))
        ranks = self.ranks[shuffled]
        order = shuffled[np.argsort(-ranks, kind="stable")][: max(0, min(count, MAX_SHOWN))]
        return list(
            zip(self.sample_ids[order].tolist(), self.label_ids[order].tolist(), strict=True)
        )


def gallery_fields(dataset: fo.Dataset, focus: PanelFocus | None = None) -> GalleryFields | None:
    """What the gallery is about: the focus says so, else the active analysis; None without any.

    Args:
        dataset: the dataset.
        focus: what was picked in the Word Graph.
    """
    if focus is not None and dataset.has_field(focus.segments_field):
        return GalleryFields(
            caption_names(dataset, focus.caption_field), SegmentFields(focus.segments_field)
        )
    found: list[GalleryFields] = []
    for name in list_runs(dataset):
        record = read_run(dataset, name)
        if record is None or not dataset.has_field(record.segments_field):
            continue
        active = active_caption(dataset, record.segments_field) == name
        found.insert(
            0 if active else len(found),
            GalleryFields(caption_names(dataset, name), SegmentFields(record.segments_field)),
        )
    return found[0] if found else None


def gallery_pool(
    collection: SampleCollection,
    fields: GalleryFields,
    *,
    words: Sequence[str] = (),
    lasso: Lasso | None = None,
) -> tuple[Scope, SegmentPool]:
    """What the gallery draws from: the lasso if there is one, else the words, else the view.

    Args:
        collection: a dataset or view, not yet narrowed to the lasso or the words.
        fields: whose captions and segments.
        words: in focus.
        lasso: of the user.

    Raises:
        InputError: fields that do not exist, or words of a caption that is not the active one.
    """
    segments = fields.segments.segments
    if lasso is not None:
        return "lasso", segments_in_lasso(collection, lasso, segments)
    if words:
        caption = fields.caption.caption
        _require_active(root_dataset(collection), caption, segments)
        pool = segments_of_words(collection, words, caption_field=caption, segments_field=segments)
        return "focus", pool
    return "view", segments_in_view(collection, segments)


def segments_in_view(collection: SampleCollection, segments_field: str) -> SegmentPool:
    """All segments of a view; filters on labels count.

    Args:
        collection: a dataset or view; of a view of patches, the patches.
        segments_field: the segments.

    Raises:
        InputError: no such field.
    """
    path = _checked(collection, segments_field).detections
    return _pool(collection, segments_field, _all_segments(path))


def segments_in_lasso(
    collection: SampleCollection, lasso: Lasso, segments_field: str
) -> SegmentPool:
    """The segments of a view that the user has marked, or those of the marked images.

    Raises:
        InputError: no such field.
    """
    path = _checked(collection, segments_field).detections
    if lasso.sample_ids:
        wanted = [ObjectId(one) for one in lasso.sample_ids]
        return _pool(
            collection, segments_field, [{"$match": {"_id": {"$in": wanted}}}, *_all_segments(path)]
        )
    marked = [ObjectId(one) for one in lasso.label_ids]
    match = {"$match": {f"{path}._id": {"$in": marked}}}
    return _pool(
        collection, segments_field, [match, *_all_segments(path)], only=set(lasso.label_ids)
    )


def segments_of_words(
    collection: SampleCollection, words: Sequence[str], *, caption_field: str, segments_field: str
) -> SegmentPool:
    """The segments of a view on which one of the words at least has a positive score.

    Args:
        collection: a dataset or view; filters on labels count.
        words: as stored.
        caption_field: must be the active caption of the segments.
        segments_field: the analysed segments.

    Raises:
        InputError: no such field, or no words in it.
    """
    path = _checked(collection, segments_field).detections
    words_field = caption_names(root_dataset(collection), caption_field).words
    if not root_dataset(collection).has_field(words_field):
        raise InputError(
            f"Segments of a word need the words of the captions; there is no {words_field!r}. Run "
            f"analyze_captions with caption field {caption_field!r}."
        )
    listed = {"$literal": list(words)}  # words are data: never a name, never an expression
    indices = {
        "$map": {
            "input": listed,
            "as": "word",
            "in": {"$indexOfArray": [{"$ifNull": [f"${words_field}", []]}, "$$word"]},
        }
    }
    score = {"$arrayElemAt": [{"$ifNull": ["$$segment.word_scores", []]}, "$$index"]}
    positive = {"$and": [{"$gte": ["$$index", 0]}, {"$gt": [score, 0]}]}
    scored = {"$map": {"input": "$$indices", "as": "index", "in": positive}}
    chosen = {
        "$filter": {
            "input": {"$ifNull": [f"${path}", []]},
            "as": "segment",
            "cond": {"$anyElementTrue": [scored]},
        }
    }
    covering = {"$setIntersection": [{"$ifNull": ["$$segment.covered_by", []]}, listed]}
    pair = {"id": "$$segment._id", "rank": {"$size": covering}}
    pairs = {"$map": {"input": chosen, "as": "segment", "in": pair}}
    pipeline: list[Mapping[str, Any]] = [
        {"$match": {words_field: {"$in": list(words)}}},
        {"$project": {"pairs": {"$let": {"vars": {"indices": indices}, "in": pairs}}}},
        {"$unwind": "$pairs"},
        {"$project": {"label": "$pairs.id", "rank": "$pairs.rank"}},
    ]
    return _pool(collection, segments_field, pipeline)


def _require_active(dataset: fo.Dataset, caption_field: str, segments_field: str) -> None:
    """The scores on the segments belong to one caption field at a time."""
    active = active_caption(dataset, segments_field)
    if active is not None and active != caption_field:
        raise InputError(
            f"The segments in {segments_field!r} describe the caption field {active!r}, not "
            f"{caption_field!r}. Run activate_captions for {caption_field!r} first."
        )


def _checked(collection: SampleCollection, segments_field: str) -> SegmentFields:
    dataset = root_dataset(collection)
    if not dataset.has_field(segments_field):
        raise InputError(
            f"The gallery shows segments; {dataset.name!r} has no field {segments_field!r}. Run "
            "segment_images or analyze_captions first."
        )
    return SegmentFields(segments_field)


def _all_segments(path: str) -> list[Mapping[str, Any]]:
    """A row per segment; none covers a word."""
    return [
        {"$project": {"label": f"${path}._id"}},
        {"$unwind": "$label"},
        {"$project": {"label": 1, "rank": {"$literal": 0}}},
    ]


def _pool(
    collection: SampleCollection,
    segments_field: str,
    pipeline: Sequence[Mapping[str, Any]],
    *,
    only: set[str] | None = None,
) -> SegmentPool:
    """What a pipeline that ends with a row per segment finds in the samples of a view."""
    allowed = _patches_of(collection, segments_field)
    if allowed is not None:
        only = allowed if only is None else only & allowed
    found = id_columns(
        samples_of(collection), pipeline, {"_id": "id", "label": "id", "rank": "int"}
    )
    kept = slice(None) if only is None else np.isin(found["label"], list(only))
    return SegmentPool(found["label"][kept], found["_id"][kept], found["rank"][kept])


def _patches_of(collection: SampleCollection, segments_field: str) -> set[str] | None:
    """The labels that a view of patches shows; None for a view of images."""
    if not is_patches(collection):
        return None
    if not collection.has_field(segments_field):  # patches of another field: all of their images
        return None
    return {str(one) for one in ungrouped(collection).values("id")}
