"""Does a caption say what was wanted of it, in words that were not put into its mouth?

"hat" wants that word, "red hat" both of them, "hat, cap, red beanie" any of what stands between the
commas.

Formulas: docs/methods.md, section 5.9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fiftyone_capviz.text.words import caption_words

_WORD = re.compile(r"\w+")
Wanted = Sequence[frozenset[str]]
"""Normalised words; each entry is one way to say it, of which all words must be there."""


def alternatives(wanted: str | None) -> list[str]:
    """What stands between the commas."""
    return [one.strip() for one in (wanted or "").split(",") if one.strip()]


def wanted_words(wanted: str | None) -> Wanted:
    """The ways to say it; none where nothing is wanted."""
    ways = (frozenset(caption_words(one).words) or frozenset({one}) for one in alternatives(wanted))
    return tuple(dict.fromkeys(ways))


def says_any(text: str | None, wanted: Wanted, *, prompt: str | None = None) -> bool:
    """Whether a caption says one of the wanted things; what its prompt says does not count.

    Args:
        text: a caption.
        wanted: of `wanted_words`.
        prompt: what the caption was continued from. Of a text that does not begin with it, as where
            the captioner cuts its own prompt away, everything counts.
    """
    found, end = caption_words(text), prompt_end(text or "", prompt)
    said = {
        word
        for word, spans in zip(found.words, found.spans, strict=True)
        if any(start >= end for start, _ in spans)
    }
    return any(way <= said for way in wanted)


def prompt_end(text: str, prompt: str | None) -> int:
    """How many of a text's first characters are its prompt's words; 0 unless all of them are."""
    asked = [each.casefold() for each in _WORD.findall(prompt or "")]
    there = list(_WORD.finditer(text))[: len(asked)]
    same = [each[0].casefold() for each in there] == asked
    return there[-1].end() if same and there else 0
