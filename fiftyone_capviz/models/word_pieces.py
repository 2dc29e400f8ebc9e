"""Texts as word pieces: token ids with their places in the text, padded for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from transformers import BertTokenizer, BlipTextConfig

from fiftyone_capviz.errors import CheckpointError
from fiftyone_capviz.models.loading import Checkpoint, require_file

Offsets = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class TokenBatch:
    """Texts as padded token ids.

    Attributes:
        ids: int "texts tokens".
        mask: int "texts tokens", 1 where a token is, 0 where padding is.
        offsets: for each text, each token's (start, end) in that text; (0, 0) for special tokens
            and padding.
        cut: for each text, how many tokens were over the limit and are left out; empty where
            that was not counted.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    offsets: tuple[Offsets, ...]
    cut: tuple[int, ...] = ()


class WordPieces:
    """Tokenizer and token ids of one checkpoint; every id comes from its configuration.

    Attributes:
        limit: the longest token sequence that the model reads, special tokens included.
        bos: the decoder's first token, [DEC].
        enc: the matcher's first token, [ENC], the vocabulary's last.
        sep: the token that ends a text.
        pad: the token that fills a batch.
    """

    def __init__(self, checkpoint: Checkpoint, config: BlipTextConfig) -> None:
        self.tokenizer = _load_tokenizer(checkpoint, config)
        self.limit = min(config.max_position_embeddings, int(self.tokenizer.model_max_length))
        self.bos: int = config.bos_token_id
        self.enc: int = getattr(config, "enc_token_id", config.vocab_size - 1)
        self.sep: int = config.sep_token_id
        self.pad: int = config.pad_token_id

    @cached_property
    def hidden_ids(self) -> frozenset[int]:
        """Ids that never belong to a readable text."""
        ids = {self.bos, self.enc, self.sep, self.pad, self.tokenizer.cls_token_id}
        return frozenset(ids | set(self.tokenizer.all_special_ids))

    @property
    def unknown(self) -> int | None:
        """The token for what cannot be spelled."""
        token: int | None = self.tokenizer.unk_token_id
        return token

    def pieces(self, text: str) -> list[int]:
        """Word pieces of a text, without special tokens and without a limit."""
        encoded = self.tokenizer(text, add_special_tokens=False, verbose=False)
        ids: list[int] = encoded["input_ids"]
        return ids

    def read(self, ids: Sequence[int]) -> str:
        """The readable text of token ids."""
        kept = [i for i in ids if i not in self.hidden_ids and i < len(self.tokenizer)]
        text: str = self.tokenizer.decode(kept, clean_up_tokenization_spaces=True)
        return text.strip()

    def batch(
        self,
        texts: Sequence[str],
        *,
        first: int | None = None,
        device: torch.device | str = "cpu",
    ) -> TokenBatch:
        """Tokenise texts as [CLS] pieces [SEP], cut at the limit and counted, padded on the right.

        Args:
            texts: any strings, the empty one included.
            first: replaces the id of [CLS], e.g. by `bos` or `enc`.
            device: where the tensors go.
        """
        encoded = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.limit,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        ids = encoded["input_ids"]
        if first is not None:
            ids[:, 0] = first
        offsets = tuple(
            tuple((int(a), int(b)) for a, b in row) for row in encoded["offset_mapping"].tolist()
        )
        special = self.tokenizer.num_special_tokens_to_add()
        cut = [max(0, len(self.pieces(text)) + special - self.limit) for text in texts]
        return TokenBatch(ids.to(device), encoded["attention_mask"].to(device), offsets, tuple(cut))


def pad_left(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask, int "rows tokens", filled up on the left: a decoder goes on on the right."""
    width = max((len(row) for row in rows), default=0)
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows], dtype=torch.long)
    mask = torch.tensor(
        [[0] * (width - len(row)) + [1] * len(row) for row in rows], dtype=torch.long
    )
    return ids, mask


def pad_right(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask, int "rows tokens", filled up on the right."""
    ids, mask = pad_left([list(reversed(row)) for row in rows], pad)
    return ids.flip(1), mask.flip(1)


def _load_tokenizer(checkpoint: Checkpoint, config: BlipTextConfig) -> BertTokenizer:
    require_file(checkpoint, ("tokenizer.json", "vocab.txt"), purpose="tokenizer")
    try:
        tokenizer = BertTokenizer.from_pretrained(str(checkpoint.folder), local_files_only=True)
    except Exception as error:
        raise CheckpointError(
            f"The tokenizer of {checkpoint.spec!r} cannot be read ({error}). Fetch the "
            "checkpoint again."
        ) from error
    if len(tokenizer) > config.vocab_size:
        raise CheckpointError(
            f"The tokenizer of {checkpoint.spec!r} has {len(tokenizer)} tokens, the model only "
            f"{config.vocab_size}. Save the model with its own tokenizer."
        )
    return tokenizer
