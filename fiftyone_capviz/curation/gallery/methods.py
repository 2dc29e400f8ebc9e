"""Words on segments by another method, layer or head than the stored one; segments stay as stored.

The maps of all layers and heads are kept (:mod:`~.caption_maps`), so are the images' features.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import fiftyone as fo
import numpy as np
from bson import ObjectId

from fiftyone_capviz.coverage import kept_words
from fiftyone_capviz.curation.dataset.captions import root_of, stored_text
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.runs import continued_options, last_options, read_run
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.gallery.cards import SegmentScores, read_words
from fiftyone_capviz.curation.gallery.word_maps import (
    CaptionedImage,
    CaptionMaps,
    MapMaker,
    map_cache,
)
from fiftyone_capviz.curation.inference.kept import RecentCache
from fiftyone_capviz.curation.inference.loaded_models import (
    load_captioner,
    load_matcher,
    models_in_use,
)
from fiftyone_capviz.curation.inference.segment_weights import segment_weights
from fiftyone_capviz.curation.inference.turns import WAIT_SECONDS
from fiftyone_capviz.errors import CapvizError, InputError
from fiftyone_capviz.models.attention_shape import AttentionShape, require_gradient
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.segments import score_table, without_silent
from fiftyone_capviz.settings.analysis import GRADCAM, SECOND_ORDER, AnalysisOptions
from fiftyone_capviz.settings.words import WordMethod

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache


@dataclass(frozen=True)
class StoredMethod:
    """How the stored attribution was made.

    Attributes:
        method: its layer resolved where the run recorded it.
        captioner, matcher: the models of the run.
        top_k: how many segments a word may cover.
        caption_index: which caption counts in a list-of-string field.
        notes: what the last run did not read, did not see or cut.
    """

    method: WordMethod
    captioner: str
    matcher: str
    top_k: int
    caption_index: int
    notes: tuple[str, ...] = ()


def stored_method(dataset: fo.Dataset, caption_field: str) -> StoredMethod:
    """What the record of the last analysis says, else the defaults of a new one."""
    record = read_run(dataset, caption_field)
    options = last_options(dataset, caption_field) or AnalysisOptions()
    layer = options.layer if record is None or record.layer is None else record.layer
    return StoredMethod(
        WordMethod(options.source, options.method, layer, options.head),
        options.captioner,
        options.matcher,
        options.top_k,
        options.caption_index,
        () if record is None else tuple(record.notes),
    )


@dataclass(frozen=True)
class MethodResult:
    """What a method says about some segments.

    Attributes:
        readings: label id -> reading.
        failures: label id -> why it has none.
        shape: layers and heads of the model.
        layer: the one that was read.
    """

    readings: Mapping[str, SegmentScores]
    failures: Mapping[str, str]
    shape: AttentionShape
    layer: int


def method_result(
    dataset: fo.Dataset,
    chosen: Sequence[tuple[str, str]],
    method: WordMethod,
    *,
    caption_field: str,
    segments_field: str,
    options: AnalysisOptions | None = None,
    cache: ModelCache | None = None,
    maps: RecentCache[CaptionMaps] | None = None,
) -> MethodResult:
    """Read the words on some segments by a method of choice; nothing is stored.

    Args:
        dataset: the dataset.
        chosen: (sample id, label id) of each segment.
        method: source, method, layer and head; clamping is that of the options.
        caption_field: whose captions.
        segments_field: the segments, used as stored.
        options: models and attribution; default those of the last analysis.
        cache: of models; default the process's own.
        maps: of maps; default the process's own.

    Raises:
        InputError: no such layer, head, method or field.
        ModelError: the model cannot be had.
    """
    asked = replace(
        continued_options(dataset, caption_field, options),
        source=method.source,
        method=method.method,
        segments_field=segments_field,
    ).validated()
    if asked.method == SECOND_ORDER:
        raise InputError(
            "Words on cards are read by Grad-CAM or cross-attention; second-order attributions are "
            "shown as they are stored. Choose another method, or open the Pair Explainer."
        )
    from fiftyone_capviz.models.interfaces import (
        caption_attention,
        match_attention,
        shape_of,
    )

    images = _read_images(dataset, chosen, asked)
    failures: dict[str, str] = {}
    with models_in_use(cache, wait=WAIT_SECONDS):
        model = (
            match_attention(load_matcher(asked, cache))
            if method.source == "itm"
            else caption_attention(load_captioner(asked, cache))
        )
        shape = shape_of(model)
        layer = _chosen("layer", method.layer, shape.layers)
        if method.method == GRADCAM:
            require_gradient(model.spec, layer, shape)
        head = _chosen("head", method.head, shape.heads)
        known = MapMaker(model, asked, map_cache() if maps is None else maps)
        known.compute(images)
    layer = shape.default_layer if layer is None else layer
    readings: dict[str, SegmentScores] = {}
    stop = frozenset(own_stop_words(dataset))
    for image in images:
        try:
            found = known.of(image).at(layer, head)
            readings |= _readings(image, found, known, asked.top_k, stop)
        except CapvizError as error:
            failures |= dict.fromkeys(image.label_ids, str(error))
    return MethodResult(readings, failures, shape, layer)


def _read_images(
    dataset: fo.Dataset, chosen: Sequence[tuple[str, str]], options: AnalysisOptions
) -> list[CaptionedImage]:
    """Each image of the request once, with all of its segments: they compete for the words."""
    names, marks = CaptionFields.of(options), SegmentFields(options.segments_field)
    wanted: dict[str, list[str]] = defaultdict(list)
    for sample_id, label_id in chosen:
        wanted[sample_id].append(label_id)
    found = sample_documents(dataset).find(
        {"_id": {"$in": [ObjectId(one) for one in wanted]}},
        {"filepath": 1, root_of(names.caption): 1, marks.detections: 1},
    )
    images = []
    for row in found:
        sample_id = str(row["_id"])
        text = stored_text(row, names.caption, options.caption_index) or ""
        detections = (row.get(marks.segments) or {}).get("detections") or []
        images.append(
            CaptionedImage(sample_id, row["filepath"], text, detections, wanted[sample_id])
        )
    return images


def _readings(
    image: CaptionedImage,
    maps: FloatArray,
    known: MapMaker,
    top_k: int,
    stop: Container[str],
) -> dict[str, SegmentScores]:
    transform = known.of(image).transform
    ids = [str(one["_id"]) for one in image.detections]
    label_ids = [one for one in image.label_ids if one in ids]
    weights, areas, seen = segment_weights(image.detections, transform)
    maps = without_silent(maps)
    scores = score_table(weights.astype(np.float32), areas, maps, seen)
    rows = [ids.index(one) for one in label_ids]
    kept = kept_words(known.of(image).words, stop)
    readings = read_words(scores, maps, rows, top_k=top_k, kept=kept, seen=seen)
    return dict(zip(label_ids, readings, strict=True))


def _chosen(name: str, value: int | None, count: int) -> int | None:
    if value is not None and not 0 <= value < count:
        raise InputError(
            f"{name} must be from 0 to {count - 1} for this model; got {value}. Choose another."
        )
    return value
