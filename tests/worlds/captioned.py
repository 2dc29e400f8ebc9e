"""Captions of unlike length with their words: what is attributed in the tests."""

from __future__ import annotations

from fiftyone_capviz.text.words import caption_words

TEXTS = [
    "a man wearing sunglasses near a red car",
    "a dog",
    "two wolves in snow and a man with a red hat and a man",
]
WORDS = [caption_words(text) for text in TEXTS]
