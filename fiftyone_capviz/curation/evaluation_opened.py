"""Pictures and masks of the samples that an evaluation looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import fiftyone as fo
import numpy as np
from PIL.Image import Image

from fiftyone_capviz.curation.documents import Document, full_masks
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_regions import (
    OUTSIDE,
    as_detection,
    region_path,
    stored_regions,
)
from fiftyone_capviz.curation.evaluation_texts import LabelledSample
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import BoolArray


@dataclass(frozen=True, eq=False)
class OpenedSample:
    """A labelled sample with its picture and the masks of its regions.

    Attributes:
        image: upright RGB.
        masks: bool "regions height width".
        boxes: left, top, width, height as shares of the image, "regions 4".
        flagged: which regions their own labels call occluded.
    """

    sample: LabelledSample
    image: Image
    masks: BoolArray
    boxes: np.ndarray
    flagged: tuple[bool, ...]


def open_samples(
    dataset: fo.Dataset, samples: Sequence[LabelledSample], options: EvaluationOptions
) -> Iterator[OpenedSample | tuple[LabelledSample, str]]:
    """Images and masks of a batch; for a sample that cannot be used, why."""
    name = options.regions_field
    shown = {region_path(dataset, name): 1, "metadata": 1}
    query = {"_id": {"$in": [sample.id for sample in samples]}}
    rows = {row["_id"]: row for row in dataset._sample_collection.find(query, shown)}
    last: OpenedSample | None = None
    for sample in samples:
        try:
            if last is None or last.sample.id != sample.id or last.sample.places != sample.places:
                last = _opened(sample, rows[sample.id], name)
            yield replace(last, sample=sample)
        except Exception as error:  # one broken sample must not end the run
            yield sample, str(error) or type(error).__name__


def _opened(sample: LabelledSample, row: Document, name: str) -> OpenedSample:
    stored = stored_regions(row, name)
    image = open_image(sample.filepath)
    size = {"width": image.width, "height": image.height}
    single = [place for places in sample.places for place in places]
    detections = [as_detection(stored[place], **size) for place in single]
    _require_same_image(detections, row.get("metadata") or {}, image)
    masks = full_masks(detections, **size)
    boxes = np.array([one.get("bounding_box") or (0, 0, 0, 0) for one in detections], float)
    boxes[:, 2:] += boxes[:, :2]
    row_of = {place: i for i, place in enumerate(single)}
    members = [[row_of[place] for place in places] for places in sample.places]
    lows = np.array([boxes[each, :2].min(axis=0) for each in members])
    highs = np.array([boxes[each, 2:].max(axis=0) for each in members])
    return OpenedSample(
        sample,
        image,
        np.stack([masks[each].any(axis=0) for each in members]),
        np.concatenate([lows, highs - lows], axis=1),
        tuple(any(_flag(stored[place]) for place in places) for places in sample.places),
    )


def _require_same_image(detections: Sequence[Document], metadata: Document, image: Image) -> None:
    """Refuse labels that were made on an image of another shape."""
    known = (metadata.get("width"), metadata.get("height"))
    sizes = {image.size, image.size[::-1]}  # metadata can be of the file as it lies, unrotated
    if all(known) and known not in sizes:
        raise InputError(
            f"The image is {image.width} x {image.height}, its metadata say {known[0]} x "
            f"{known[1]}: the labels belong to another image. Compute the metadata again."
        )
    for one in detections:
        left, top, width, height = one.get("bounding_box") or (0, 0, 0, 0)
        if min(left, top) < -OUTSIDE or max(left + width, top + height) > 1 + OUTSIDE:
            raise InputError(
                f"A box must lie in the image, as shares of it; {one.get('label')!r} is at "
                f"{[round(v, 3) for v in (left, top, width, height)]}. The labels belong to "
                "another image or are in pixels."
            )


def _flag(detection: Document) -> bool:
    for name in ("occluded", "is_occluded", "IsOccluded"):
        if detection.get(name) in (True, 1, "True", "true"):
            return True
    return False
