"""CLIP-like dual encoders from transformers: images and texts as vectors of one space."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL.Image import Image
from transformers import AutoTokenizer, CLIPConfig, CLIPImageProcessor, CLIPModel

from fiftyone_capviz.geometry import PixelTransform, center_crop
from fiftyone_capviz.models.loading import Checkpoint, load_transformer


class ClipEncoder:
    """A frozen ``CLIPModel`` with its tokenizer and image processor.

    Attributes:
        spec, revision: where the weights came from.
        grid: patches per side.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> None:
        config = CLIPConfig.from_dict(dict(checkpoint.config))
        self.spec, self.revision = checkpoint.spec, checkpoint.revision
        self.device, self.dtype = device, dtype
        self.model: CLIPModel = load_transformer(
            CLIPModel, checkpoint, config=config, device=device, dtype=dtype
        )
        self.grid = config.vision_config.image_size // config.vision_config.patch_size
        self._longest = config.text_config.max_position_embeddings
        self._tokenizer = AutoTokenizer.from_pretrained(str(checkpoint.folder))
        self._processor = CLIPImageProcessor.from_pretrained(str(checkpoint.folder))

    def transform(self, width: int, height: int) -> PixelTransform:
        """CLIP's processor scales the short side and crops the centre."""
        return center_crop(width, height, self.grid)

    @torch.no_grad()
    def encode_images(self, images: Sequence[Image]) -> torch.Tensor:
        """Unit vectors, float32 "images dimensions"."""
        pixels = self._processor(images=list(images), return_tensors="pt")["pixel_values"]
        pooled = self.model.vision_model(pixels.to(self.device, self.dtype)).pooler_output
        return torch.nn.functional.normalize(self.model.visual_projection(pooled).float(), dim=-1)

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors, float32 "texts dimensions"; long texts are truncated."""
        inputs = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        pooled = self.model.text_model(
            input_ids=inputs["input_ids"].to(self.device),
            attention_mask=inputs["attention_mask"].to(self.device),
        ).pooler_output
        return torch.nn.functional.normalize(self.model.text_projection(pooled).float(), dim=-1)
