"""What a user should know about the texts and names that an evaluation found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fiftyone_capviz.curation.evaluation_options import EXPRESSION_MEASURES, EvaluationOptions
from fiftyone_capviz.curation.evaluation_texts import LabelledSample
from fiftyone_capviz.evaluation.matching import label_words

FREQUENT = 20
"""Regions with a label from which on it should be named now and then."""
SELDOM = 0.05
"""Share of a label's regions; a frequent label that is named less often needs other names."""
SHOWN = 8
"""Labels that a note lists."""


def text_notes(
    samples: Sequence[LabelledSample],
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


def _seldom_named(samples: Sequence[LabelledSample]) -> list[str]:
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
