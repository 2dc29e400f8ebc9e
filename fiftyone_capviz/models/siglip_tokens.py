"""SigLIP's texts as it was trained on them: lower-cased, without punctuation, then pieces.

transformers has only a slow tokenizer for SigLIP, which needs a package of its own and does not say
where its tokens stand. Its vocabulary is also in the checkpoint's ``tokenizer.json``; what the slow
tokenizer does to a text before is done here, with a map back to the text.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from fiftyone_capviz.errors import CheckpointError, InputError
from fiftyone_capviz.models.dual_encoder_inputs import load_tokenizer, token_batch
from fiftyone_capviz.models.loading import Checkpoint
from fiftyone_capviz.models.word_pieces import TokenBatch

_UNDERLINE = "\u2581"
"""Stands for a space inside the vocabulary."""


class SiglipTokens:
    """The tokenizer of one SigLIP checkpoint.

    Attributes:
        limit: tokens that a text is padded to and cut at.
        pad: id of the padding.
        empty: ids of the empty text, without padding.
    """

    def __init__(self, checkpoint: Checkpoint, *, limit: int) -> None:
        """Load it.

        Raises:
            CheckpointError: no ``tokenizer.json``, or one that cannot be used.
        """
        told = _tokenizer_config(checkpoint)
        kind = str(told.get("tokenizer_class", ""))
        own = kind.startswith("SiglipTokenizer")
        # SigLIP 2 reads lower case too, with the tokenizer of Gemma, which keeps it.
        self._lower = bool(told.get("do_lower_case", True)) and (
            own or kind.startswith(("Siglip2", "Gemma"))
        )
        self._strips = own
        if own:
            _require_fast_file(checkpoint)
        self._tokenizer = load_tokenizer(
            checkpoint, PreTrainedTokenizerFast if own else AutoTokenizer
        )
        if own:
            _end_with(self._tokenizer, checkpoint)
        self.limit = limit
        self.pad = int(self._tokenizer.pad_token_id)
        self.empty: list[int] = self._tokenizer("")["input_ids"]

    def batch(self, texts: Sequence[str]) -> TokenBatch:
        """Texts as token ids, padded to the limit; what is over it is cut."""
        if isinstance(texts, str):
            raise InputError(f"texts needs a string or more in a list; got {texts!r:.60}.")
        read = [self._read(text) for text in texts]
        found = token_batch(
            self._tokenizer, [text for text, _ in read], limit=self.limit, fill=True
        )
        offsets = tuple(
            tuple(_span(text, owners, *span) for span in row)
            for (text, owners), row in zip(read, found.offsets, strict=True)
        )
        return replace(found, offsets=offsets)

    def _read(self, text: str) -> tuple[str, list[int]]:
        """What the model reads of a text, and where each character of it stands."""
        characters = [(c, i) for i, whole in enumerate(text) for c in whole]
        if self._lower:
            lowered = text.lower()  # looks at neighbours: a final sigma has a form of its own
            if len(lowered) == len(text):
                characters = list(zip(lowered, range(len(text)), strict=True))
            else:
                characters = [(c, i) for i, whole in enumerate(text) for c in whole.lower()]
        if self._strips:
            characters = _canonical(characters)
        return "".join(c for c, _ in characters), [i for _, i in characters]


def _canonical(characters: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Without punctuation, and with single spaces, none of them at the ends."""
    kept: list[tuple[str, int]] = []
    for character, place in characters:
        if character in string.punctuation:
            continue
        if character.isspace() or character == _UNDERLINE:
            if kept and kept[-1][0] != " ":
                kept.append((" ", place))
        else:
            kept.append((character, place))
    if kept and kept[-1][0] == " ":
        kept.pop()
    return kept


def _span(text: str, owners: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """A token's characters in the user's text, without the space before it."""
    while start < end and text[start] == " ":
        start += 1
    return (owners[start], owners[end - 1] + 1) if start < end else (0, 0)


def _tokenizer_config(checkpoint: Checkpoint) -> dict[str, Any]:
    path = checkpoint.folder / "tokenizer_config.json"
    if not path.is_file():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{str(path)!r} is not readable JSON ({error}). Fetch the checkpoint again."
        ) from error
    return dict(told) if isinstance(told, dict) else {}


def _require_fast_file(checkpoint: Checkpoint) -> None:
    if not (checkpoint.folder / "tokenizer.json").is_file():
        raise CheckpointError(
            f"The tokenizer of {checkpoint.spec!r} must be there as tokenizer.json, which says "
            "where tokens stand in a text; the folder has only another form of it, such as "
            "spiece.model. Copy tokenizer.json from a hub repository of the same vocabulary into "
            "the folder, e.g. google/siglip-base-patch16-224."
        )


def _end_with(tokenizer: Any, checkpoint: Checkpoint) -> None:
    """Let every text end with the end token, as the slow tokenizer does, whatever the file says."""
    end, pad = tokenizer.eos_token, tokenizer.pad_token
    if end is None or pad is None:
        raise CheckpointError(
            f"tokenizer_config.json of {checkpoint.spec!r} must name eos_token and pad_token; got "
            f"{end!r} and {pad!r}. Copy that file from the model's hub repository."
        )
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, tokenizer.eos_token_id)]
    )
