"""Images and captions of a view on their way through a dual encoder, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import fiftyone as fo
from bson import ObjectId
from PIL.Image import Image

from fiftyone_capviz.curation.dataset.captions import root_of
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import Document
from fiftyone_capviz.curation.inference.batch_loop import Work, Worker
from fiftyone_capviz.curation.inference.loaded_models import load_encoder
from fiftyone_capviz.curation.inference.turns import is_small
from fiftyone_capviz.curation.pairs.answer import require_layer
from fiftyone_capviz.errors import ImageError, InputError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.pairs import PairSettings

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pairs.dataset_factors import DatasetFactors
    from fiftyone_capviz.models.cache import ModelCache

BATCH = 16
"""Images, or captions, per pass of the encoder."""


@dataclass
class PairSource:
    """Where the images and segments of the relations are.

    Attributes:
        rows: sample id -> its path and caption, in the order of the view.
    """

    dataset: fo.Dataset
    settings: PairSettings
    cache: ModelCache | None
    segments_field: str | None
    rows: dict[str, Document] = field(default_factory=dict)

    def read(self, ids: Sequence[ObjectId], caption_field: str) -> None:
        wanted = {"filepath": 1, root_of(caption_field): 1}
        found = sample_documents(self.dataset).find({"_id": {"$in": list(ids)}}, wanted)
        rows = {row["_id"]: row for row in found}
        self.rows = {str(one): rows[one] for one in ids if one in rows}

    def detections(self, sample_id: str) -> list[Document]:
        if self.segments_field is None:
            raise InputError(
                "Segments need a field of Detections; the dataset has none. Run 'Segment images' "
                "first."
            )
        path = f"{self.segments_field}.detections"
        row = sample_documents(self.dataset).find_one({"_id": ObjectId(sample_id)}, {path: 1})
        return list(((row or {}).get(self.segments_field) or {}).get("detections") or [])


@dataclass(frozen=True)
class RelatedUnit:
    """A caption, or an image.

    Attributes:
        key: the caption itself, or the sample's id.
        filepath: of the image; None for a caption.
    """

    key: str
    filepath: str | None


@dataclass(frozen=True)
class RelatedItem:
    """A unit that is ready for the encoder."""

    unit: RelatedUnit
    image: Image | None = None
    error: str | None = None


@dataclass(frozen=True)
class UnitVector:
    """A unit's direction in the space of the encoder, float32 "dimensions".

    Attributes:
        cut: tokens of a caption that the encoder did not read.
    """

    unit: RelatedUnit
    vector: FloatArray | None = None
    error: str | None = None
    cut: int = 0


@dataclass(frozen=True)
class RelationWork(Work[RelatedUnit, RelatedItem, UnitVector]):
    """Sends captions and images through an encoder.

    Attributes:
        settings: which encoder, method and layer.
        max_bytes: of the images' factors that are kept.
        noun, stage: which of the two.
    """

    settings: PairSettings
    max_bytes: int
    noun: str = "captions"
    stage: str = "captions"

    def named(self, noun: str) -> RelationWork:
        """The same work on "captions" or on "images"."""
        return replace(self, noun=noun, stage=noun)

    def open(self, cache: ModelCache | None) -> RelationWorker:
        """Load the encoder."""
        from fiftyone_capviz.attribution.pairs.dataset_factors import DatasetFactors

        encoder = load_encoder(self.settings, cache)
        require_layer(self.settings, encoder)
        return RelationWorker(
            DatasetFactors(
                encoder,
                method=self.settings.method,  # type: ignore[arg-type]
                layer=self.settings.layer,
                nodes=self.settings.nodes,
                max_bytes=self.max_bytes,
            )
        )


class RelationWorker(Worker[RelatedUnit, RelatedItem, UnitVector]):
    """Batches through the encoder.

    Attributes:
        factors: of what has been through, for explanations later.
    """

    batch_size = BATCH

    def __init__(self, factors: DatasetFactors) -> None:
        self.factors = factors
        self.small_model = is_small(factors.encoder)

    def prepare(self, units: Sequence[RelatedUnit]) -> list[RelatedItem]:
        return [_opened(unit) for unit in units]

    def compute(self, items: Sequence[RelatedItem]) -> list[UnitVector]:
        images = [item.image for item in items if item.image is not None]
        keys = [item.unit.key for item in items]
        units = self._image_units(keys, images) if images else self._text_units(keys)
        cut = () if images else self.factors.encoder.tokens(keys).cut
        return [
            UnitVector(item.unit, unit.float().numpy(), cut=left_out)
            for item, unit, left_out in zip(items, units, cut or [0] * len(items), strict=True)
        ]

    def failed(self, item: RelatedItem, message: str) -> UnitVector:
        return UnitVector(item.unit, error=message)

    def _text_units(self, captions: Sequence[str]) -> list[Any]:
        return [factors.unit for factors in self.factors.text_factors(captions)]

    def _image_units(self, keys: Sequence[str], images: Sequence[Image]) -> list[Any]:
        kept = self.factors.images
        each = kept.nbytes / len(kept) if len(kept) else 0
        if kept.nbytes + each * len(images) > kept.max_bytes:  # explained when they are asked for
            return list(self.factors.encoder.encode_images(images).cpu())
        return [one.unit for one in self.factors.image_factors(images, keys=keys)]


def _opened(unit: RelatedUnit) -> RelatedItem:
    if unit.filepath is None:
        return RelatedItem(unit)
    try:
        return RelatedItem(unit, open_image(unit.filepath))
    except ImageError as error:
        return RelatedItem(unit, error=str(error))
