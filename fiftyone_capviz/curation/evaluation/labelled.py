"""The texts of a sample that an evaluation looks at, and the regions that each speaks of.

Texts are captions, one or all of a list field, whose words name regions by their labels; or
expressions, each an attribute of the region that it describes as a whole (RefCOCO). Pictures and
masks are opened when a batch needs them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import fiftyone as fo
import numpy as np
from bson import ObjectId
from PIL.Image import Image

from fiftyone_capviz.curation.dataset.captions import is_several, stored_texts
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import Document, full_masks
from fiftyone_capviz.curation.evaluation.regions import (
    OUTSIDE,
    as_detection,
    encloses,
    region_path,
    stored_regions,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.matching import NamedRegions, Vocabulary, label_words
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import BoolArray, CaptionWords
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from fiftyone_capviz.text.words import caption_words

LEFT_OUT = "_left_out"
"""Set on regions read from the database that are not to count."""
UNLABELLED = "unlabelled"
"""What a region without a label is called where expressions describe regions."""


@dataclass(frozen=True)
class LabelledText:
    """One text of a sample, and the labelled regions of its image.

    Attributes:
        text, words: the text and its content words.
        number: of the text among the texts of the sample.
        labels: of the regions, in their stored order.
        places: positions of each region among the stored ones; several where regions that share a
            label are one.
        named: which words name which regions.
        ids: of the stored regions at each region's positions.
    """

    id: ObjectId
    filepath: str
    text: str
    words: CaptionWords
    number: int
    labels: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]
    named: NamedRegions
    ids: tuple[tuple[ObjectId, ...], ...] = ()


@dataclass(frozen=True)
class _Region:
    label: str
    places: tuple[int, ...]
    ids: tuple[ObjectId, ...]


def labels_of(row: Document, options: EvaluationOptions) -> list[str]:
    """Labels of the regions that count, each once per region."""
    return [region.label for region in _regions(row, options)]


def caption_texts(
    row: Document, options: EvaluationOptions, vocabulary: Vocabulary, counts: Counter[str]
) -> list[LabelledText]:
    """The captions of a sample that count, with the regions that their words name.

    Args:
        row: of the database.
        options: which captions, and what becomes of regions that share a label.
        vocabulary: the names of all labels.
        counts: "captions_fallen_back" grows where the field has too few captions, so that the
            first one is taken.
    """
    regions = _regions(row, options)
    if options.repeated == "union":
        regions = _united(regions, [label_words(region.label) for region in regions])
    labels = tuple(region.label for region in regions)
    found = []
    for number, text in _captions(row, options, counts):
        words = caption_words(text)
        named = vocabulary.name_regions(text, words, labels)
        found.append(_sample(row, text, words, number, regions, named))
    return found


def expression_texts(
    row: Document, options: EvaluationOptions, counts: Counter[str]
) -> list[LabelledText]:
    """The expressions of a sample's regions; every region of the image stands beside each.

    An expression that several regions share is ambiguous: it is skipped, or they are one region.

    Args:
        row: of the database.
        options: where the expressions are.
        counts: "expressions_repeated" grows with each that is skipped, "expressions_empty" with
            each that has no content word.
    """
    regions = _regions(row, options)
    stored = stored_regions(row, options.regions_field)
    spoken: dict[str, tuple[str, list[int]]] = {}
    for i, region in enumerate(regions):
        for text in expressions_of(stored[region.places[0]], str(options.expressions)):
            _, owners = spoken.setdefault(" ".join(text.lower().split()), (text, []))
            if i not in owners:
                owners.append(i)
    found = []
    for number, (text, owners) in enumerate(spoken.values()):
        words = caption_words(text)
        if not words.words:
            counts["expressions_empty"] += 1
        elif len(owners) > 1 and options.repeated == "skip":
            counts["expressions_repeated"] += 1
        else:
            keys = [owners[0] if i in owners else i for i in range(len(regions))]
            beside = _united(regions, keys)
            place = list(dict.fromkeys(keys)).index(owners[0])
            named = NamedRegions.described(place, of=len(beside), words=words)
            found.append(_sample(row, text, words, number, beside, named))
    return found


def expressions_of(region: Document, attribute: str) -> list[str]:
    """The texts in an attribute of a stored region: a string or a list of strings."""
    value = region.get(attribute)
    values = value if isinstance(value, list | tuple) else [value]
    return [each.strip() for each in values if isinstance(each, str) and each.strip()]


def _regions(row: Document, options: EvaluationOptions) -> list[_Region]:
    """Regions with a label; with expressions all, for each is a candidate."""
    found = []
    for place, stored in enumerate(stored_regions(row, options.regions_field)):
        label = stored.get("label") or (UNLABELLED if options.expressions else "")
        if label and encloses(stored) and not stored.get(LEFT_OUT):
            known = (stored["_id"],) if stored.get("_id") else ()
            found.append(_Region(label, (place,), known))
    return found


def _united(regions: Sequence[_Region], keys: Sequence[Hashable]) -> list[_Region]:
    """Regions with equal keys as one, in the order of the first of each."""
    groups: dict[Hashable, list[_Region]] = {}
    for key, region in zip(keys, regions, strict=True):
        groups.setdefault(key, []).append(region)
    return [
        _Region(
            each[0].label,
            tuple(place for one in each for place in one.places),
            tuple(id_ for one in each for id_ in one.ids),
        )
        for each in groups.values()
    ]


def _captions(
    row: Document, options: EvaluationOptions, counts: Counter[str]
) -> list[tuple[int, str]]:
    """Numbers and texts of the captions that count; blank ones do not."""
    texts = [text or "" for text in stored_texts(row, options.caption_field)]
    chosen = range(len(texts))
    if texts and not options.all_captions:
        index = options.caption_index
        if index >= len(texts):
            counts["captions_fallen_back"] += is_several(row, options.caption_field)
            index = 0
        chosen = range(index, index + 1)
    return [(i, texts[i].strip()) for i in chosen if texts[i].strip()]


def _sample(
    row: Document,
    text: str,
    words: CaptionWords,
    number: int,
    regions: Sequence[_Region],
    named: NamedRegions,
) -> LabelledText:
    return LabelledText(
        id=row["_id"],
        filepath=row["filepath"],
        text=text,
        words=words,
        number=number,
        labels=tuple(region.label for region in regions),
        places=tuple(region.places for region in regions),
        named=named,
        ids=tuple(region.ids for region in regions),
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

    sample: LabelledText
    image: Image
    masks: BoolArray
    boxes: np.ndarray
    flagged: tuple[bool, ...]


def open_samples(
    dataset: fo.Dataset, samples: Sequence[LabelledText], options: EvaluationOptions
) -> Iterator[OpenedSample | tuple[LabelledText, str]]:
    """Images and masks of a batch; for a sample that cannot be used, why."""
    name = options.regions_field
    shown = {region_path(dataset, name): 1, "metadata": 1}
    query = {"_id": {"$in": [sample.id for sample in samples]}}
    rows = {row["_id"]: row for row in sample_documents(dataset).find(query, shown)}
    last: OpenedSample | None = None
    for sample in samples:
        try:
            if last is None or last.sample.id != sample.id or last.sample.places != sample.places:
                last = _opened(sample, rows[sample.id], name)
            yield replace(last, sample=sample)
        except Exception as error:  # one broken sample must not end the run
            yield sample, str(error) or type(error).__name__


def _opened(sample: LabelledText, row: Document, name: str) -> OpenedSample:
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
