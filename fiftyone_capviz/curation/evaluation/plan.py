"""Which captions and labelled regions of a dataset an evaluation can use, with notes on them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.caption_fields import holds_text, text_fields
from fiftyone_capviz.curation.dataset.captions import is_there, root_of
from fiftyone_capviz.curation.dataset.collection import sample_documents, serialized_stages
from fiftyone_capviz.curation.dataset.documents import Document
from fiftyone_capviz.curation.dataset.names import CaptionFields, PairFields, fields_of
from fiftyone_capviz.curation.dataset.samples import image_samples, is_whole
from fiftyone_capviz.curation.evaluation.labelled import (
    LEFT_OUT,
    LabelledText,
    caption_texts,
    expression_texts,
    expressions_of,
    labels_of,
)
from fiftyone_capviz.curation.evaluation.regions import (
    check_region_field,
    encloses,
    region_fields,
    region_path,
    stored_regions,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.coco_names import has_coco_labels, with_coco_names
from fiftyone_capviz.evaluation.matching import Vocabulary, label_words
from fiftyone_capviz.settings.evaluation import EXPRESSION_MEASURES, EvaluationOptions

CROWD = "iscrowd"
"""COCO's mark of a region that covers many objects."""
SHOWN = 8
"""Words and labels that a message lists."""


@dataclass(frozen=True)
class EvaluationPlan:
    """What is evaluated.

    Attributes:
        samples: texts of images with a labelled region, in the order of the view; several of one
            image stand together.
        vocabulary: the names of all labels.
        counts: images, captions (texts), captions_with_pair, regions, regions_named (by a text),
            regions_repeated (named ones that share their label or name), pairs of a text and a
            region, images_without_text, lines (shapes without an inside); where there are such,
            captions_fallen_back, expressions_repeated and expressions_empty.
        notes: what was chosen on the user's behalf.
        ids: of all images, in the order of the view.
        view: stages of the view as JSON, a limit among them; empty for a whole dataset.
    """

    dataset: fo.Dataset
    samples: list[LabelledText]
    vocabulary: Vocabulary
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)
    ids: list[ObjectId] = field(default_factory=list)
    view: str = ""

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
    rows = _rows(dataset, images.ids, options)
    left_out = _leave_out(rows, images.view, options)
    labels = {label for row in rows for label in labels_of(row, options)}
    coco = options.coco_names and not options.expressions and has_coco_labels(labels)
    names = with_coco_names(options.synonyms) if coco else options.synonyms
    vocabulary = Vocabulary(labels, names)
    samples, counts = _texts(rows, options, vocabulary)
    counts["images"] = len(images.ids)
    if not counts["regions"]:
        raise InputError(
            f"An evaluation needs labelled regions; the field {options.regions_field!r} holds none "
            f"in these {len(images.ids)} images. Choose another field or view: "
            f"{_listed(region_fields(dataset))}."
        )
    if not counts["captions"]:
        raise InputError(_no_text(dataset, rows, options))
    if not counts["pairs"]:
        raise InputError(_nothing_named(samples, options))
    notes = [images.note] if images.note else []
    notes += left_out
    notes += text_notes(samples, options, counts=counts, coco=coco)
    view = "" if is_whole(collection) else json.dumps(_stages(collection))
    return EvaluationPlan(dataset, samples, vocabulary, counts, notes, images.ids, view)


def _leave_out(
    rows: Sequence[Document], collection: SampleCollection, options: EvaluationOptions
) -> list[str]:
    """Mark regions that the view hides, and crowds; what was left out, in sentences.

    Raises:
        InputError: the view leaves the whole field out.
    """
    if not collection.has_field(options.regions_field):
        raise InputError(
            f"The regions must be in the view; it leaves the field {options.regions_field!r} out. "
            "Keep it in select_fields, or do not exclude it."
        )
    path = f"{region_path(collection, options.regions_field)}._id"
    shown = {str(one) for one in _flat(collection.values(path))}
    hidden = crowds = 0
    for row in rows:
        for region in stored_regions(row, options.regions_field):
            if "_id" in region and str(region["_id"]) not in shown:
                region[LEFT_OUT] = True
                hidden += 1
            elif region.get(CROWD):
                region[LEFT_OUT] = True
                crowds += 1
    notes = []
    if hidden:
        notes.append(f"{hidden} regions are not in the view, and do not count.")
    if crowds:
        notes.append(f"{crowds} regions are crowds ({CROWD}), and do not count.")
    return notes


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        elif value is not None:
            yield value


def _stages(collection: SampleCollection) -> list[Document]:
    stages: list[Document] = serialized_stages(collection.view())
    return stages


def check_fields(dataset: fo.Dataset, options: EvaluationOptions) -> None:
    """Refuse fields that are not there or hold something else.

    Raises:
        InputError: with the field and those that would do.
    """
    check_region_field(dataset, options.regions_field)
    field = options.caption_field
    if options.expressions is None and not holds_text(dataset, field):
        seen = "holds something else" if is_there(dataset, field) else "does not exist"
        raise InputError(
            f"Captions are text; the field {field!r} {seen}. Choose one of: "
            f"{_listed(caption_fields(dataset))}."
        )


def caption_fields(dataset: fo.Dataset) -> list[str]:
    """Fields of text that are not derived from another one, as `caption_words` is."""
    texts = [name for name in text_fields(dataset) if not _is_of_evaluation(dataset, name)]
    derived = {
        path
        for other in texts
        for path in (*CaptionFields(other).derived, *PairFields(other).paths)
    }
    return [name for name in texts if name not in derived]


def _is_of_evaluation(dataset: fo.Dataset, name: str) -> bool:
    """Whether an evaluation wrote the field; of expressions no field of text begins its name."""
    owner = fields_of(name)
    return owner is not None and dataset.has_field(owner.pge)


def _rows(
    dataset: fo.Dataset, ids: Sequence[ObjectId], options: EvaluationOptions
) -> list[Document]:
    path = region_path(dataset, options.regions_field)
    wanted = ("_id", "_cls", "label", "filled", "closed", CROWD, options.expressions or "label")
    shown = {"filepath": 1, root_of(options.caption_field): 1} | {
        f"{path}.{one}": 1 for one in wanted
    }
    found = sample_documents(dataset).find({"_id": {"$in": list(ids)}}, shown)
    rows = {row["_id"]: row for row in found}
    return [rows[one] for one in ids if one in rows]


def _texts(
    rows: Sequence[Document], options: EvaluationOptions, vocabulary: Vocabulary
) -> tuple[list[LabelledText], dict[str, int]]:
    samples = []
    names = (
        "images captions captions_with_pair regions regions_named regions_repeated pairs "
        "images_without_text lines"
    )
    counts: Counter[str] = Counter(dict.fromkeys(names.split(), 0))
    for row in rows:
        counts["regions"] += len(labels_of(row, options))
        texts = (
            expression_texts(row, options, counts)
            if options.expressions
            else caption_texts(row, options, vocabulary, counts)
        )
        counts["captions"] += len(texts)
        counts["images_without_text"] += not texts
        stored = stored_regions(row, options.regions_field)
        counts["lines"] += sum(not encloses(one) for one in stored)
        named: set[int] = set()
        paired: set[int] = set()
        for one in texts:
            pairs = one.named.pairs
            for places, words in zip(one.places, one.named.words, strict=True):
                named.update(places if words else ())
            paired.update(place for region, _ in pairs for place in one.places[region])
            counts["pairs"] += len(pairs)
            counts["captions_with_pair"] += bool(pairs)
        counts["regions_named"] += len(named)
        counts["regions_repeated"] += len(named - paired)
        samples += [one for one in texts if one.labels]
    return samples, dict(counts)


def _no_text(dataset: fo.Dataset, rows: Sequence[Document], options: EvaluationOptions) -> str:
    if options.expressions is None:
        return (
            f"An evaluation needs captions; the field {options.caption_field!r} is empty in these "
            f"{len(rows)} images. Choose another: {_listed(caption_fields(dataset))}."
        )
    name = options.regions_field
    row = sample_documents(dataset).find_one({"_id": {"$in": [row["_id"] for row in rows]}})
    regions = stored_regions(row or {}, name)
    texts = {key for each in regions for key in each if expressions_of(each, key)}
    return (
        f"Expressions are texts of the regions; the attribute {options.expressions!r} of "
        f"{name!r} holds none in these {len(rows)} images, none with a content word, or none that "
        "is a single region's of its image. Attributes with text: "
        f"{_listed(sorted(key for key in texts if not key.startswith('_')))}."
    )


def _nothing_named(samples: Sequence[LabelledText], options: EvaluationOptions) -> str:
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


FREQUENT = 20
"""Regions with a label from which on it should be named now and then."""
SELDOM = 0.05
"""Share of a label's regions; a frequent label that is named less often needs other names."""


def text_notes(
    samples: Sequence[LabelledText],
    options: EvaluationOptions,
    *,
    counts: Mapping[str, int],
    coco: bool,
) -> list[str]:
    """Notes on what was chosen, left out, or is probably missing.

    Args:
        samples: all texts.
        options: what was asked for.
        counts: of the plan.
        coco: whether the other names of COCO's labels were added.
    """
    notes = []
    if options.expressions is not None:
        notes.append(
            f"Each {options.expressions!r} of a region in {options.regions_field!r} is a text of "
            f"its own; only {' and '.join(EXPRESSION_MEASURES)} are measured of expressions."
        )
    if coco:
        notes.append(
            "The labels are COCO's: what captions call them counts too (person: man, rider; couch: "
            "sofa). Your own synonyms come first; coco_names=False (--no-coco-names) turns it off."
        )
    images = counts["images"]
    told = {
        "images_without_text": f"of {images} images have no text.",
        "captions_fallen_back": (
            f"of {images} images have no caption number {options.caption_index}; their first was "
            "taken. Choose another caption_index, or all_captions."
        ),
        "expressions_repeated": (
            'expressions belong to several regions of their image and were skipped; "union" makes '
            "one region of them (--repeated)."
        ),
        "expressions_empty": "expressions have no content word and were skipped.",
        "lines": "shapes are neither filled nor closed, so that they enclose nothing.",
    }
    notes += [f"{counts[name]} {text}" for name, text in told.items() if counts.get(name)]
    seldom = [] if options.expressions else _seldom_named(samples)
    if seldom:
        notes.append(
            f"Hardly ever named: {', '.join(seldom[:SHOWN])}. If captions call them something "
            'else, say so: synonyms={"label": ["name"]} (--synonyms label=name,name).'
        )
    return notes


def _seldom_named(samples: Sequence[LabelledText]) -> list[str]:
    """Frequent labels of which next to none is named, the most frequent first, with numbers."""
    regions: Counter[str] = Counter()
    named: Counter[str] = Counter()
    spoken: dict[object, tuple[bool, ...]] = {}
    labels: dict[object, tuple[str, ...]] = {}
    for sample in samples:
        words = tuple(map(bool, sample.named.words))
        before = spoken.get(sample.id, (False,) * len(words))
        spoken[sample.id] = tuple(a or b for a, b in zip(before, words, strict=True))
        labels[sample.id] = sample.labels
    for one, said in spoken.items():
        for label, so in zip(labels[one], said, strict=True):
            key = " ".join(label_words(label))
            regions[key] += 1
            named[key] += so
    return [
        f"{label} ({named[label]} of {count} regions)"
        for label, count in regions.most_common()
        if count >= FREQUENT and named[label] < SELDOM * count
    ]
