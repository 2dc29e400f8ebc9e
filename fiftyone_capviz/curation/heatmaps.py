"""The word in focus as a heatmap on the images, in a form that looks smooth in the App.

The App enlarges a small map by nearest neighbour. So the patch grid is enlarged here, bilinearly,
to a modest size, and kept as uint8 (some 10 kB per image). Only the positive part is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
import numpy as np
from bson import ObjectId
from numpy.typing import NDArray
from PIL import Image
from pymongo import UpdateOne

from fiftyone_capviz.curation.fields import HEATMAP_FIELD, CaptionFields, add_to_sidebar
from fiftyone_capviz.curation.sample_ids import id_filter
from fiftyone_capviz.records import FloatArray

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
    dataset: Any,
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
    fields = CaptionFields(caption_field)
    if not dataset.has_field(HEATMAP_FIELD):
        dataset.add_sample_field(
            HEATMAP_FIELD, fo.EmbeddedDocumentField, embedded_doc_type=fo.Heatmap
        )
        add_to_sidebar(dataset, [HEATMAP_FIELD])
    collection = dataset._sample_collection
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
        aspect = width / height if width and height else 1.0
        picture = heatmap_values(np.asarray(maps)[words.index(word)], aspect=aspect)
        label = fo.Heatmap(map=picture, range=[0, 255]).to_dict()
        label["_id"] = ObjectId()
        updates.append(UpdateOne({"_id": ObjectId(sample_id)}, {"$set": {HEATMAP_FIELD: label}}))
    if updates:
        collection.bulk_write(updates, ordered=False)
    return len(updates)
