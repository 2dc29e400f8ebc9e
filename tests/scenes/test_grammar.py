"""Sentences: true ones are true, false ones false, and every word of the world is used."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from fiftyone_capviz.scenes.grammar import (
    background_of,
    color_named_for,
    complete_caption,
    default_caption,
    full_caption,
    named_kinds,
    subject_of,
)
from fiftyone_capviz.scenes.scene import Scene
from fiftyone_capviz.scenes.swaps import swap_word, swap_words
from fiftyone_capviz.scenes.tables import ACCESSORIES, BACKGROUNDS, COLORS, KINDS, NEVER_NAMED
from fiftyone_capviz.scenes.wording import WORDS, word_of_background
from fiftyone_capviz.scenes.world import sample_scene

COUNT = 5000
NOUNS = {*KINDS, *ACCESSORIES}
PLACES = {word_of_background(background): background for background in BACKGROUNDS}


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(seed, biased=seed % 2 == 0) for seed in range(COUNT)]


def is_true(caption: str, scene: Scene) -> bool:
    """Whether every noun, place and color of a sentence holds: written apart from the grammar."""
    words = caption.split()
    colors = {thing.kind: thing.color for thing in scene.things}
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word in NOUNS and word not in colors:
            return False
        if word in PLACES and PLACES[word] != scene.background:
            return False
        if word in COLORS:
            truth = scene.subject.color if after == "shirt" else colors.get(after)
            if word != truth:
                return False
    return True


def test_default_captions(scenes: list[Scene]) -> None:
    for scene in scenes:
        caption = default_caption(scene)
        words = caption.split()
        assert 6 <= len(words) <= 16
        assert set(words) <= set(WORDS)
        assert not set(words) & set(NEVER_NAMED)
        assert is_true(caption, scene)
        assert subject_of(caption) == scene.subject.kind
        assert background_of(caption) == scene.background
        assert color_named_for(caption, scene.subject.kind) == scene.subject.color
        assert set(named_kinds(caption)) <= scene.kinds
        assert caption == default_caption(scene)


def test_full_captions_are_true_and_short(scenes: list[Scene]) -> None:
    for scene in scenes:
        caption = full_caption(scene, np.random.default_rng(scene.seed))
        assert is_true(caption, scene), caption
        assert len(caption.split()) <= 18
        assert caption == full_caption(scene, np.random.default_rng(scene.seed))


def test_complete_captions_name_everything(scenes: list[Scene]) -> None:
    for scene in scenes:
        caption = complete_caption(scene)
        assert set(named_kinds(caption)) == scene.kinds
        assert background_of(caption) == scene.background
        assert is_true(caption, scene)
        assert len(caption.split()) <= 24


def test_every_word_is_said_and_no_other(scenes: list[Scene]) -> None:
    said: Counter[str] = Counter()
    for scene in scenes:
        rng = np.random.default_rng(scene.seed)
        for caption in (default_caption(scene), full_caption(scene, rng)):
            said.update((caption or "").split())
        said.update(complete_caption(scene).split())
    assert set(said) == set(WORDS)
    assert list(WORDS) == sorted(set(WORDS))


def test_full_captions_use_every_noun_often(scenes: list[Scene]) -> None:
    said: Counter[str] = Counter()
    swapped: Counter[str] = Counter()
    for scene in scenes:
        rng = np.random.default_rng(scene.seed)
        caption = full_caption(scene, rng)
        said.update(set(caption.split()))
        swapped.update(swap.new for swap in swap_words(caption, scene, rng, 2))
    for word in NOUNS | set(PLACES):
        assert said[word] >= 0.03 * COUNT, word
        assert swapped[word] >= 0.01 * COUNT, word


def test_swaps_are_false_and_change_one_word(scenes: list[Scene]) -> None:
    for scene in scenes:
        rng = np.random.default_rng(scene.seed)
        for caption in (default_caption(scene), full_caption(scene, rng), complete_caption(scene)):
            swaps = swap_words(caption, scene, rng, 3)
            assert swaps
            assert len({swap.caption for swap in swaps}) == len(swaps)
            for swap in swaps:
                words = swap.caption.split()
                assert not is_true(swap.caption, scene), swap
                assert words[swap.position] == swap.new != swap.old
                assert set(words) <= set(WORDS)
                small = {"a", "an", "the", "in", "on"}
                before = [word for word in caption.split() if word not in small]
                after = [word for word in words if word not in small]
                assert len(before) == len(after)
                assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
                for article, noun in pairwise(words):
                    if article in ("a", "an"):
                        assert (article == "an") == (noun[0] in "aeiou"), swap.caption
                        assert noun not in ("sun", "sunglasses"), swap.caption


def test_a_swap_shows_nothing_that_the_background_resembles() -> None:
    for seed in range(2000):
        scene = sample_scene(seed, biased=False)
        swap = swap_word(default_caption(scene), scene, np.random.default_rng(seed))
        assert swap is not None
        assert not (scene.background == "forest" and swap.new == "tree")
        assert not (scene.background == "street" and swap.new == "house")


def test_swapping_needs_a_count() -> None:
    with pytest.raises(ValueError, match="n must be at least 1; got 0"):
        swap_words("a dog", sample_scene(0), np.random.default_rng(0), 0)


@pytest.mark.parametrize(
    ("caption", "kinds", "subject", "background"),
    [
        ("Two men with Dogs, and a hat!", ["man", "dog", "hat"], "man", None),
        ("a hat on a woman standing on some rocks", ["hat", "woman"], "woman", "rock"),
        ("wolves in snow", ["wolf"], "wolf", "snow"),
        ("an empty street", [], None, "street"),
        ("", [], None, None),
        ("the category of a manhattan businessman", [], None, None),
    ],
)
def test_reading_free_text(
    caption: str, kinds: list[str], subject: str | None, background: str | None
) -> None:
    assert named_kinds(caption) == kinds
    assert subject_of(caption) == subject
    assert background_of(caption) == background


@pytest.mark.parametrize(
    ("caption", "noun", "color"),
    [
        ("a man in a red shirt with a blue hat", "man", "red"),
        ("a man in a red shirt with a blue hat", "hat", "blue"),
        ("a man with a grey dog", "dog", "gray"),
        ("a man with a dog", "man", None),
        ("a red car", "bus", None),
    ],
)
def test_reading_colors(caption: str, noun: str, color: str | None) -> None:
    assert color_named_for(caption, noun) == color
