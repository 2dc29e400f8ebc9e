"""The subject of a caption, as a prompt can name it.

Formulas: docs/methods.md, section 5.10.
"""

from __future__ import annotations

import re

from fiftyone_capviz.text.words import caption_words

_AROUND = frozenset(
    "bunch close-up closeup couple drawing group illustration image lot number pair painting photo "
    "photograph picture portrait set shot variety view".split()
)
"""Nouns that, before "of", say how much of the subject there is, or that it is a picture."""
_OF = re.compile(r"\s+of\b", re.IGNORECASE)
_POSSESSIVE = re.compile("['\u2019][sS]?\\b|['\u2019](?=\\s)")
_ARTICLE = re.compile(r"\b(?:an?|the)\b", re.IGNORECASE)


def caption_subject(text: str | None) -> str | None:
    """The first noun of a caption, in the singular, in lower case.

    Nouns are what `caption_words` calls so. Passed over are nouns before "of" that say how much or
    that it is a picture ("a group of men": man), and owners ("a man's hat": hat). Nouns that follow
    at once belong to it ("a fire truck": fire truck); a plural only where no article came before,
    since "rides" in "a boy rides" looks like one.

    Args:
        text: a caption; None, or one without a noun, has no subject.
    """
    if not text:
        return None
    found = caption_words(text)
    tokens = sorted(
        (span, word, tag)
        for word, tag, spans in zip(found.words, found.tags, found.spans, strict=True)
        for span in spans
    )
    subject: list[str] = []
    end = 0
    for (start, stop), word, tag in tokens:
        spelled = text[start:stop].lower()
        if subject:
            plural = spelled != word
            joins = tag == "noun" and text[end:start].isspace()
            if not joins or (plural and _ARTICLE.search(text[:start])):
                break
        elif tag != "noun" or _POSSESSIVE.match(text, stop):
            continue
        elif word in _AROUND and _OF.match(text, stop):
            continue
        subject.append(word)
        end = stop
    return " ".join(subject) or None
