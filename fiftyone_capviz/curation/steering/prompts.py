"""Prompts that lead a captioner to a wanted word, mined from its own likelihood of saying it.

Formulas: docs/methods.md, section 5.8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import fiftyone as fo
import numpy as np

from fiftyone_capviz.curation.dataset.captions import root_of, stored_text
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.names import CaptionFields
from fiftyone_capviz.curation.inference.kept import feature_cache
from fiftyone_capviz.curation.inference.turns import models_in_turn, writable
from fiftyone_capviz.curation.steering.image import SteeredImage
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.text.words import caption_words

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache

_OF_SUBJECT = (
    "the {} is wearing",
    "the {} is holding",
    "the {} is carrying",
    "the {} is",
    "the {} has",
    "a {} with",
)
_OF_OTHERS = ("next to the {} is", "on the {} is", "with the {} is")
_OF_SCENE = ("there is", "in the background is", "next to", "in front of", "above", "on the ground")
_NOUNS = 4
_MINED = 8
_LOOK_AHEAD = 6
"""Word pieces after a prompt within which the word must come."""


@dataclass(frozen=True)
class PromptSuggestion:
    """A prompt, how likely the captioner says the wanted word after it, and what it says.

    Attributes:
        probability: the largest over the next places, 0..1; None where no word was wanted.
        text: the greedy caption's beginning; empty where no word was wanted.
    """

    prompt: str
    probability: float | None = None
    text: str = ""


def usual_prompts(caption: str | None) -> list[str]:
    """Prompts that ask about what a caption names, and about the scene."""
    words = caption_words(caption or "")
    nouns = [w for w, tag in zip(words.words, words.tags, strict=True) if tag == "noun"]
    asked = [form.format(nouns[0]) for form in _OF_SUBJECT] if nouns else []
    others = [form.format(noun) for form in _OF_OTHERS for noun in nouns[:_NOUNS]]
    return [*asked, *_OF_SCENE, *others]


def suggest_prompts(
    dataset: fo.Dataset,
    image: SteeredImage,
    options: AnalysisOptions,
    *,
    wanted_word: str,
    limit: int = 6,
    cache: ModelCache | None = None,
) -> list[PromptSuggestion]:
    """The prompts after which the captioner most likely says a word of this image.

    Candidates ask about what the caption names, or are how the dataset's captions that hold the
    word begin; all of them are decoded in one greedy batch, and ranked by the word's probability
    times the match of image and text: a prompt that must be nonsense here comes last.

    Args:
        dataset: whose captions are mined.
        image: of ``read_image``.
        options: captioner and fields.
        wanted_word: what should be said; empty gives the usual prompts, unranked.
        limit: how many.
        cache: default that of this process.
    """
    usual = usual_prompts(image.caption)
    if not wanted_word.strip():
        return [PromptSuggestion(prompt) for prompt in usual[:limit]]
    prompts = list(dict.fromkeys([*usual, *_mined(dataset, options, wanted_word)]))
    from fiftyone_capviz.records import Steering
    from fiftyone_capviz.steering.recaption import recaption, word_probability

    with models_in_turn(options, cache) as (captioner, matcher):
        word = writable(captioner, wanted_word)
        if word is None:
            raise InputError(
                f"The wanted word must be one that the captioner can write; it has no "
                f"{wanted_word!r}. Choose a word of its captions."
            )
        read = {"pixel_range": image.pixel_range}
        features = feature_cache().features(captioner, image.filepath, **read).tensor
        repeated = features.expand(len(prompts), -1, -1)
        captions = recaption(
            captioner,
            repeated,
            steerings=[Steering(prompt) for prompt in prompts],
            num_beams=1,
            max_new_tokens=_LOOK_AHEAD,
        )
        likely = word_probability(captioner, repeated, captions=captions, word=word)
        seen = feature_cache().features(matcher, image.filepath, **read).tensor
        texts = [caption.text for caption in captions]
        fits = [one.probability for one in matcher.score(seen.expand(len(texts), -1, -1), texts)]
    best_first = np.argsort(-likely * np.asarray(fits), kind="stable")[:limit]
    return [PromptSuggestion(prompts[n], float(likely[n]), texts[n]) for n in best_first]


def _mined(dataset: fo.Dataset, options: AnalysisOptions, word: str) -> list[str]:
    """How captions begin that say the word: their text before it, most frequent first."""
    words = CaptionFields.of(options).words
    stored = caption_words(word).words
    if not stored or not dataset.has_field(words):
        return []
    found = (
        sample_documents(dataset)
        .find({words: {"$all": list(stored)}}, {root_of(options.caption_field): 1})
        .limit(500)
    )
    beginnings: Counter[str] = Counter()
    for row in found:
        text = stored_text(row, options.caption_field, options.caption_index)
        beginning = _before(text, stored[-1]) if text else ""
        if beginning:
            beginnings[beginning] += 1
    return [text for text, _ in beginnings.most_common(_MINED)]


def _before(text: str, word: str) -> str:
    """The text before a word, without the articles and adjectives that lead to it."""
    found = caption_words(text)
    if word not in found.words:
        return ""
    start = found.spans[found.words.index(word)][0][0]
    leading: Sequence[str] = text[:start].split()
    adjectives = {
        text[a:b]
        for tag, spans in zip(found.tags, found.spans, strict=True)
        if tag == "adjective"
        for a, b in spans
    }
    kept = list(leading)
    while kept and (kept[-1] in adjectives or kept[-1].lower() in ("a", "an", "the", "some")):
        kept.pop()
    return " ".join(kept)
