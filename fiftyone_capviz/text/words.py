"""The content words of a caption: tokens, singular nouns, stop words, parts of speech.

Pipeline of one caption: :func:`tokenize` -> normal form (NFKC, lower case) -> stop words dropped ->
nouns singularised (:func:`singularize`) -> tagged (:func:`part_of_speech`). What can be a plural or
a verb ("waves") is one of them by its sentence (``noun_or_verb.py``), a noun where it stands alone;
all else is a function of the token, and computed once per distinct token.

Decisions: English only (other languages pass through unchanged). Numbers are words, of class
other. Only nouns are inflected: "she wears" stays "wears". Words that name something else in the
singular stay plural (glasses, pants, woods). "people" becomes "person". Dots and dollar signs
inside a word are kept ("u.s.", "$5"): a word may be stored as a value, never used as a key.

Formulas: docs/methods.md, section 6.1.
"""

from __future__ import annotations

import re
import sys
import threading
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import CaptionWords, Span
from fiftyone_capviz.text.inflection import TAGS, part_of_speech, singularize
from fiftyone_capviz.text.noun_or_verb import verbs_among

__all__ = [
    "TAGS",
    "Token",
    "caption_words",
    "part_of_speech",
    "singularize",
    "stop_word_source",
    "stop_words",
    "tokenize",
    "words_of_corpus",
]

# Words of scikit-learn's stop list that name what a picture can show; NLTK's list has none of them.
_SHOWN = frozenset(
    "amount back bill bottom call cry describe detail eight eleven empty fifteen fifty fill fire "
    "first five forty four front full hundred interest last mill move name nine one part put "
    "serious show side sincere six sixty system ten thick thin third three top twelve twenty "
    "two".split()
)
# Negations and fragments of contractions, which scikit-learn's list lacks.
_FRAGMENTS = frozenset(
    "ain aren couldn d did didn does doesn doing don hadn hasn haven having isn just ll m ma "
    "mightn mustn needn o re s shan shouldn t theirs ve wasn weren won wouldn y".split()
)

_APOSTROPHES = "'\u2018\u2019\u02bc\uff07"
_HYPHENS = "-\u2010\u2011"
_SKIN = "\U0001f3fb-\U0001f3ff"
_PICTURES = "\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
_UNIFIED = str.maketrans(
    {
        **dict.fromkeys(_APOSTROPHES, "'"),
        **dict.fromkeys(_HYPHENS, "-"),
        **dict.fromkeys("\u00ad\ufe0e\ufe0f"),
    }
)
_POSSESSIVE = re.compile(f"[{_APOSTROPHES}][sS]$")
_CONTRACTION = re.compile(r"(?:n't|'(?:re|ve|ll|d|m))$")

_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it stands in a text: ``text`` is the characters from ``start`` to ``end``."""

    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Cut a text into words.

    A word is a run of letters, marks and digits of any script; apostrophes, hyphens, dots and
    dollar signs join when they stand inside ("t-shirt", "u.s.", "3.5", "$5"). A possessive 's is
    left out of the token. A run of Chinese is one word, an emoji is a word; HTML is only text.

    Returns:
        Tokens in the order of the text, none overlapping; ``text[start:end] == token.text``.
    """
    tokens = []
    for match in _token_pattern(ascii_only=text.isascii()).finditer(text):
        raw = _POSSESSIVE.sub("", match.group()).rstrip("_")
        start = match.start()
        tokens.append(Token(raw, start, start + len(raw)))
    return tokens


@lru_cache(maxsize=2)
def _token_pattern(*, ascii_only: bool) -> re.Pattern[str]:
    marks = "" if ascii_only else _marks()
    word = rf"[^\W_][\w{marks}]*"
    joint = (
        rf"[$\{_HYPHENS}{_APOSTROPHES}]"
        r"|\.(?!(?<=[a-z]{2}\.)[A-Z])"  # "the grass.The dog": a sentence ends here
        r"|(?<=\d),(?=\d{3})"
    )
    emoji = rf"[{_PICTURES}][\ufe0f{_SKIN}]*"
    return re.compile(
        r"(?:[^\W\d_]\.){2,}(?![^\W_])"
        rf"|[$€£¥]?{word}(?:(?:{joint}){word})*[$€£¥]?"
        rf"|[\U0001f1e6-\U0001f1ff]{{2}}|{emoji}(?:\u200d{emoji})*"
    )


def _marks() -> str:
    """Characters that belong to a word without being letters: accents, vowel signs, joiners."""
    points = [c for c in range(0x300, 0x20000) if unicodedata.category(chr(c))[0] == "M"]
    return "\u00ad\u200c\u200d" + "".join(map(chr, points))


def stop_words() -> frozenset[str]:
    """English words without content: NLTK's list, else scikit-learn's; nothing is downloaded.

    NLTK's corpus is looked for in its own places, among them the environment's ``NLTK_DATA``.
    Scikit-learn's list is used without the words that name something (fire, front, two).
    """
    return _stop_list()[0]


def stop_word_source() -> str:
    """Which list :func:`stop_words` uses: "nltk" or "scikit-learn"."""
    return _stop_list()[1]


@lru_cache(maxsize=1)
def _stop_list() -> tuple[frozenset[str], str]:
    from nltk.corpus import stopwords

    with _loading:  # NLTK's lazy corpora are not safe to load from two threads
        try:
            return frozenset(stopwords.words("english")), "nltk"
        except (LookupError, OSError, zipfile.BadZipFile):
            pass
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS) - _SHOWN | _FRAGMENTS, "scikit-learn"


@lru_cache(maxsize=1 << 17)
def _content_word(form: str, *, verb: bool) -> tuple[str, str] | None:
    """Word and tag of a token in its normal form; None for a stop word."""
    if not form or form in stop_words() or _CONTRACTION.search(form):
        return None
    word = form if verb else singularize(form)
    if word in stop_words():
        return None
    tag = "verb" if verb else "noun" if word != form else part_of_speech(form)
    return sys.intern(word), tag


@lru_cache(maxsize=1 << 17)
def _normal_form(raw: str) -> str:
    """NFKC, lower case, one kind of apostrophe and hyphen; no soft hyphens, no edge joiners."""
    lower = raw.translate(_UNIFIED).lower()
    if not lower.isascii():
        composed = unicodedata.normalize("NFKC", lower).lower()
        lower = unicodedata.normalize("NFKC", composed)
    return "".join(lower.strip("\u200c\u200d").split())


def caption_words(text: str | None) -> CaptionWords:
    """The unique content words of a caption, in the order of their first occurrence.

    Args:
        text: a caption; None, an empty one or one of stop words only has no words.

    Returns:
        Words, their tags (of the first occurrence), and the spans of all their occurrences.

    Raises:
        InputError: the caption is neither text nor None.
    """
    if text is None:
        return CaptionWords((), (), ())
    if not isinstance(text, str):
        raise InputError(
            f"A caption must be text or None; got {type(text).__name__} ({text!r:.60}). "
            "Choose a string field, or convert the values."
        )
    tags: dict[str, str] = {}
    spans: dict[str, list[Span]] = {}
    tokens = tokenize(text)
    forms = [_normal_form(token.text) for token in tokens]
    ends = [0, *(token.end for token in tokens)]
    gaps = [text[end : token.start] for end, token in zip(ends, tokens, strict=False)]
    verbs = verbs_among(forms, gaps)
    for place, (token, form) in enumerate(zip(tokens, forms, strict=True)):
        content = _content_word(form, verb=place in verbs)
        if content is not None:
            word, tag = content
            tags.setdefault(word, tag)
            spans.setdefault(word, []).append((token.start, token.end))
    return CaptionWords(tuple(tags), tuple(tags.values()), tuple(map(tuple, spans.values())))


def words_of_corpus(texts: Iterable[str | None]) -> list[CaptionWords]:
    """:func:`caption_words` of every text, in order; equal texts share one result."""
    seen: dict[str | None, CaptionWords] = {}
    words = []
    for text in texts:
        found = seen.get(text) if isinstance(text, str | None) else None
        if found is None:
            found = seen[text] = caption_words(text)
        words.append(found)
    return words
