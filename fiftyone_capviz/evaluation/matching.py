"""Which words of a caption name which labelled regions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.words import caption_words

Synonyms = Mapping[str, Sequence[str]]
"""Label -> other names that a caption may use for it."""


@dataclass(frozen=True)
class NamedRegions:
    """The regions of one image and the words that name them.

    Attributes:
        words: for each region the indices of its words in the caption; empty where it is unnamed.
        unique: for each region whether it alone bears its label, and its words name no other
            label.
    """

    words: tuple[tuple[int, ...], ...]
    unique: tuple[bool, ...]

    @property
    def pairs(self) -> list[tuple[int, tuple[int, ...]]]:
        """Region and words, of the regions that are named and unique."""
        found = zip(range(len(self.words)), self.words, self.unique, strict=True)
        return [(region, words) for region, words, unique in found if words and unique]


def name_regions(
    words: CaptionWords, labels: Sequence[str], *, synonyms: Synonyms | None = None
) -> NamedRegions:
    """Find each region's name in a caption.

    Labels and synonyms are normalised like captions (lower case, singular, no stop words). A name
    of several words ("dining table") is found where the caption has all of them.

    Args:
        words: of the caption.
        labels: of the regions of the same image.
        synonyms: other names per label.
    """
    places = {word: index for index, word in enumerate(words.words)}
    table = _normalised(synonyms or {})
    keys = [label_words(label) for label in labels]
    found = [_find((key, *table.get(key, ())), places) for key in keys]
    counts = Counter(keys)
    users: dict[int, set[tuple[str, ...]]] = {}
    for key, indices in zip(keys, found, strict=True):
        for index in indices:
            users.setdefault(index, set()).add(key)
    unique = tuple(
        counts[key] == 1 and all(len(users[index]) == 1 for index in indices)
        for key, indices in zip(keys, found, strict=True)
    )
    return NamedRegions(tuple(found), unique)


@lru_cache(maxsize=1 << 14)
def label_words(label: str) -> tuple[str, ...]:
    """A label's content words; the label itself in lower case where it has none."""
    text = label.replace("_", " ").replace("-", " ")
    return caption_words(text).words or (label.strip().lower(),)


def _normalised(synonyms: Synonyms) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    table: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for label, names in synonyms.items():
        table.setdefault(label_words(label), []).extend(label_words(name) for name in names)
    return table


def _find(names: Sequence[tuple[str, ...]], places: Mapping[str, int]) -> tuple[int, ...]:
    """Places of the first name whose words are all there."""
    for name in names:
        if all(word in places for word in name):
            return tuple(places[word] for word in name)
    return ()
