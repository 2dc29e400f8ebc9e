"""Does steering make a captioner say what it left out, and is the caption still one?

For objects that the plain caption does not name, the patches of the object get a weight; success
is a caption that names it (seed paper, section 6). That alone flatters: "on on on boat on on" is a
success. So a second rate counts what is acceptable as well, by the rule with which the product
itself accepts a steered caption (`steering.holds_up`) and without a stammer.

Formulas: docs/methods.md, section 7.13.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.text.words import caption_words

_WORD = re.compile(r"\w+")


def names_object(text: str, label: str, vocabulary: Vocabulary) -> bool:
    """Whether a caption names a label, one of the vocabulary's."""
    return bool(vocabulary.name_regions(text, caption_words(text), [label]).words[0])


def repeats_word(text: str) -> bool:
    """Whether a caption says the same word twice in a row."""
    return any(one == other for one, other in pairwise(_WORD.findall(text.lower())))


def keeps_names(text: str, plain: str, labels: Sequence[str], vocabulary: Vocabulary) -> bool:
    """Whether a caption still names every label of the image that the plain one names."""
    return all(
        names_object(text, label, vocabulary)
        for label in dict.fromkeys(labels)
        if names_object(plain, label, vocabulary)
    )
