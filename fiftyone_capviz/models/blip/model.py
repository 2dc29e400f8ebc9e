"""One BLIP checkpoint as captioner and matcher load it: vision side, text model, tokenizer."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from transformers import BlipConfig

from fiftyone_capviz.models.blip.attention import BlipAttentionAccess
from fiftyone_capviz.models.blip.vision import BlipVision, read_blip_config
from fiftyone_capviz.models.loading import Checkpoint, load_transformer
from fiftyone_capviz.models.word_pieces import WordPieces


class BlipModel(BlipVision, BlipAttentionAccess):
    """What captioner and matcher have in common.

    Attributes:
        model_class: transformers' class of the checkpoint.
        model: the transformers model, frozen, in eval mode.
        text: its tokenizer and token ids.
    """

    model_class: ClassVar[Any]

    def __init__(
        self, checkpoint: Checkpoint, *, model: Any, config: BlipConfig, text: WordPieces
    ) -> None:
        super().__init__(checkpoint, vision=model.vision_model, config=config)
        self.model = model
        self.text = text

    @classmethod
    def load(cls, checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Self:
        """From a checkpoint's files.

        Raises:
            CheckpointError: another architecture, or weights that do not fit.
        """
        config = read_blip_config(checkpoint, cls.model_class.__name__)
        text = WordPieces(checkpoint, config.text_config)
        model = load_transformer(
            cls.model_class, checkpoint, config=config, device=device, dtype=dtype
        )
        return cls(checkpoint, model=model, config=config, text=text)
