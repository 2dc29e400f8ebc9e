"""From word pieces to words: sums, averages, and texts that are cut."""

from __future__ import annotations

import numpy as np
import pytest

from fiftyone_capviz.attribution.words.alignment import unread_words, word_rows
from fiftyone_capviz.attribution.words.methods import matcher_word_maps
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.text.words import caption_words
from tests.worlds.blip_checkpoints import random_features


def test_pieces_are_summed_and_repeats_averaged() -> None:
    # "a sunglasses man man": [CLS] a sun ##glasses man man [SEP]
    words = CaptionWords(("sunglasses", "man"), ("noun",) * 2, (((2, 12),), ((13, 16), (17, 20))))
    offsets = ((0, 0), (0, 1), (2, 5), (5, 12), (13, 16), (17, 20), (0, 0))
    expected = [[0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0.5, 0.5, 0]]
    np.testing.assert_array_equal(word_rows(words, offsets), expected)


def test_words_beyond_a_cut_caption_have_no_map(matcher: BlipMatcher) -> None:
    text = " ".join(["red car"] * 30) + " dog"
    words = caption_words(text)
    assert words.words[-1] == "dog"
    (maps,), (match,) = matcher_word_maps(
        matcher, random_features(matcher, 1), captions=[text], words=[words]
    )
    assert np.isnan(maps.maps[-1]).all()
    assert np.isfinite(maps.maps[0]).all()
    assert (maps.maps[0] != 0).any()
    assert maps.unread == ("dog",)
    assert match.cut == 61 + 2 - matcher.text.limit


def test_a_word_that_the_cut_goes_through_is_not_read() -> None:
    # "red sunglasses", cut after "sun": half a word is another word.
    words = CaptionWords(("red", "sunglasses"), ("other", "noun"), (((0, 3),), ((4, 14),)))
    offsets = ((0, 0), (0, 3), (4, 7), (0, 0))
    rows = word_rows(words, offsets, cut=True)
    assert unread_words(words, rows) == ("sunglasses",)
    np.testing.assert_array_equal(rows, [[0, 1, 0, 0], [np.nan] * 4])
    # An uncut text ends where its tokenizer drops the rest: the word was read.
    np.testing.assert_array_equal(word_rows(words, offsets), [[0, 1, 0, 0], [0, 0, 1, 0]])


def test_an_occurrence_beyond_the_cut_does_not_dilute_the_others() -> None:
    words = CaptionWords(("man",), ("noun",), (((0, 3), (90, 93)),))
    np.testing.assert_array_equal(word_rows(words, ((0, 0), (0, 3))), [[0, 1]])


@pytest.mark.parametrize(
    "text",
    [
        "a zebra-striped t-shirt",
        "Ein schöner Hund im Schnee",
        "emoji 🐕 dog and 狗 cat",
        'quotes "dog" <b>cat</b> a.b$c',
    ],
)
def test_no_word_is_lost(matcher: BlipMatcher, text: str) -> None:
    words = caption_words(text)
    tokens = matcher.tokens([text])
    rows = word_rows(words, tokens.offsets[0])
    assert len(words.words) > 0
    assert (rows.sum(1) > 0).all()
    for row, spans in zip(rows, words.spans, strict=True):
        covered = [tokens.offsets[0][i] for i in np.flatnonzero(row)]
        assert covered[0][0] <= spans[0][0]
        assert any(end >= spans[0][1] for _, end in covered)
