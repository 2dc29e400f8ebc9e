"""Which words of a caption name which labelled regions.

Names and captions are normalised alike (lower case, singular, no stop words). The words of a name
must stand together in the caption, in its order, with the same small words between them ("cup of
coffee"); articles and hyphens do not count, and a comma or full stop ends a name. Where names
overlap, the longest has the words: "a hot dog" names no dog.

Formulas: docs/methods.md, section 7.1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.text.words import caption_words, tokenize

Synonyms = Mapping[str, Sequence[str]]
"""Label -> other names that a caption may use for it."""
Key = tuple[str, ...]
"""A label's content words: what two spellings of one label have in common."""

ARTICLES = frozenset({"a", "an", "the"})
_POSSESSIVE = re.compile(r"^['\u2019]s?(?=\s|$)")
_RUNNING = re.compile(r"[\w\s'\u2019-]*")


@dataclass(frozen=True)
class NamedRegions:
    """The regions of one image and the words that name them.

    Attributes:
        words: for each region the indices of its words in the caption; empty where it is unnamed.
        unique: for each region whether it alone bears its label, and its words name nothing else.
        keys: what each region is called; equal for regions that no word can tell apart.
    """

    words: tuple[tuple[int, ...], ...]
    unique: tuple[bool, ...]
    keys: tuple[Key, ...]

    @property
    def pairs(self) -> list[tuple[int, tuple[int, ...]]]:
        """Region and words, of the regions that are named and unique."""
        found = zip(range(len(self.words)), self.words, self.unique, strict=True)
        return [(region, words) for region, words, unique in found if words and unique]

    @classmethod
    def described(cls, region: int, *, of: int, words: CaptionWords) -> NamedRegions:
        """Where a whole text speaks of one region of an image, whatever the others' labels are.

        Args:
            region: that is described.
            of: how many regions the image has.
            words: of the text; all of them count.
        """
        every = tuple(range(len(words.words)))
        chosen = [i == region for i in range(of)]
        named = tuple(every if here else () for here in chosen)
        return cls(named, tuple(chosen), tuple((str(i),) for i in range(of)))

    def others(self, region: int) -> list[int]:
        """Regions that the words of this one do not name."""
        words = set(self.words[region])
        return [
            i
            for i, (key, named) in enumerate(zip(self.keys, self.words, strict=True))
            if i != region and key != self.keys[region] and not words & set(named)
        ]


@dataclass(frozen=True)
class _Name:
    """Content words, and the small words between each and the next; articles do not count."""

    words: tuple[str, ...]
    between: tuple[tuple[str, ...] | None, ...]


@dataclass(frozen=True)
class _Claim:
    """A name in a caption: position of its first word, and whose name it is."""

    start: int
    name: _Name
    keys: frozenset[Key]
    present: frozenset[Key]

    @property
    def span(self) -> range:
        return range(self.start, self.start + len(self.name.words))


class Vocabulary:
    """The names of a dataset's labels, ready to be found in captions.

    A label that the image does not have still keeps its words from others where it is a compound:
    "a hot dog" names no dog on a dataset that knows hot dogs.

    Args:
        labels: of all regions of the dataset.
        synonyms: other names per label; a label of its own adds its compounds too.
    """

    def __init__(self, labels: Iterable[str], synonyms: Synonyms | None = None) -> None:
        self._owners: dict[_Name, set[Key]] = {}
        self._ranks: dict[Key, dict[_Name, int]] = {}
        synonyms = synonyms or {}
        for label in sorted({*labels, *synonyms}):
            self._add(label_words(label), label)
        for label, names in synonyms.items():
            for name in names:
                self._add(label_words(label), name)
        self._longest = max((len(name.words) for name in self._owners), default=0)
        self._first = {name.words for name in self._owners}

    def _add(self, key: Key, spelling: str) -> None:
        ranks = self._ranks.setdefault(key, {})
        for name in _names(spelling):
            ranks.setdefault(name, len(ranks))
            self._owners.setdefault(name, set()).add(key)

    def name_regions(self, text: str, words: CaptionWords, labels: Sequence[str]) -> NamedRegions:
        """Find each region's name in a caption: its label, else its first synonym that is there.

        Args:
            text: the caption.
            words: its content words.
            labels: of the regions of the image, each one of the vocabulary's.
        """
        keys = [label_words(label) for label in labels]
        sequence, claims = self._claims(text, words, frozenset(keys))
        named: dict[Key, tuple[int, ...]] = {}
        for key in set(keys):
            ranks = self._ranks[key]
            own = [claim for claim in claims if key in claim.present]
            if own:
                first = min(own, key=lambda claim: ranks[claim.name])
                named[key] = tuple(dict.fromkeys(sequence[i] for i in first.span))
        owners: dict[int, list[_Claim]] = {}
        for claim in claims:
            for i in claim.span:
                owners.setdefault(sequence[i], []).append(claim)
        counts = Counter(keys)
        unique = {
            key: counts[key] == 1
            and all(
                key in claim.keys and claim.present <= {key}
                for index in named.get(key, ())
                for claim in owners[index]
            )
            for key in counts
        }
        return NamedRegions(
            tuple(named.get(key, ()) for key in keys),
            tuple(unique[key] for key in keys),
            tuple(keys),
        )

    def _claims(
        self, text: str, words: CaptionWords, present: frozenset[Key]
    ) -> tuple[list[int], list[_Claim]]:
        """Word index of every content word in the order of the text, and the names among them."""
        sequence, gaps = _in_order(text, words)
        spoken = [words.words[index] for index in sequence]
        found = []
        for start in range(len(spoken)):
            for length in range(1, min(self._longest, len(spoken) - start) + 1):
                these = tuple(spoken[start : start + length])
                if these not in self._first:
                    continue
                name = _Name(these, gaps[start : start + length - 1])
                keys = frozenset(self._owners.get(name, ()))
                own = keys & present
                compound = length > 1 and all(small == () for small in name.between)
                if own or (keys and compound):
                    found.append(_Claim(start, name, keys, own))
        found.sort(key=lambda claim: (-len(claim.name.words), not claim.present, claim.start))
        taken: set[int] = set()
        claims = []
        for claim in found:
            if taken.isdisjoint(claim.span):
                taken.update(claim.span)
                claims.append(claim)
        return sequence, claims


@lru_cache(maxsize=1 << 14)
def label_words(label: str) -> Key:
    """A label's content words; the label itself in lower case where it has none."""
    return caption_words(_spaced(label)).words or (label.strip().lower(),)


@lru_cache(maxsize=1 << 14)
def _names(spelling: str) -> tuple[_Name, ...]:
    """How captions may write a label: in several words, or in one with hyphens."""
    spaced = _spaced(spelling)
    found = []
    for text in (spaced, "-".join(spaced.split())):
        words = caption_words(text)
        sequence, gaps = _in_order(text, words)
        if sequence:
            found.append(_Name(tuple(words.words[i] for i in sequence), gaps))
    return tuple(dict.fromkeys(found))


def _spaced(label: str) -> str:
    return label.replace("_", " ").replace("-", " ")


def _in_order(
    text: str, words: CaptionWords
) -> tuple[list[int], tuple[tuple[str, ...] | None, ...]]:
    """Word index of every content word as the text has them, and what lies between them."""
    places = sorted((span, index) for index, spans in enumerate(words.spans) for span in spans)
    gaps = tuple(
        _between(text[before[1] : after[0]]) for (before, _), (after, _) in pairwise(places)
    )
    return [index for _, index in places], gaps


def _between(text: str) -> tuple[str, ...] | None:
    """The small words of a gap without articles; None where a sentence or clause ends."""
    text = _POSSESSIVE.sub("", text)
    if not _RUNNING.fullmatch(text):
        return None
    small = (token.text.lower() for token in tokenize(text))
    return tuple(word for word in small if word not in ARTICLES)
