"""SigLIP dual encoders from transformers (arXiv 2303.15343)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

import torch
from PIL.Image import Image
from transformers import AutoImageProcessor, SiglipConfig, SiglipModel

from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.models.clip import last_block
from fiftyone_capviz.models.dual_encoder import TowerEncoder
from fiftyone_capviz.models.dual_encoder_inputs import (
    load_processor,
    preprocess,
    processor_transform,
)
from fiftyone_capviz.models.loading import Checkpoint, load_transformer
from fiftyone_capviz.models.sides import Affine, LastBlock, Norm, Tower
from fiftyone_capviz.models.siglip_tokens import SiglipTokens
from fiftyone_capviz.models.word_pieces import TokenBatch


class SiglipEncoder(TowerEncoder):
    """A frozen ``SiglipModel`` with its tokenizer and image processor.

    The vision side has no CLS: a head attends to the patches with a learned probe. That head
    counts as its last block, so that layer `image_layers` - 1 is the head's input, where the
    closed form holds. The text side is bidirectional, reads its padding, and pools the last token.

    Attributes:
        model: the transformers model, in eval mode.
    """

    causal_text = False

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> None:
        config = SiglipConfig.from_dict(dict(checkpoint.config))
        self.spec, self.revision = checkpoint.spec, checkpoint.revision
        self.device, self.dtype = device, dtype
        self.model: SiglipModel = load_transformer(
            SiglipModel, checkpoint, config=config, device=device, dtype=dtype
        )
        self.grid = config.vision_config.image_size // config.vision_config.patch_size
        self._text = SiglipTokens(checkpoint, limit=config.text_config.max_position_embeddings)
        self._processor = load_processor(
            checkpoint, AutoImageProcessor, size=config.vision_config.image_size
        )
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

        def head(tokens: torch.Tensor, pooled: int) -> torch.Tensor:
            return text.head(text.final_layer_norm(tokens[:, pooled]))

        layers = text.encoder.layers
        last = partial(last_block, layers[-1], norm=text.final_layer_norm, to=text.head)
        blocks = [partial(layer, attention_mask=None) for layer in layers]
        return Tower(blocks, head, last, has_cls=False)

    def transform(self, width: int, height: int) -> PixelTransform:
        """What the checkpoint's own processor does: SigLIP's squashes the whole image."""
        return processor_transform(self._processor, width, height, grid=self.grid)

    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Pixels "images 3 size size", normalised, on the CPU."""
        return preprocess(self._processor, images)

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts as token ids, padded to the full length; what is over it is cut."""
        return self._text.batch(texts)

    def embed_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "images tokens hidden"."""
        return self.model.vision_model.embeddings(pixels)

    def embed_ids(self, ids: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "texts tokens hidden"."""
        return self.model.text_model.embeddings(input_ids=ids)

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
