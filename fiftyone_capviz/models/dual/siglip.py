"""SigLIP dual encoders from transformers (arXiv 2303.15343), and their texts.

Texts are lower-cased, without punctuation, then cut to pieces, as in training. transformers has
only a slow tokenizer for SigLIP, which needs a package of its own and does not say where its tokens
stand. Its vocabulary is also in the checkpoint's ``tokenizer.json``; what the slow tokenizer does
to a text before is done here, with a map back to the text.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import torch
from tokenizers.processors import TemplateProcessing
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipModel,
)

from fiftyone_capviz.errors import CheckpointError, InputError
from fiftyone_capviz.models.dual.inputs import load_tokenizer, token_batch
from fiftyone_capviz.models.dual.sides import Affine, LastBlock, Norm, Tower, pooling_head
from fiftyone_capviz.models.dual.vit_pair import VitPairEncoder, last_block
from fiftyone_capviz.models.loading import Checkpoint
from fiftyone_capviz.models.word_pieces import TokenBatch


class SiglipEncoder(VitPairEncoder):
    """A frozen ``SiglipModel`` with its tokenizer and image processor.

    The vision side has no CLS: a head attends to the patches with a learned probe. That head
    counts as its last block, so that layer `image_layers` - 1 is the head's input, where the
    closed form holds. The text side is bidirectional, reads its padding, and pools the last token.

    Attributes:
        model: the transformers model, in eval mode.
    """

    model_class, config_class, processor_class = SiglipModel, SiglipConfig, AutoImageProcessor
    causal_text = False

    def _read_texts(self, checkpoint: Checkpoint, config: Any) -> None:
        self._text = SiglipTokens(checkpoint, limit=config.max_position_embeddings)
        self.filler = self._text.pad

    @cached_property
    def image_tower(self) -> Tower:
        """Pre-norm blocks, then the attention pooling head."""
        vision = self.model.vision_model

        def head(tokens: torch.Tensor, pooled: int) -> torch.Tensor:
            return vision.head(vision.post_layernorm(tokens))

        blocks = [partial(layer, attention_mask=None) for layer in vision.encoder.layers]
        return Tower([*blocks, _same], head, self._pooling_block, has_cls=False)

    @cached_property
    def text_tower(self) -> Tower:
        """Pre-norm blocks that see everything; the last token is pooled."""
        text = self.model.text_model
        layers, norm = text.encoder.layers, text.final_layer_norm
        last = partial(last_block, layers[-1], norm=norm, to=text.head)
        blocks = [partial(layer, attention_mask=None) for layer in layers]
        return Tower(blocks, pooling_head(norm, text.head), last, has_cls=False)

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts as token ids, padded to the full length; what is over it is cut."""
        return self._text.batch(texts)

    def embed_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "images tokens hidden"."""
        return self.model.vision_model.embeddings(pixels)

    def pooled_positions(self, tokens: TokenBatch) -> list[int]:
        """The last token, which may be padding."""
        return [tokens.ids.shape[1] - 1] * len(tokens.ids)

    def reference_ids(self, length: int) -> torch.Tensor:
        """The empty text: its special tokens, then padding."""
        whole = torch.full((length,), self.filler)
        whole[: len(self._text.empty)] = torch.tensor(self._text.empty, dtype=torch.long)
        return whole

    def _pooling_block(self) -> LastBlock:
        vision = self.model.vision_model
        head = vision.head
        attention = head.attention
        stacked = Affine(attention.in_proj_weight, attention.in_proj_bias)
        query, key, value = stacked.split(3)
        return LastBlock(
            norm1=Norm.of(vision.post_layernorm),
            query=query,
            key=key,
            value=value,
            out=Affine.of(attention.out_proj),
            norm2=Norm.of(head.layernorm),
            up=Affine.of(head.mlp.fc1),
            activation=head.mlp.activation_fn,
            down=Affine.of(head.mlp.fc2),
            heads=attention.num_heads,
            probe=head.probe[0, 0],
        )


def _same(tokens: torch.Tensor) -> torch.Tensor:
    return tokens


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
