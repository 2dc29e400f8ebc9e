"""BLIP's vision side: pixels to patch features, the same for captioner and matcher.

Formulas: docs/methods.md, section 2.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL.Image import Image
from torch import nn
from torch.nn import functional
from transformers import BlipConfig, BlipImageProcessor, BlipVisionModel
from transformers.models.blip.modeling_blip import BlipAttention

from fiftyone_capviz.errors import CheckpointError
from fiftyone_capviz.geometry import Grid, PixelTransform, squash
from fiftyone_capviz.models.loading import Checkpoint, require_file


class FusedAttention(nn.Module):
    """`BlipAttention` through PyTorch's fused kernels: same weights, same output, less memory.

    transformers 5.23 multiplies the matrices by hand and refuses ``attn_implementation="sdpa"``.
    It is put in once, when a model is loaded, and belongs to that model.
    """

    def __init__(self, attention: BlipAttention) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        self.scale = attention.scale
        self.qkv = attention.qkv
        self.projection = attention.projection

    def forward(
        self, hidden_states: torch.Tensor, **_: object
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Attend; the probabilities are never formed, so None stands in their place.

        Args:
            hidden_states: Float "images tokens hidden".
        """
        images, tokens, hidden = hidden_states.shape
        heads = (images, tokens, 3, self.num_heads, hidden // self.num_heads)
        query, key, value = self.qkv(hidden_states).view(heads).permute(2, 0, 3, 1, 4)
        context = functional.scaled_dot_product_attention(query, key, value, scale=self.scale)
        return self.projection(context.transpose(1, 2).reshape(images, tokens, hidden)), None


def fuse_attention(vision: BlipVisionModel) -> None:
    """Give a model that we have just loaded, and own, the fused attention."""
    for layer in vision.encoder.layers:
        layer.self_attn = FusedAttention(layer.self_attn)


class BlipVision:
    """Image preprocessing and the vision transformer of one BLIP checkpoint.

    Attributes:
        spec: what the user asked for.
        revision: hub commit or digest of the folder.
        grid: rows and columns of patches, the same for every image.
        hidden_size: width of a patch feature.
        device: where the model computes.
        dtype: in which precision.
        default_layer: zero-based text layer whose cross-attention is attributed by default.
        layer_count: text layers.
        head_count: heads per text layer.
    """

    def __init__(
        self, checkpoint: Checkpoint, *, vision: BlipVisionModel, config: BlipConfig
    ) -> None:
        self.spec = checkpoint.spec
        self.revision = checkpoint.revision
        self.device = vision.device
        self.dtype = vision.dtype
        self.grid, self._image_size = _grid_of(config, checkpoint.spec)
        self.hidden_size: int = config.vision_config.hidden_size
        self.layer_count: int = config.text_config.num_hidden_layers
        self.head_count: int = config.text_config.num_attention_heads
        self.default_layer = default_layer(checkpoint.config, self.layer_count)
        self._vision = vision
        self._processor = _load_processor(checkpoint, self._image_size)
        fuse_attention(vision)

    def transform(self, width: int, height: int) -> PixelTransform:
        """The patch grid shows the whole image, squashed to a square."""
        return squash(width, height, *self.grid)

    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Resize and normalise as the checkpoint's own processor does.

        Args:
            images: upright RGB images of any size.

        Returns:
            Float32 "images 3 size size", on the CPU.
        """
        if not images:
            return torch.zeros(0, 3, self._image_size, self._image_size)
        pixels: torch.Tensor = self._processor(images=list(images), return_tensors="pt")[
            "pixel_values"
        ]
        return pixels

    @torch.no_grad()
    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features of CLS and patches, after the final layer norm.

        Args:
            pixels: what `preprocess` returned.

        Returns:
            "images 1+patches hidden", on the model's device, in its precision.
        """
        if not len(pixels):
            return torch.zeros(
                0, 1 + self.grid.patches, self.hidden_size, device=self.device, dtype=self.dtype
            )
        moved = pixels.to(self.device, self.dtype, non_blocking=True)
        features: torch.Tensor = self._vision(pixel_values=moved).last_hidden_state
        return features


def default_layer(config: Mapping[str, Any], layer_count: int) -> int:
    """The layer whose cross-attention is attributed unless another is asked for.

    LAVIS and the seed paper use index 6 of BLIP-base's 12: the middle. A checkpoint may name its
    own in ``config.json`` as ``capviz_attribution_layer``.
    """
    layer = config.get("capviz_attribution_layer", layer_count // 2)
    if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer < layer_count:
        raise CheckpointError(
            f"capviz_attribution_layer in config.json must be an integer from 0 to "
            f"{layer_count - 1}; got {layer!r}. Correct it or remove the key."
        )
    return layer


def read_blip_config(checkpoint: Checkpoint, model_class: str) -> BlipConfig:
    """The checkpoint's configuration, if it is of this BLIP class.

    Raises:
        CheckpointError: another architecture, or a configuration that makes no model.
    """
    named = checkpoint.architectures
    if checkpoint.model_type != "blip" or (named and model_class not in named):
        seen = ", ".join(named) or checkpoint.model_type or "unknown"
        raise CheckpointError(
            f"{checkpoint.spec!r} is a {seen} checkpoint; {model_class} is needed here. "
            f"{_REMEDIES[model_class]}"
        )
    try:
        return BlipConfig.from_dict(dict(checkpoint.config))
    except Exception as error:
        raise CheckpointError(
            f"config.json of {checkpoint.spec!r} makes no BLIP model ({error}). Fetch the "
            "checkpoint again."
        ) from error


_REMEDIES = {
    "BlipForConditionalGeneration": (
        "For captions use e.g. Salesforce/blip-image-captioning-base, or the bundled 'scenes'."
    ),
    "BlipForImageTextRetrieval": (
        "For match scores use e.g. Salesforce/blip-itm-base-coco, or the bundled 'scenes'."
    ),
}


def _grid_of(config: BlipConfig, spec: str) -> tuple[Grid, int]:
    """The grid, and the side of the image that the model sees, in pixels."""
    sizes = []
    for value in (config.vision_config.image_size, config.vision_config.patch_size):
        sides = {value} if isinstance(value, int) else set(value)
        if len(sides) != 1:
            raise CheckpointError(
                f"Images and patches must be square; {spec!r} says {value!r}. Use another "
                "checkpoint."
            )
        sizes.append(sides.pop())
    side = sizes[0] // sizes[1]
    return Grid(side, side), sizes[0]


def _load_processor(checkpoint: Checkpoint, image_size: int) -> BlipImageProcessor:
    require_file(
        checkpoint,
        ("preprocessor_config.json", "processor_config.json"),
        purpose="image processor",
    )
    try:
        processor = BlipImageProcessor.from_pretrained(
            str(checkpoint.folder), local_files_only=True
        )
        size = (processor.size["height"], processor.size["width"])
    except Exception as error:
        raise CheckpointError(
            f"The image processor of {checkpoint.spec!r} cannot be read ({error}). Fetch the "
            "checkpoint again."
        ) from error
    if size != (image_size, image_size):
        raise CheckpointError(
            f"The image processor of {checkpoint.spec!r} makes {size[1]}x{size[0]} images; the "
            f"model takes {image_size}x{image_size}. Save the model with its own processor."
        )
    return processor
