"""CLIP-like dual encoders from transformers: images and texts as vectors of one space."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import torch
from PIL.Image import Image
from transformers import AutoTokenizer, CLIPConfig, CLIPImageProcessor, CLIPModel

from fiftyone_capviz.errors import CheckpointError, InputError
from fiftyone_capviz.geometry import Grid, PixelTransform
from fiftyone_capviz.models.dual.inputs import (
    load_processor,
    load_tokenizer,
    preprocess,
    processor_transform,
    token_batch,
)
from fiftyone_capviz.models.dual.sides import Affine, LastBlock, Norm, Tower, causal_mask
from fiftyone_capviz.models.dual.tower import TowerEncoder
from fiftyone_capviz.models.loading import Checkpoint, load_transformer
from fiftyone_capviz.models.word_pieces import TokenBatch

_LEGACY_EOS = 2
"""Published CLIP configurations say this of a vocabulary whose last id ends a text."""


class ClipEncoder(TowerEncoder):
    """A frozen ``CLIPModel`` with its tokenizer and image processor.

    Attributes:
        model: the transformers model, in eval mode.
    """

    causal_text = True
    # The reference of arXiv 2408.14153, and the padding of CLIP's own tokenizer; transformers pads
    # with the end token, at which the embedding is read.
    filler = 0

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> None:
        config = CLIPConfig.from_dict(dict(checkpoint.config))
        self.spec, self.revision = checkpoint.spec, checkpoint.revision
        self.device, self.dtype = device, dtype
        self.model: CLIPModel = load_transformer(
            CLIPModel, checkpoint, config=config, device=device, dtype=dtype
        )
        side = config.vision_config.image_size // config.vision_config.patch_size
        self.grid = Grid(side, side)
        self._eos: int = config.text_config.eos_token_id
        self._limit: int = config.text_config.max_position_embeddings
        self._tokenizer = load_tokenizer(checkpoint, AutoTokenizer)
        self._processor = load_processor(
            checkpoint, CLIPImageProcessor, size=config.vision_config.image_size
        )

    @cached_property
    def image_tower(self) -> Tower:
        """Pre-norm blocks; CLS is pooled, normed and projected."""
        vision = self.model.vision_model

        def head(tokens: torch.Tensor, pooled: int) -> torch.Tensor:
            return self.model.visual_projection(vision.post_layernorm(tokens[:, pooled]))

        layers = vision.encoder.layers
        last = partial(
            last_block, layers[-1], norm=vision.post_layernorm, to=self.model.visual_projection
        )
        blocks = [partial(layer, attention_mask=None) for layer in layers]
        return Tower(blocks, head, last, has_cls=True)

    @cached_property
    def text_tower(self) -> Tower:
        """Pre-norm blocks with a causal mask; the end-of-text token is pooled."""
        text = self.model.text_model

        def head(tokens: torch.Tensor, pooled: int) -> torch.Tensor:
            return self.model.text_projection(text.final_layer_norm(tokens[:, pooled]))

        layers = text.encoder.layers
        last = partial(
            last_block, layers[-1], norm=text.final_layer_norm, to=self.model.text_projection
        )
        return Tower([partial(_causal, layer) for layer in layers], head, last, has_cls=False)

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

    def transform(self, width: int, height: int) -> PixelTransform:
        """What the checkpoint's own processor does: CLIP's scales and crops the centre."""
        return processor_transform(self._processor, width, height, grid=self.grid)

    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Pixels "images 3 size size", normalised, on the CPU."""
        return preprocess(self._processor, images)

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts as padded token ids; what is over the limit is cut and counted in `cut`."""
        return token_batch(self._tokenizer, texts, limit=self._limit)

    def embed_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "images tokens hidden"."""
        vision = self.model.vision_model
        return vision.pre_layrnorm(vision.embeddings(pixels))

    def embed_ids(self, ids: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "texts tokens hidden"."""
        return self.model.text_model.embeddings(input_ids=ids)

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


def last_block(layer: Any, *, norm: torch.nn.LayerNorm, to: torch.nn.Linear) -> LastBlock:
    """The weights of a block of transformers' CLIP or SigLIP, with what follows it."""
    attention, mlp = layer.self_attn, layer.mlp
    return LastBlock(
        norm1=Norm.of(layer.layer_norm1),
        query=Affine.of(attention.q_proj),
        key=Affine.of(attention.k_proj),
        value=Affine.of(attention.v_proj),
        out=Affine.of(attention.out_proj),
        norm2=Norm.of(layer.layer_norm2),
        up=Affine.of(mlp.fc1),
        activation=mlp.activation_fn,
        down=Affine.of(mlp.fc2),
        heads=attention.num_heads,
        norm3=Norm.of(norm),
        projection=Affine.of(to),
    )


def _causal(layer: Any, tokens: torch.Tensor) -> torch.Tensor:
    return layer(tokens, attention_mask=causal_mask(tokens))
