"""Captions that say what was wanted, and captions that only repeat their prompt."""

from __future__ import annotations

import pytest

from fiftyone_capviz.text.wanted_words import prompt_end, says_any, wanted_words


@pytest.mark.parametrize(
    ("text", "wanted", "prompt", "said"),
    [
        ("two dogs in the snow", "dog", None, True),
        ("a man with a red hat", "red hat", None, True),
        ("a man with a red bag", "red hat", None, False),
        ("a man with a cap", "hat, cap", None, True),
        ("a man with a red bag", "red hat, bag", None, True),
        ("the man is wearing a hat", "hat", "the man is wearing", True),
        ("the man is wearing a hat", "hat", "the man is wearing a hat", False),
        ("The man is wearing a hat and a hat", "hat", "the man is wearing a hat", True),
        ("a hat on a man", "hat", "a picture of a hat", True),
        ("a dog", "", None, False),
        (None, "hat", None, False),
        ("a dog on a bed", "on", None, False),
    ],
)
def test_what_a_caption_says(text: str, wanted: str, prompt: str, said: bool) -> None:
    assert says_any(text, wanted_words(wanted), prompt=prompt) == said


def test_a_prompt_is_found_by_its_words_and_only_whole() -> None:
    """A tokenizer sets spaces and capitals its own way; a captioner may cut its prompt away."""
    assert prompt_end("the man ' s hat is red", "The man's hat") == len("the man ' s hat")
    assert prompt_end("the man is", "the man is wearing") == 0
    assert prompt_end("a hat", None) == prompt_end("", "a") == 0
