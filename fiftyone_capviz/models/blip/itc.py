"""The contrastive (ITC) head of a BLIP matcher as a dual encoder: no CLIP weights are needed.

Formulas: docs/methods.md, section 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import torch
from PIL.Image import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.models.blip.matcher import BlipMatcher, load_matcher
from fiftyone_capviz.models.dual.sides import Affine, LastBlock, Norm, Tower, pooling_head
from fiftyone_capviz.models.dual.tower import TowerEncoder
from fiftyone_capviz.models.loading import Checkpoint
from fiftyone_capviz.models.word_pieces import TokenBatch


def load_itc(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> ItcEncoder:
    """Load a BLIP matcher, and see it through its contrastive head.

    Raises:
        CheckpointError: another architecture, or weights that do not fit.
    """
    return ItcEncoder(load_matcher(checkpoint, device=device, dtype=dtype))


class ItcEncoder(TowerEncoder):
    """A loaded BLIP matcher, seen through its contrastive head.

    The vision side is a pre-norm transformer that pools CLS: the closed form holds. The text side
    is BERT without cross-attention, post-norm and bidirectional: its vectors come from forward
    derivatives, one per token.

    Attributes:
        model: the matcher's transformers model, shared with it.
    """

    causal_text = False

    def __init__(self, matcher: BlipMatcher) -> None:
        if not isinstance(matcher, BlipMatcher):
            raise InputError(
                "A contrastive head belongs to a BLIP matcher; got a "
                f"{type(matcher).__name__}, which has no projection head. Use e.g. "
                "Salesforce/blip-itm-base-coco, or a CLIP model."
            )
        self.spec, self.revision = matcher.spec, matcher.revision
        self.device, self.dtype, self.grid = matcher.device, matcher.dtype, matcher.grid
        self.filler = matcher.text.pad
        self.model = matcher.model
        self._matcher = matcher

    @cached_property
    def image_tower(self) -> Tower:
        """Pre-norm blocks; CLS is normed, pooled and projected."""
        vision = self.model.vision_model
        head = pooling_head(vision.post_layernorm, self.model.vision_proj)
        return Tower(list(vision.encoder.layers), head, self._last_block, has_cls=True)

    @cached_property
    def text_tower(self) -> Tower:
        """BERT's blocks; the first token is pooled."""
        blocks = [partial(_alone, layer) for layer in self.model.text_encoder.encoder.layer]
        return Tower(blocks, pooling_head(None, self.model.text_proj), None, has_cls=False)

    def transform(self, width: int, height: int) -> PixelTransform:
        """The whole image, squashed to a square."""
        return self._matcher.transform(width, height)

    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Pixels "images 3 size size", normalised, on the CPU."""
        return self._matcher.preprocess(images)

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts as [CLS] pieces [SEP]; what is over the limit is cut and counted in `cut`."""
        return self._matcher.text.batch(texts)

    def embed_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "images tokens hidden"."""
        return self.model.vision_model.embeddings(pixels)

    def embed_ids(self, ids: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "texts tokens hidden"."""
        return self.model.text_encoder.embeddings(input_ids=ids)

    def pooled_positions(self, tokens: TokenBatch) -> list[int]:
        """[CLS]."""
        return [0] * len(tokens.ids)

    def reference_ids(self, length: int) -> torch.Tensor:
        """[CLS], padding, [SEP]: as long as the text."""
        tokenizer = self._matcher.text.tokenizer
        whole = torch.full((length,), self.filler)
        whole[0], whole[-1] = tokenizer.cls_token_id, tokenizer.sep_token_id
        return whole

    def _last_block(self) -> LastBlock:
        vision = self.model.vision_model
        layer = vision.encoder.layers[-1]
        attention, mlp = layer.self_attn, layer.mlp
        query, key, value = Affine.of(attention.qkv).split(3)
        return LastBlock(
            norm1=Norm.of(layer.layer_norm1),
            query=query,
            key=key,
            value=value,
            out=Affine.of(attention.projection),
            norm2=Norm.of(layer.layer_norm2),
            up=Affine.of(mlp.fc1),
            activation=mlp.activation_fn,
            down=Affine.of(mlp.fc2),
            heads=attention.num_heads,
            norm3=Norm.of(vision.post_layernorm),
            projection=Affine.of(self.model.vision_proj),
        )


def _alone(layer: Any, tokens: torch.Tensor) -> torch.Tensor:
    return layer(tokens)
