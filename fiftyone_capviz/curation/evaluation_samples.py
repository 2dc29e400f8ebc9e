"""Which captions and labelled regions of a dataset an evaluation can use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import fiftyone as fo
import numpy as np
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from PIL.Image import Image

from fiftyone_capviz.curation.documents import Document, chosen_text, full_masks
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.fields import detections_fields, text_fields
from fiftyone_capviz.curation.images_of import image_samples
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.matching import NamedRegions, name_regions
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import BoolArray, CaptionWords
from fiftyone_capviz.words import caption_words

SHOWN = 8
"""Words and labels that a message lists."""


@dataclass(frozen=True)
class LabelledSample:
    """A sample with a caption and labelled regions.

    Attributes:
        labels: of the regions, in their stored order; regions without a label are left out.
        places: positions of those regions among the stored ones.
        named: which words name which regions.
    """

    id: ObjectId
    filepath: str
    text: str
    words: CaptionWords
    labels: tuple[str, ...]
    places: tuple[int, ...]
    named: NamedRegions


@dataclass(frozen=True)
class EvaluationPlan:
    """What is evaluated.

    Attributes:
        samples: those with a caption and a labelled region, in the order of the view.
        counts: images, captions, captions_with_pair, regions, regions_named, regions_repeated,
            pairs.
        notes: what was chosen on the user's behalf.
    """

    dataset: fo.Dataset
    samples: list[LabelledSample]
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """Every label, sorted."""
        return sorted({label for sample in self.samples for label in sample.labels})


def plan_evaluation(collection: SampleCollection, options: EvaluationOptions) -> EvaluationPlan:
    """Read captions and labels, and match them.

    Raises:
        InputError: no such field, a field of another type, no labelled regions, no captions, or
            no word that names a region.
    """
    images = image_samples(collection)
    dataset = images.dataset
    check_fields(dataset, options)
    samples, counts = _read(dataset, images.ids, options)
    if not counts["regions"]:
        raise InputError(
            f"An evaluation needs labelled regions; the field {options.regions_field!r} holds none "
            f"in these {len(images.ids)} images. Choose another field or view: "
            f"{_listed(detections_fields(dataset))}."
        )
    if not counts["captions"]:
        raise InputError(
            f"An evaluation needs captions; the field {options.caption_field!r} is empty in these "
            f"{len(images.ids)} images. Choose another: {_listed(caption_fields(dataset))}."
        )
    if not counts["pairs"]:
        raise InputError(_nothing_named(samples, options))
    return EvaluationPlan(dataset, samples, counts, [images.note] if images.note else [])


def check_fields(dataset: fo.Dataset, options: EvaluationOptions) -> None:
    """Refuse fields that are not there or hold something else.

    Raises:
        InputError: with the field and those that would do.
    """
    known = detections_fields(dataset)
    if options.regions_field not in known:
        there = dataset.has_field(options.regions_field)
        seen = "holds something else" if there else "does not exist"
        raise InputError(
            f"Regions are Detections with boxes or masks; the field {options.regions_field!r} "
            f"{seen}. Choose one of: {_listed(known)}."
        )
    texts = caption_fields(dataset)
    if options.caption_field not in text_fields(dataset):
        there = dataset.has_field(options.caption_field)
        seen = "holds something else" if there else "does not exist"
        raise InputError(
            f"Captions are text; the field {options.caption_field!r} {seen}. Choose one of: "
            f"{_listed(texts)}."
        )


def caption_fields(dataset: fo.Dataset) -> list[str]:
    """Fields of text that are not derived from another one, as `caption_words` is."""
    texts = text_fields(dataset)
    return [name for name in texts if not any(name.startswith(f"{other}_") for other in texts)]


def _read(
    dataset: fo.Dataset, ids: Sequence[ObjectId], options: EvaluationOptions
) -> tuple[list[LabelledSample], dict[str, int]]:
    path = f"{options.regions_field}.detections.label"
    shown = {"filepath": 1, options.caption_field: 1, path: 1}
    rows = {
        row["_id"]: row
        for row in dataset._sample_collection.find({"_id": {"$in": list(ids)}}, shown)
    }
    samples = []
    counts: Counter[str] = Counter(
        images=len(ids), captions=0, captions_with_pair=0, regions=0, regions_named=0,
        regions_repeated=0, pairs=0,
    )  # fmt: skip
    for row in (rows[one] for one in ids if one in rows):
        sample = _sample(row, options)
        counts["captions"] += bool(sample.text)
        counts["regions"] += len(sample.labels)
        if not sample.text or not sample.labels:
            continue
        named, unique = sample.named.words, sample.named.unique
        counts["regions_named"] += sum(map(bool, named))
        counts["regions_repeated"] += sum(
            bool(w) and not u for w, u in zip(named, unique, strict=True)
        )
        counts["pairs"] += len(sample.named.pairs)
        counts["captions_with_pair"] += bool(sample.named.pairs)
        samples.append(sample)
    return samples, dict(counts)


def _sample(row: Document, options: EvaluationOptions) -> LabelledSample:
    text = chosen_text(row.get(options.caption_field), options.caption_index) or ""
    stored = (row.get(options.regions_field) or {}).get("detections") or []
    labelled = [(i, one["label"]) for i, one in enumerate(stored) if one.get("label")]
    words, labels = caption_words(text), tuple(label for _, label in labelled)
    return LabelledSample(
        id=row["_id"],
        filepath=row["filepath"],
        text=text.strip(),
        words=words,
        labels=labels,
        places=tuple(i for i, _ in labelled),
        named=name_regions(words, labels, synonyms=options.synonyms),
    )


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
    field_name = options.regions_field
    shown = {f"{field_name}.detections": 1, "metadata": 1}
    query = {"_id": {"$in": [sample.id for sample in samples]}}
    rows = {row["_id"]: row for row in dataset._sample_collection.find(query, shown)}
    for sample in samples:
        try:
            row = rows[sample.id]
            stored = row[field_name]["detections"]
            image = open_image(sample.filepath)
            detections = [stored[place] for place in sample.places]
            _require_same_image(detections, row.get("metadata") or {}, image)
            masks = full_masks(detections, width=image.width, height=image.height)
        except Exception as error:  # one broken sample must not end the run
            yield sample, str(error) or type(error).__name__
            continue
        boxes = np.array([one.get("bounding_box") or (0, 0, 0, 0) for one in detections], float)
        flagged = tuple(_flag(one) for one in detections)
        yield OpenedSample(sample, image, masks, boxes, flagged)


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
        if min(left, top) < -0.05 or max(left + width, top + height) > 1.05:
            raise InputError(
                f"A box must lie in the image, as shares of it; {one['label']!r} is at "
                f"{[round(v, 3) for v in (left, top, width, height)]}. The labels belong to "
                "another image or are in pixels."
            )


def _flag(detection: Document) -> bool:
    for name in ("occluded", "is_occluded", "IsOccluded"):
        if detection.get(name) in (True, 1, "True", "true"):
            return True
    return False


def _nothing_named(samples: Sequence[LabelledSample], options: EvaluationOptions) -> str:
    labels = Counter(label for sample in samples for label in sample.labels)
    words = Counter(word for sample in samples for word in sample.words.words)
    return (
        "A region counts where a caption names it and no other region of its image has its label; "
        f"there is no such pair in {options.regions_field!r} and {options.caption_field!r}. "
        f"Labels: {_common(labels)}. Words: {_common(words)}. Give other names of the labels as "
        "synonyms, or choose other fields."
    )


def _common(counts: Counter[str]) -> str:
    return ", ".join(name for name, _ in counts.most_common(SHOWN)) or "none"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "there is none yet"
