"""What transformers' CLIP and SigLIP share: their checkpoint, processor, embeddings and blocks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from PIL.Image import Image

from fiftyone_capviz.geometry import Grid, PixelTransform
from fiftyone_capviz.models.dual.inputs import load_processor, preprocess, processor_transform
from fiftyone_capviz.models.dual.sides import Affine, LastBlock, Norm
from fiftyone_capviz.models.dual.tower import TowerEncoder
from fiftyone_capviz.models.loading import Checkpoint, load_transformer


class VitPairEncoder(TowerEncoder):
    """A frozen model of transformers with a vision and a text transformer.

    An architecture's file names the classes, reads the texts, and supplies the two towers.

    Attributes:
        model: the transformers model, in eval mode.
    """

    model_class: ClassVar[Any]
    config_class: ClassVar[Any]
    processor_class: ClassVar[Any]

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> None:
        """Load it.

        Raises:
            CheckpointError: weights, processor or tokenizer that do not fit.
        """
        config = self.config_class.from_dict(dict(checkpoint.config))
        self.spec, self.revision = checkpoint.spec, checkpoint.revision
        self.device, self.dtype = device, dtype
        self.model: Any = load_transformer(
            self.model_class, checkpoint, config=config, device=device, dtype=dtype
        )
        size = config.vision_config.image_size
        side = size // config.vision_config.patch_size
        self.grid = Grid(side, side)
        self._read_texts(checkpoint, config.text_config)
        self._processor = load_processor(checkpoint, self.processor_class, size=size)

    @abstractmethod
    def _read_texts(self, checkpoint: Checkpoint, config: Any) -> None:
        """Load the tokenizer; `config` is that of the text side."""

    def transform(self, width: int, height: int) -> PixelTransform:
        """What the checkpoint's own processor does: scale and crop the centre, or squash."""
        return processor_transform(self._processor, width, height, grid=self.grid)

    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Pixels "images 3 size size", normalised, on the CPU."""
        return preprocess(self._processor, images)

    def embed_ids(self, ids: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "texts tokens hidden"."""
        embedded: torch.Tensor = self.model.text_model.embeddings(input_ids=ids)
        return embedded


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
