"""Prompts that are filled from each image's own caption: "the {subject} is wearing".

`{subject}` is the one field; `{{` and `}}` stand for braces of the text itself.

Formulas: docs/methods.md, section 5.10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fiftyone_capviz.errors import InputError

SUBJECT_FIELD = "{subject}"
_PARTS = re.compile(r"\{\{|\}\}|\{subject\}|[{}]")
_BRACES = {"{{": "{", "}}": "}"}


@dataclass(frozen=True)
class FilledPrompt:
    """A prompt for one image.

    Attributes:
        text: what the caption goes on from; None is the captioner's own prompt.
        subject: what was put in; None where nothing was asked for, or none was found.
        lacks_subject: one was asked for, and the caption has none: the captioner's own prompt
            stands in, so that nothing is said of the image that its caption does not say.
    """

    text: str | None
    subject: str | None = None
    lacks_subject: bool = False


def require_template(prompt: str | None) -> None:
    """Refuse a prompt that cannot be filled.

    Raises:
        InputError: no text, or a brace that neither is a field nor is doubled.
    """
    if prompt is None:
        return
    if not isinstance(prompt, str):
        raise InputError(
            f"A prompt is text; got {prompt!r:.60}. Give a string, or leave it out for the "
            "captioner's own."
        )
    for part in _PARTS.findall(prompt):
        if part in ("{", "}"):
            raise InputError(
                f"The one field of a prompt is {SUBJECT_FIELD}; got {prompt!r:.120}. Write "
                f"{SUBJECT_FIELD} where each caption's subject shall stand, and {{{{ or }}}} for "
                "a brace."
            )


def asks_subject(prompt: str | None) -> bool:
    """Whether a prompt has a field to be filled."""
    return prompt is not None and SUBJECT_FIELD in _PARTS.findall(prompt)


def fill_prompt(prompt: str | None, caption: str | None) -> FilledPrompt:
    """A prompt for the image of a caption.

    Args:
        prompt: with or without `{subject}`; None is the captioner's own.
        caption: the image's present caption; None where it has none.

    Raises:
        InputError: as in `require_template`.
    """
    require_template(prompt)
    if prompt is None:
        return FilledPrompt(None)
    if not asks_subject(prompt):
        return FilledPrompt(_with(prompt, ""))
    # Here, so that recipes are checked without numpy and the lexicon.
    from fiftyone_capviz.text.subject import caption_subject

    subject = caption_subject(caption)
    if subject is None:
        return FilledPrompt(None, lacks_subject=True)
    return FilledPrompt(_with(prompt, subject), subject)


def literal_prompt(text: str | None) -> str | None:
    """The prompt that fills to exactly this text, whatever braces it holds."""
    return None if text is None else text.replace("{", "{{").replace("}", "}}")


def _with(prompt: str, subject: str) -> str:
    return _PARTS.sub(lambda part: _BRACES.get(part.group(), subject), prompt)
