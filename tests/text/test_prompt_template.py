"""Prompts with a field, filled from captions."""

from __future__ import annotations

import pytest

from fiftyone_capviz.text.prompt_template import (
    FilledPrompt,
    asks_subject,
    fill_prompt,
    literal_prompt,
)

CAPTION = "a woman in a red dress"


def test_every_field_is_filled() -> None:
    filled = fill_prompt("the {subject} and the {subject} are", CAPTION)
    assert filled == FilledPrompt("the woman and the woman are", "woman")


def test_without_a_subject_the_captioners_own_prompt_stands_in() -> None:
    for caption in ("it is raining", "", None):
        assert fill_prompt("the {subject} is", caption) == FilledPrompt(None, lacks_subject=True)


def test_a_prompt_without_a_field_asks_nothing_of_the_caption() -> None:
    assert fill_prompt("the man is", None) == FilledPrompt("the man is")
    assert fill_prompt(None, CAPTION) == FilledPrompt(None)


@pytest.mark.parametrize(
    ("prompt", "text", "asks"),
    [
        ("{{subject}}", "{subject}", False),
        ("{{{subject}}}", "{woman}", True),
        ("a {{ b }}", "a { b }", False),
    ],
)
def test_doubled_braces_are_braces(prompt: str, text: str, asks: bool) -> None:
    assert fill_prompt(prompt, CAPTION).text == text
    assert asks_subject(prompt) is asks


@pytest.mark.parametrize("text", ["{", "}{", "{subject}", "{{subject}}", "plain", ""])
def test_any_text_can_be_written_literally(text: str) -> None:
    literal = literal_prompt(text)
    assert fill_prompt(literal, None) == FilledPrompt(text)
