"""Part of speech and base form of English words, from two lexicons, offline.

Tags come from TextBlob's (Pattern's) lexicon, base forms from LemmInflect's table with lists of our
own around it. All are functions of the word alone. For tags that is exact, not a shortcut:
``PatternTagger`` looks every token up in its lexicon, gives unknown ones a tag by their ending, and
applies no rule of context. Two departures: a word that the lexicon only knows capitalised is looked
up that way ("asian" is an adjective), and an unknown compound ends like its last part ("t-shirt" is
a noun). What a word is in its sentence: ``noun_or_verb.py``.

Formulas: docs/methods.md, section 6.1.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

from fiftyone_capviz.text.nouns import IRREGULAR, NOUNS, UNCHANGED, VERBS

__all__ = [
    "IRREGULAR",
    "TAGS",
    "UNCHANGED",
    "is_noun",
    "lemmas",
    "part_of_speech",
    "penn_tag",
    "singularize",
]

Part = Literal["NOUN", "VERB", "ADJ", "ADV"]
TAGS = ("adjective", "noun", "other", "verb")
"""The parts of speech, in alphabetical order."""

_UNCHANGED_ENDS = ("ss", "glasses", "pants", "trousers")
_COMPOUND_ENDS = {"men": "man", "people": "person", "children": "child"}
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_PARTS = {"NN": "noun", "VB": "verb", "MD": "verb", "JJ": "adjective"}

_loading = threading.Lock()


@lru_cache(maxsize=1)
def _pattern_parser() -> Any:
    """TextBlob's tagger (the one behind its ``PatternTagger``), its lexicon loaded."""
    from textblob.en import parser

    with _loading:  # the lexicon loads itself on first use, and is visible while half full
        len(parser.lexicon)
    return parser


def _cased(form: str) -> str:
    """A lower-case form as the lexicon knows it: "asian" as "Asian"."""
    lexicon = _pattern_parser().lexicon
    return form if form in lexicon or form.title() not in lexicon else form.title()


@lru_cache(maxsize=1 << 17)
def penn_tag(form: str) -> str:
    """The Penn Treebank tag of a lower-case word by itself: "NN", "VBZ", "JJ" and so on."""
    tag: str = _pattern_parser().find_tags([_cased(form)])[0][1]
    return tag


@lru_cache(maxsize=1 << 17)
def part_of_speech(word: str) -> str:
    """One of :data:`TAGS` for a word in its normal form; "other" where it has no Latin letter."""
    if not _LATIN.search(word):
        return "other"
    last = word.rpartition("-")[2]
    if last != word and word not in _pattern_parser().lexicon:
        word = last if penn_tag(last).startswith("NN") else word  # "t-shirt" is what a shirt is
    return _PARTS.get(penn_tag(word)[:2], "other")


@lru_cache(maxsize=1 << 17)
def lemmas(word: str, part: Part) -> tuple[str, ...]:
    """Base forms of a word as a noun or as a verb, the likeliest first; none where it is neither.

    Args:
        word: a lower-case word.
        part: "NOUN" gives singulars ("geese": "goose"), "VERB" infinitives ("ran": "run").
    """
    found = _all_lemmas()(word).get(part, ())
    if not found and part == "VERB" and word.endswith("s") and word[:-1] in VERBS:
        return (word[:-1],)
    return tuple(found)


@lru_cache(maxsize=1)
def _all_lemmas() -> Callable[[str], Mapping[str, tuple[str, ...]]]:
    """LemmInflect's table of forms, loaded. Its guesses for unknown words are never asked for."""
    from lemminflect import getAllLemmas

    with _loading:
        getAllLemmas("word")
    return getAllLemmas  # type: ignore[no-any-return]


@lru_cache(maxsize=1 << 17)
def singularize(word: str) -> str:
    """The singular of a noun; what is no plural, and a plural without known singular, stay.

    The word is taken for a noun: "runs" becomes "run". Whether it is one, its sentence says
    (`fiftyone_capviz.text.noun_or_verb`). LemmInflect's table knows the singular; its gaps are
    filled by the regular endings, where what they leave is a known noun. So the result is the word
    itself, or a word that the table or our list knows.

    Args:
        word: a lower-case word.
    """
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word in UNCHANGED or word in NOUNS or word.endswith(_UNCHANGED_ENDS):
        return word
    head, hyphen, last = word.rpartition("-")
    if hyphen:
        return f"{head}-{singularize(last)}" if head and last else word
    if len(word) < 3 or not word.isalpha():
        return word
    single = _singular_noun(word)
    return single if single == word else singularize(single)


def _singular_noun(word: str) -> str:
    known = lemmas(word, "NOUN")
    if known:
        # "opera" is more than the plural of opus; of "jumps", the jump is what is seen.
        return word if word in known and not word.endswith("s") else known[0]
    # A gap of the table, but "wears" is no gap: there is no plural of wear.
    fits = NOUNS.__contains__ if penn_tag(word) == "VBZ" else is_noun
    return next((one for one in _regular_singulars(word) if fits(one)), word)


@lru_cache(maxsize=1 << 17)
def is_noun(word: str) -> bool:
    """Whether a lower-case word is a noun in the singular, as far as our sources know."""
    if word in NOUNS or word in lemmas(word, "NOUN"):
        return True
    # The table knows "bar" as a verb only; the other lexicon knows it as a thing.
    lexicon = _pattern_parser().lexicon
    known = any(lemmas(word, part) for part in ("VERB", "ADJ"))
    return known and lexicon.get(word) == "NN"


def _regular_singulars(word: str) -> list[str]:
    """Regular ways to take the plural off, the likeliest first; of 2 letters only listed ones."""
    for ending, singular in _COMPOUND_ENDS.items():
        if word.endswith(ending):
            return [word.removesuffix(ending) + singular]
    if not word.endswith("s"):
        return []
    found = [word[:-1]]
    if word.endswith("ies"):
        found.append(f"{word[:-3]}y")
    elif word.endswith("ves"):
        found += [f"{word[:-3]}f", f"{word[:-3]}fe"]
    elif word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        found.append(word[:-2])
    return [one for one in found if len(one) > 2 or one in NOUNS]
