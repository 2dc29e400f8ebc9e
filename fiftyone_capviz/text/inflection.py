"""Part of speech and singular of English words, from TextBlob's (Pattern's) lexicon, offline.

Both are functions of the word alone. For tags that is exact, not a shortcut: ``PatternTagger``
looks every token up in its lexicon, gives unknown ones a tag by their ending, and applies no rule
of context. Two departures: a word that the lexicon only knows capitalised is looked up that way
("asian" is an adjective), and an unknown compound ends like its last part ("t-shirt" is a noun).

Formulas: docs/methods.md, section 6.1.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any

TAGS = ("adjective", "noun", "other", "verb")
"""The parts of speech, in alphabetical order."""

UNCHANGED = frozenset(
    "acrobatics athletics bagpipes barracks belongings billiards binoculars bleachers briefs "
    "christmas clothes clippers data earphones fatigues fireworks flippers goggles gymnastics "
    "headphones jeans leggings lens mathematics media overalls pajamas panties physics pliers "
    "politics pyjamas rapids ruins scissors shorts slacks spectacles stockings suds suspenders "
    "swimmies thermos tights tongs tweezers woods xmas".split()
)
"""Not inflected: singulars in s, and plurals whose singular is no word or not what is shown."""

_UNCHANGED_ENDS = ("ss", "glasses", "pants", "trousers")

IRREGULAR = {
    "ads": "ad",
    "axes": "axe",
    "bases": "base",
    "bears": "bear",
    "cds": "cd",
    "corgis": "corgi",
    "dice": "die",
    "faces": "face",
    "feet": "foot",
    "fives": "five",
    "geese": "goose",
    "handles": "handle",
    "knives": "knife",
    "leaves": "leaf",
    "men": "man",
    "mice": "mouse",
    "mirrors": "mirror",
    "oxen": "ox",
    "people": "person",
    "sinks": "sink",
    "teeth": "tooth",
    "tracks": "track",
    "tutus": "tutu",
    "tvs": "tv",
    "women": "woman",
}
"""Plurals that TextBlob gets wrong, or the lexicon takes for verbs; in captions they are things."""

_ENDING_IN_IE = frozenset(
    "barbie birdie boogie brownie caddie calorie cookie doggie floatie genie goalie hoodie magpie "
    "movie necktie newbie ollie pie prairie rookie selfie smoothie tie trekkie zombie".split()
)

_ENDS_LIKE_SINGULAR = re.compile(r"(?:ss|us|is|ics)$")
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


def _penn_tag(form: str) -> str:
    tag: str = _pattern_parser().find_tags([_cased(form)])[0][1]
    return tag


@lru_cache(maxsize=1 << 17)
def part_of_speech(word: str) -> str:
    """One of :data:`TAGS` for a word in its normal form; "other" where it has no Latin letter."""
    if not _LATIN.search(word):
        return "other"
    last = word.rpartition("-")[2]
    if last != word and word not in _pattern_parser().lexicon:
        word = last if _penn_tag(last).startswith("NN") else word  # "t-shirt" is what a shirt is
    return _PARTS.get(_penn_tag(word)[:2], "other")


@lru_cache(maxsize=1 << 17)
def singularize(word: str) -> str:
    """The singular of a plural noun; every other word comes back unchanged.

    TextBlob alone cuts the s off grass, dress, bus, tennis, is and always, makes "to" of toes and
    "ty" of ties. So it is asked only about what the tagger takes for a plural, and believed when
    the lexicon knows its answer; if not, the regular endings are tried. A word that the lexicon
    does not know loses its s, unless it ends like a singular (-ss, -us, -is, -ics).

    Args:
        word: a lower-case word.
    """
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word in UNCHANGED or word.endswith(_UNCHANGED_ENDS):
        return word
    head, hyphen, last = word.rpartition("-")
    if hyphen:
        return f"{head}-{singularize(last)}" if head and last else word
    if len(word) < 4 or not word.isalpha():
        return word
    single = _singular_noun(word)
    return single if single == word else singularize(single)


def _singular_noun(word: str) -> str:
    from textblob.en import inflect

    tag = _penn_tag(word)
    if not tag.startswith("NN") or word in inflect.singular_uninflected:
        return word
    lexicon = _pattern_parser().lexicon
    if word.endswith("men"):  # firemen and snowmen, not specimen and ramen
        compound = word not in lexicon and lexicon.get(word[:-3]) == "NN"
        return f"{word[:-2]}an" if tag == "NNS" or compound else word
    if not word.endswith("s") and tag != "NNS":
        return word
    guess: str = inflect.singularize(word)
    if word[:-1] in _ENDING_IN_IE or guess[:2] != word[:2]:  # "abuses" is not "bus"
        guess = word[:-1]
    candidates = [one for one in (guess, *_regular_singulars(word)) if 2 < len(one) < len(word)]
    tags = [lexicon.get(_cased(one), "") for one in candidates]
    for accepted in (("NN",), ("VB", "VBP", "JJ"), ("NNP",)):
        if accepted == ("NN",) or tag in ("NNS", "NNPS"):
            for candidate, its_tag in zip(candidates, tags, strict=True):
                if its_tag in accepted:
                    return candidate
    if tag in ("NNS", "NNPS") and candidates and not _ENDS_LIKE_SINGULAR.search(word):
        return candidates[-1] if word.endswith("ves") else candidates[0]
    return word


def _regular_singulars(word: str) -> list[str]:
    """Regular ways to take the plural off, the likeliest first."""
    if not word.endswith("s"):
        return []
    if word.endswith("ies"):
        return [f"{word[:-3]}y", word[:-1]]
    if word.endswith("ves"):
        return [f"{word[:-3]}f", f"{word[:-3]}fe", word[:-1]]
    if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        return [word[:-1], word[:-2]]
    return [word[:-1]]
