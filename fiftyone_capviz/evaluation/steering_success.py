"""Does steering make a captioner say what it left out, and is the caption still one?

`measure_success` counts as the paper does (seed paper, section 6): of the images whose caption did
not name the thing before, the share whose new one does; beside it the share of all images asked,
which nothing is left out of.

On labelled objects the thing is one that the plain caption does not name. That alone flatters: "on
on on boat on on" is a success. So a second rate counts what is acceptable as well, by the rule with
which the product itself accepts a steered caption (`steering.holds_up`) and without a stammer.

Formulas: docs/methods.md, sections 5.9, 7.13.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.statistics import GroupIntervals, Interval
from fiftyone_capviz.text.wanted_words import Wanted, prompt_end, says_any
from fiftyone_capviz.text.words import caption_words

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class SteeringSuccess:
    """How many images say what was wanted, each image once.

    Attributes:
        images: different ones that were asked.
        duplicates: that were left out, as they are the same image as one before.
        before: images whose caption named the thing already.
        gained: of the others, those whose new caption names it.
        rate: gained, of the images that did not name it before and have a new caption.
        overall: images whose new caption names it, of all that were asked.
    """

    images: int
    duplicates: int
    before: int
    gained: int
    rate: Interval
    overall: Interval

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        rates = {"rate": self.rate.to_dict(), "overall": self.overall.to_dict()}
        counts = ("images", "duplicates", "before", "gained")
        return {name: getattr(self, name) for name in counts} | rates


def measure_success(
    before: Sequence[str | None],
    after: Sequence[str | None],
    wanted: Wanted,
    *,
    prompts: Sequence[str | None] | None = None,
    images: Sequence[Hashable] | None = None,
) -> SteeringSuccess:
    """Count what captions gained.

    Args:
        before: each image's caption before steering; None where it had none.
        after: its new caption; None where it could not be captioned.
        wanted: what counts, any of it; of `wanted_words`.
        prompts: what the new captions were continued from; their words do not count.
        images: equal for the same image; default all different.

    Raises:
        InputError: lists of different lengths.
    """
    prompts = [None] * len(after) if prompts is None else prompts
    images = range(len(after)) if images is None else images
    if not len(before) == len(after) == len(prompts) == len(images):
        raise InputError(
            "before, after, prompts and images need one entry per image; got "
            f"{len(before)}, {len(after)}, {len(prompts)} and {len(images)}."
        )
    first = list({image: i for i, image in reversed(list(enumerate(images)))}.values())
    named = np.array([says_any(before[i], wanted) for i in first], dtype=bool)
    says = np.array([says_any(after[i], wanted, prompt=prompts[i]) for i in first], dtype=bool)
    made = np.array([after[i] is not None for i in first], dtype=bool)
    intervals = GroupIntervals(np.arange(len(first)))
    return SteeringSuccess(
        images=len(first),
        duplicates=len(after) - len(first),
        before=int(named.sum()),
        gained=int((says & ~named).sum()),
        rate=intervals.share(np.where(made & ~named, says, np.nan)),
        overall=intervals.share(says),
    )


def names_object(
    text: str, label: str, vocabulary: Vocabulary, *, prompt: str | None = None
) -> bool:
    """Whether a caption names a label, one of the vocabulary's; its prompt's words do not count."""
    rest = text[prompt_end(text, prompt) :]
    return bool(vocabulary.name_regions(rest, caption_words(rest), [label]).words[0])


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
