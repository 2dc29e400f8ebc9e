"""What the stages found for one sample, on its way to the database."""

from __future__ import annotations

from dataclasses import dataclass, field

from bson import ObjectId

from fiftyone_capviz.curation.dataset.documents import CroppedMasks
from fiftyone_capviz.curation.dataset.states import Task
from fiftyone_capviz.records import Caption, CaptionWords, Coverage, FloatArray, Match


@dataclass
class SegmentResult:
    """The segments of one sample.

    Attributes:
        masks: newly made segments; None where the stored ones were used.
        ids: label ids, in order; filled for stored segments.
        kept_labels: whether the labels are the user's and stay.
        areas: share of the image, float "segments".
        weights: float16 "segments rows columns"; None without attribution.
        embeddings: pooled features "segments hidden", for the map.
    """

    areas: FloatArray
    predicted_iou: FloatArray
    masks: CroppedMasks | None = None
    ids: list[ObjectId] = field(default_factory=list)
    kept_labels: bool = False
    weights: FloatArray | None = None
    embeddings: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.areas)


@dataclass
class SampleResult:
    """What the stages found for one sample; None where a stage did not run.

    Attributes:
        maps: "words rows columns"; NaN for a word that was not read, or is silent.
        unread: words beyond the token limit of the model that attributes.
        silent: words that were read, and have a map of zeros.
        error: why the sample could not be used.
        models_failed: it was a model that failed, not the image.
    """

    task: Task
    text: str | None = None
    caption: Caption | None = None
    words: CaptionWords | None = None
    match: Match | None = None
    maps: FloatArray | None = None
    unread: tuple[str, ...] = ()
    silent: int = 0
    scores: FloatArray | None = None
    coverage: Coverage | None = None
    segments: SegmentResult | None = None
    signature: str | None = None
    error: str | None = None
    models_failed: bool = False
