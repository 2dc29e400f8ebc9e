"""Records to and from the documents that MongoDB holds, in FiftyOne's own format.

Building the raw documents here, rather than one FiftyOne object per segment, is what lets a batch
be written in one request; ``tests/curation/test_fields.py`` holds them to FiftyOne's own output.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import fiftyone as fo
import fiftyone.core.utils as fou
import numpy as np
from bson import Binary, ObjectId
from numpy.typing import NDArray
from PIL import Image

from fiftyone_capviz.curation.dataset.names import NOT_SEEN, UNATTRIBUTED, UNCOVERED
from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.placed_masks import PlacedMasks, place_masks
from fiftyone_capviz.records import BoolArray, Coverage, FloatArray

Document = dict[str, Any]


def serialize_array(array: NDArray[Any]) -> Binary:
    """An array as FiftyOne stores it: zlib over npy."""
    return Binary(fou.serialize_numpy_array(array))


def deserialize_array(stored: bytes) -> NDArray[Any]:
    """The array that :func:`serialize_array`, or FiftyOne, wrote."""
    array: NDArray[Any] = fou.deserialize_numpy_array(stored)
    return array


def text_hash(text: str | None) -> str:
    """What a caption is recognised by: 16 hexadecimal digits."""
    encoded = (text or "").encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=8).hexdigest()


def segments_signature(stage: str | None, detections: Sequence[Mapping[str, Any]]) -> str:
    """What the scores of a caption are bound to.

    Args:
        stage: the sample's ``<segments>_stage``; None for a user's own segments.
        detections: raw documents. Of ours the configuration and the number count; of a user's
            own the ids and boxes, so that an added, removed or moved one is noticed.
    """
    if stage is not None:
        return f"{stage}:{len(detections)}"
    digest = hashlib.blake2b(digest_size=8)
    for detection in detections:
        digest.update(ObjectId(detection["_id"]).binary)
        digest.update(repr(detection.get("bounding_box")).encode())
    return f"own:{len(detections)}:{digest.hexdigest()}"


@dataclass(frozen=True)
class CroppedMasks:
    """Masks cut to their boxes.

    Attributes:
        boxes: int "segments 4": left, top, right, bottom in pixels, right and bottom exclusive.
        crops: one bool array per segment.
        shape: height and width of the image.
    """

    boxes: NDArray[np.integer]
    crops: tuple[BoolArray, ...]
    shape: tuple[int, int]

    def relative_boxes(self) -> list[list[float]]:
        """Boxes as FiftyOne wants them: [x, y, width, height], shares of the image."""
        height, width = self.shape
        left, top, right, bottom = self.boxes.T.astype(float)
        columns = (left / width, top / height, (right - left) / width, (bottom - top) / height)
        return np.stack(columns, axis=1).tolist()


def crop_masks(masks: BoolArray) -> CroppedMasks:
    """Cut masks (bool "segments height width", none empty) to their boxes."""
    rows = np.asarray(masks.any(axis=2))
    columns = np.asarray(masks.any(axis=1))
    height, width = masks.shape[1:]
    top, left = rows.argmax(axis=1), columns.argmax(axis=1)
    bottom = height - rows[:, ::-1].argmax(axis=1)
    right = width - columns[:, ::-1].argmax(axis=1)
    boxes = np.stack([left, top, right, bottom], axis=1).astype(int).reshape(-1, 4)
    crops = tuple(
        np.ascontiguousarray(mask[y0:y1, x0:x1])
        for mask, (x0, y0, x1, y1) in zip(masks, boxes.tolist(), strict=True)
    )
    return CroppedMasks(boxes, crops, (height, width))


@lru_cache(maxsize=1)
def _blank_detection() -> Document:
    """What this version of FiftyOne stores for a detection beside what we set."""
    blank = dict(fo.Detection(label="", bounding_box=[0, 0, 1, 1]).to_dict())
    return {key: blank[key] for key in blank if key not in ("_id", "label", "bounding_box")}


def detection_documents(masks: CroppedMasks, labels: Sequence[str]) -> list[Document]:
    """New detections, in the order of the masks."""
    blank = _blank_detection()
    return [
        {
            "_id": ObjectId(),
            **blank,
            "attributes": {},
            "tags": [],
            "label": label,
            "bounding_box": box,
            "mask": serialize_array(crop),
        }
        for label, box, crop in zip(labels, masks.relative_boxes(), masks.crops, strict=True)
    ]


def full_masks(detections: Sequence[Document], *, width: int, height: int) -> BoolArray:
    """Masks of stored detections in the pixels of the upright image: `placed_masks`, dense.

    Each has the size of the image. For sums over segments `placed_masks` is enough.

    Returns:
        bool "segments height width".

    Raises:
        ImageError, InputError: as `placed_masks`.
    """
    return placed_masks(detections, width=width, height=height).dense()


def placed_masks(detections: Sequence[Document], *, width: int, height: int) -> PlacedMasks:
    """Where stored detections lie in the pixels of the upright image.

    Instance masks and mask files are scaled (nearest) to their box; a detection without either
    stands for its whole box, one without a box for nothing.

    Args:
        detections: raw documents, a user's own or ours.
        width, height: of the upright image.

    Raises:
        ImageError: if a mask file cannot be read.
        InputError: if a box is not four finite numbers.
    """
    boxes = [detection.get("bounding_box") or (0, 0, 0, 0) for detection in detections]
    crops = [_stored_mask(detection) for detection in detections]
    return place_masks(boxes, crops, height=height, width=width)


def _stored_mask(detection: Document) -> BoolArray | None:
    stored = detection.get("mask")
    if stored is not None:
        return np.asarray(deserialize_array(stored)).astype(bool)
    path = detection.get("mask_path")
    if not path:
        return None
    try:
        with Image.open(path) as image:
            array = np.asarray(image)
    except OSError as err:
        raise ImageError(f"The mask file {path} of a segment cannot be read: {err}.") from err
    return (array if array.ndim == 2 else array[..., 0]).astype(bool)


def stored_weights(detections: Sequence[Document], grid: Grid) -> FloatArray | None:
    """Patch weights "segments rows columns" as stored, if every segment has them on this grid."""
    weights = list(_each_weight(detections))
    if len(weights) != len(detections) or any(each.shape != grid for each in weights):
        return None
    if not weights:
        return np.zeros((0, *grid), dtype=np.float16)
    return np.stack(weights)


def _each_weight(detections: Sequence[Document]) -> Iterator[FloatArray]:
    for detection in detections:
        stored = detection.get("patch_weights")
        if stored is not None:
            yield deserialize_array(stored)


def attribution_columns(
    words: Sequence[str], scores: FloatArray, coverage: Coverage
) -> dict[str, list[Any]]:
    """The attributes that describe a caption, one entry per segment.

    A segment that was not seen has scores, all of them none, and no coverage: `is_not_seen` tells
    it by that. Where no word was read, nothing is said of any segment.

    Args:
        words: the caption's words.
        scores: float "segments words"; NaN where there is none.
        coverage: of these scores.
    """
    if not coverage.known:
        nothing: dict[str, list[Any]] = {
            name: [None] * len(scores)
            for name in ("coverage", "covered_by", "top_word", "entropy", "word_scores")
        }
        return nothing | {"attention": [None] * len(scores)}
    return {
        "coverage": [
            float(count) if seen else None
            for count, seen in zip(coverage.counts.tolist(), coverage.seen.tolist(), strict=True)
        ],
        "covered_by": [[words[i] for i in indices] for indices in coverage.covered_by],
        "top_word": [words[i] if i >= 0 else None for i in coverage.top_word.tolist()],
        "entropy": _or_none(coverage.entropy),
        "word_scores": [_or_none(row) for row in scores.astype(np.float32).astype(float)],
        "attention": [None] * len(scores),
    }


def segment_labels(words: Sequence[str], coverage: Coverage) -> list[str]:
    """Labels of our own segments: the top word, or why there is none."""
    if not coverage.known:
        return [UNATTRIBUTED] * len(coverage.counts)
    return [
        (words[top] if top >= 0 else UNCOVERED) if seen else NOT_SEEN
        for top, seen in zip(coverage.top_word.tolist(), coverage.seen.tolist(), strict=True)
    ]


def is_not_seen(coverage: float | None, word_scores: Sequence[float | None] | None) -> bool:
    """Whether stored attributes say that the model which attributed does not see the segment."""
    return coverage is None and word_scores is not None


def _or_none(values: FloatArray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
