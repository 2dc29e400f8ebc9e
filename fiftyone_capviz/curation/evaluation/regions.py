"""Which fields hold labelled regions, and what is stored there as detections."""

from __future__ import annotations

import fiftyone as fo
import numpy as np

from fiftyone_capviz.curation.dataset.documents import Document
from fiftyone_capviz.errors import InputError

REGION_TYPES = (fo.Detections, fo.Detection, fo.Polylines, fo.Polyline)
OUTSIDE = 0.05
"""How far regions may reach beyond the image, as a share of its sides; farther is an error."""
_LISTS = {fo.Detections: "detections", fo.Polylines: "polylines"}


def region_fields(dataset: fo.Dataset) -> list[str]:
    """Fields that hold boxes, masks or filled shapes."""
    return list(dataset.get_field_schema(embedded_doc_type=REGION_TYPES))


def check_region_field(dataset: fo.Dataset, name: str) -> None:
    """Refuse a field that is not there or holds something else.

    Raises:
        InputError: with what to do about it.
    """
    known = region_fields(dataset)
    if name in known:
        return
    kind = getattr(dataset.get_field(name), "document_type", None)
    seen = "holds something else" if dataset.has_field(name) else "does not exist"
    remedy = f"Choose one of: {', '.join(known) or 'there is none yet'}."
    if kind is fo.Segmentation:
        seen = "is a Segmentation"
        remedy = (
            "Make detections of it: fiftyone.utils.labels.segmentations_to_detections(dataset, "
            f"{name!r}, '{name}_regions', mask_targets=...), with the names of its classes."
        )
    raise InputError(
        f"Regions are Detections with boxes or masks, or filled Polylines; the field {name!r} "
        f"{seen}. {remedy}"
    )


def region_path(dataset: fo.Dataset, name: str) -> str:
    """Where the single regions of a field are stored."""
    inner = _LISTS.get(dataset.get_field(name).document_type)
    return name if inner is None else f"{name}.{inner}"


def stored_regions(row: Document, name: str) -> list[Document]:
    """The raw regions of one sample, in their stored order."""
    value = row.get(name)
    if not value:
        return []
    for inner in _LISTS.values():
        if inner in value:
            return value[inner] or []
    return [] if value.get("_cls") in ("Detections", "Polylines") else [value]


def encloses(region: Document) -> bool:
    """Whether a stored region has an inside: a line of points that is not filled has none."""
    return region.get("_cls") != "Polyline" or bool(region.get("filled") or region.get("closed"))


def as_detection(region: Document, *, width: int, height: int) -> Document:
    """A stored region as a detection: of a shape its box and mask, as FiftyOne renders them.

    A shape that is not in the image, or has no area, stands for its box alone.

    Args:
        region: a raw detection or polyline.
        width, height: of the upright image, in pixels.
    """
    if region.get("_cls") != "Polyline":
        return region
    corners = np.array([point for part in region["points"] for point in part], float)
    if not len(corners):
        return {"label": region.get("label")}
    low, high = corners.min(axis=0), corners.max(axis=0)
    across, down = high.clip(0, 1) - low.clip(0, 1)
    if low.min() < -OUTSIDE or high.max() > 1 + OUTSIDE or min(across, down) <= 0:
        box = [*low.tolist(), *(high - low).tolist()]
        return {"label": region.get("label"), "bounding_box": box}
    shape = fo.Polyline.from_dict(region)
    shape.filled = True
    shape.points = [np.clip(part, 0, 1).tolist() for part in region["points"]]
    size = (max(1, round(across * width)), max(1, round(down * height)))
    made: Document = shape.to_detection(mask_size=size).to_dict()
    return made
