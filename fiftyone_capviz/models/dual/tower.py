"""What dual encoders share: from inputs to unit vectors, and to the sides of a pair.

An architecture's file supplies two towers, the two embeddings of inputs into tokens, its tokenizer
and its processor; everything else is here.

Formulas: docs/methods.md, section 4.3.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property

import torch
from PIL.Image import Image
from torch.nn import functional

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid, PixelTransform
from fiftyone_capviz.models.dual.sides import Side, Tower
from fiftyone_capviz.models.word_pieces import TokenBatch


class TowerEncoder(ABC):
    """A frozen dual encoder made of two transformers.

    Attributes:
        spec, revision: where the weights came from.
        device, dtype: where and in which precision it computes.
        grid: rows and columns of patches.
        filler: id of the token that stands for "no word here" in references and perturbations.
        mask_id: id of the token that hides a word; None where the tokenizer has none.
        causal_text: whether a text token sees only those before it.
        notes: what whoever uses the model must know of its weights.
    """

    spec: str
    revision: str
    device: torch.device
    dtype: torch.dtype
    grid: Grid
    filler: int
    mask_id: int | None = None
    causal_text: bool
    notes: tuple[str, ...] = ()

    @cached_property
    @abstractmethod
    def image_tower(self) -> Tower:
        """The vision transformer."""

    @cached_property
    @abstractmethod
    def text_tower(self) -> Tower:
        """The text transformer."""

    @abstractmethod
    def transform(self, width: int, height: int) -> PixelTransform:
        """Which pixels of a width x height image the patch grid shows."""

    @abstractmethod
    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Pixels "images 3 size size", normalised, on the CPU."""

    @abstractmethod
    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts as padded token ids; what is over the limit is cut and counted in `cut`."""

    @abstractmethod
    def embed_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "images tokens hidden"."""

    @abstractmethod
    def embed_ids(self, ids: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "texts tokens hidden"."""

    @abstractmethod
    def pooled_positions(self, tokens: TokenBatch) -> list[int]:
        """Of each text, the index of the token that becomes its embedding."""

    @abstractmethod
    def reference_ids(self, length: int) -> torch.Tensor:
        """Ids "length" of the text that says nothing."""

    @cached_property
    def _image_references(self) -> dict[int, torch.Tensor]:
        """Of the layers asked for: the tokens of an image that shows nothing."""
        return {}

    @property
    def image_layers(self) -> int:
        """Blocks of the vision transformer; an attention pooling head counts as one."""
        return len(self.image_tower.blocks)

    @property
    def text_layers(self) -> int:
        """Blocks of the text transformer."""
        return len(self.text_tower.blocks)

    @property
    def default_layer(self) -> int:
        """Block of the vision transformer whose input is attributed to: the last.

        Its closed form is in docs/methods.md, 4.7.
        """
        return self.image_layers - 1

    @property
    def default_text_layer(self) -> int | None:
        """Block of the text transformer; None: the one that belongs to the image's."""
        return None

    def encode_images(self, images: Sequence[Image]) -> torch.Tensor:
        """Unit vectors, at least float32 "images dimensions"."""
        return self.encode_pixels(self.preprocess(images))

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors, at least float32 "texts dimensions"; long texts are truncated."""
        return self.encode_tokens(self.tokens(texts))

    @torch.no_grad()
    def encode_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Unit vectors, at least float32 "images dimensions", of `preprocess`ed images."""
        tower = self.image_tower
        embedded = self.embed_pixels(pixels.to(self.device, self.dtype))
        return _unit(tower.head(tower.run(embedded), 0))

    @torch.no_grad()
    def encode_tokens(self, tokens: TokenBatch) -> torch.Tensor:
        """Unit vectors, at least float32 "texts dimensions", of tokenised texts."""
        tower = self.text_tower
        found: dict[int, torch.Tensor] = {}
        for length, pooled, rows in self._alike(tokens):
            hidden = tower.run(self.embed_ids(tokens.ids[rows, :length].to(self.device)))
            found.update(zip(rows, _unit(tower.head(hidden, pooled)), strict=True))
        return torch.stack([found[row] for row in range(len(found))])

    @torch.no_grad()
    def image_side(self, pixels: torch.Tensor, *, layer: int | None = None) -> list[Side]:
        """Images at the input of a block; the reference is mean grey (zero after normalisation).

        Args:
            pixels: what `preprocess` returned.
            layer: zero-based; None is the last.

        Raises:
            InputError: no such layer, or float16 on the CPU.
        """
        tower = self.image_tower
        chosen = self._cut(tower, layer, side="image")
        moved = pixels.to(self.device, self.dtype)
        if chosen not in self._image_references:  # the same for all images, and as slow as one
            nothing = self.embed_pixels(torch.zeros_like(moved[:1]))
            self._image_references[chosen] = tower.run(nothing, 0, chosen)[0]
        hidden = tower.run(self.embed_pixels(moved), 0, chosen)
        return tower.sides(hidden, self._image_references[chosen], layer=chosen, pooled=0)

    @torch.no_grad()
    def text_side(self, tokens: TokenBatch, *, layer: int | None = None) -> list[Side]:
        """Texts at the input of a block; the reference is a text of fillers.

        Args:
            tokens: what `tokens` returned.
            layer: zero-based; None is the last.

        Raises:
            InputError: no such layer, or float16 on the CPU.
        """
        tower = self.text_tower
        chosen = self._cut(tower, layer, side="text")
        sides: dict[int, Side] = {}
        for length, pooled, rows in self._alike(tokens):
            ids = tokens.ids[rows, :length].to(self.device)
            both = torch.cat([self.reference_ids(length).to(self.device)[None], ids])
            hidden = tower.run(self.embed_ids(both), 0, chosen)
            made = tower.sides(hidden[1:], hidden[0], layer=chosen, pooled=pooled)
            sides.update(zip(rows, made, strict=True))
        return [sides[row] for row in range(len(sides))]

    def _alike(self, tokens: TokenBatch) -> list[tuple[int, int, list[int]]]:
        """Length, pooled token and rows of the texts that compute as one batch, unpadded.

        A causal text ends with its pooled token: what follows changes nothing.
        """
        lengths = tokens.mask.sum(1).tolist()
        groups: dict[tuple[int, int], list[int]] = {}
        for row, pooled in enumerate(self.pooled_positions(tokens)):
            length = pooled + 1 if self.causal_text else lengths[row]
            groups.setdefault((length, pooled), []).append(row)
        return [(length, pooled, rows) for (length, pooled), rows in groups.items()]

    def _cut(self, tower: Tower, layer: int | None, *, side: str) -> int:
        """The block before which a side is cut open.

        Raises:
            InputError: no such block, or float16 on the CPU.
        """
        if self.dtype == torch.float16 and self.device.type == "cpu":
            raise InputError(
                "Attribution in float16 needs a GPU; this model is on the CPU. Load it with "
                "dtype float32."
            )
        return tower.layer(layer, side=side)


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    wide = vectors if vectors.dtype == torch.float64 else vectors.float()
    return functional.normalize(wide, dim=-1)
