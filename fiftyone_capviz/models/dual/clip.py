"""CLIP-like dual encoders from transformers: images and texts as vectors of one space."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import torch
from transformers import AutoTokenizer, CLIPConfig, CLIPImageProcessor, CLIPModel

from fiftyone_capviz.errors import CheckpointError, InputError
from fiftyone_capviz.models.dual.inputs import load_tokenizer, token_batch
from fiftyone_capviz.models.dual.sides import Tower, causal_mask, pooling_head
from fiftyone_capviz.models.dual.vit_pair import VitPairEncoder, last_block
from fiftyone_capviz.models.loading import Checkpoint
from fiftyone_capviz.models.word_pieces import TokenBatch

_LEGACY_EOS = 2
"""Published CLIP configurations say this of a vocabulary whose last id ends a text."""


class ClipEncoder(VitPairEncoder):
    """A frozen ``CLIPModel`` with its tokenizer and image processor.

    Attributes:
        model: the transformers model, in eval mode.
    """

    model_class, config_class, processor_class = CLIPModel, CLIPConfig, CLIPImageProcessor
    causal_text = True
    # The reference of arXiv 2408.14153, and the padding of CLIP's own tokenizer; transformers pads
    # with the end token, at which the embedding is read.
    filler = 0

    def _read_texts(self, checkpoint: Checkpoint, config: Any) -> None:
        self._eos: int = config.eos_token_id
        self._limit: int = config.max_position_embeddings
        self._tokenizer = load_tokenizer(checkpoint, AutoTokenizer)
        mask = self._tokenizer.mask_token_id
        self.mask_id = mask if mask is not None and mask < config.vocab_size else None

    @cached_property
    def image_tower(self) -> Tower:
        """Pre-norm blocks; CLS is pooled, normed and projected."""
        vision, projection = self.model.vision_model, self.model.visual_projection
        layers, norm = vision.encoder.layers, vision.post_layernorm
        last = partial(last_block, layers[-1], norm=norm, to=projection)
        blocks = [partial(layer, attention_mask=None) for layer in layers]
        return Tower(blocks, pooling_head(norm, projection), last, has_cls=True)

    @cached_property
    def text_tower(self) -> Tower:
        """Pre-norm blocks with a causal mask; the end-of-text token is pooled."""
        text, projection = self.model.text_model, self.model.text_projection
        layers, norm = text.encoder.layers, text.final_layer_norm
        last = partial(last_block, layers[-1], norm=norm, to=projection)
        blocks = [partial(_causal, layer) for layer in layers]
        return Tower(blocks, pooling_head(norm, projection), last, has_cls=False)

    @property
    def default_layer(self) -> int:
        """The last, or what ``config.json`` names in ``capviz_attribution_layer``."""
        named = self._named_layer("capviz_attribution_layer", self.image_layers)
        return super().default_layer if named is None else named

    @property
    def default_text_layer(self) -> int | None:
        """What ``config.json`` names in ``capviz_text_attribution_layer``, or None."""
        return self._named_layer("capviz_text_attribution_layer", self.text_layers)

    def _named_layer(self, name: str, count: int) -> int | None:
        named = getattr(self.model.config, name, None)
        if named is not None and (type(named) is not int or not 0 <= named < count):
            raise CheckpointError(
                f"{name} in config.json must be an integer from 0 to {count - 1}; got "
                f"{named!r}. Correct it, or leave it out."
            )
        return named

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts as padded token ids; what is over the limit is cut and counted in `cut`."""
        return token_batch(self._tokenizer, texts, limit=self._limit)

    def embed_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "images tokens hidden"."""
        vision = self.model.vision_model
        return vision.pre_layrnorm(vision.embeddings(pixels))

    def pooled_positions(self, tokens: TokenBatch) -> list[int]:
        """The first end-of-text token, as transformers finds it."""
        if self._eos == _LEGACY_EOS:
            return tokens.ids.argmax(-1).tolist()
        ends = tokens.ids == self._eos
        if not bool(ends.any(-1).all()):
            raise InputError(
                f"A text must hold the end token {self._eos} that the configuration of "
                f"{self.spec!r} names; the tokenizer writes none. Save the model with its own "
                "tokenizer, or correct eos_token_id."
            )
        return ends.int().argmax(-1).tolist()

    def reference_ids(self, length: int) -> torch.Tensor:
        """Beginning, one filler, end, then fillers (arXiv 2408.14153, and its package)."""
        ids = self._tokenizer("")["input_ids"]
        whole = torch.full((max(length, 3),), self.filler)
        whole[0], whole[2] = ids[0], ids[-1]
        return whole[:length]


def _causal(layer: Any, tokens: torch.Tensor) -> torch.Tensor:
    return layer(tokens, attention_mask=causal_mask(tokens))
