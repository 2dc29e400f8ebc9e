"""Hard negatives: the same caption with one word swapped for something that is not there.

A good model scores it lower, and a good attribution gives the false word less of the object
(arXiv 2408.14153 section 4.4).

Formulas: docs/methods.md, section 7.8.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from fiftyone_capviz.evaluation.matching import label_words
from fiftyone_capviz.records import CaptionWords

_ARTICLE = re.compile(r"\b(an?)(\s+)$", re.IGNORECASE)


@dataclass(frozen=True)
class SwappedCaption:
    """A false caption.

    Attributes:
        text: with every occurrence of the old word replaced.
        old, new: the swapped words.
    """

    text: str
    old: str
    new: str


def swap_object(
    text: str,
    words: CaptionWords,
    index: int,
    *,
    labels: Sequence[str],
    absent_from: Collection[str],
    rng: np.random.Generator,
) -> SwappedCaption | None:
    """Put another object's name in the place of one word.

    Args:
        text: a true caption.
        words: its content words.
        index: of the word to replace.
        labels: names to draw from, such as all labels of the dataset.
        absent_from: labels of the image: none of them is drawn, nor a word of the caption.
        rng: draws.

    Returns:
        None where no label is left. "a" and "an" before the word follow the new one.
    """
    there = {label_words(label) for label in absent_from}
    spoken = set(words.words)
    keys = sorted({label_words(label) for label in labels})
    free = [key for key in keys if key not in there and not spoken & set(key)]
    if not free:
        return None
    new = " ".join(free[int(rng.integers(len(free)))])
    old = words.words[index]
    changed = text
    for start, stop in sorted(words.spans[index], reverse=True):
        before = _ARTICLE.sub(lambda found: _article(found, new), changed[:start])
        changed = before + new + changed[stop:]
    return SwappedCaption(changed, old, new)


def _article(found: re.Match[str], word: str) -> str:
    article = "an" if word[0].lower() in "aeiou" else "a"
    return (article.capitalize() if found[1][0].isupper() else article) + found[2]
