"""Segment Anything: published ``.pth`` files, safetensors, and bundled folders, one segmenter."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL.Image import Image
from segment_anything.modeling import Sam

from fiftyone_capviz.errors import CheckpointError
from fiftyone_capviz.models.loading import Checkpoint, fingerprint, load_state_dict
from fiftyone_capviz.models.segmenters.automatic_masks import MaskOptions, generate_masks
from fiftyone_capviz.models.segmenters.prompted import PromptedSegmenter
from fiftyone_capviz.models.segmenters.sam_architecture import build_sam, infer_config
from fiftyone_capviz.records import Segments

VARIANTS = {"vit_b": 768, "vit_l": 1024, "vit_h": 1280}
"""Published sizes and the width of their image encoders."""

_REQUIRED = (
    "image_size",
    "patch_size",
    "encoder_embed_dim",
    "encoder_depth",
    "encoder_num_heads",
    "encoder_global_attn_indexes",
    "encoder_window_size",
    "transformer_dim",
    "decoder_depth",
    "decoder_num_heads",
    "decoder_mlp_dim",
    "iou_head_hidden_dim",
    "pixel_mean",
    "pixel_std",
)


class SamSegmenter(PromptedSegmenter):
    """Automatic masks of a ``Sam``.

    Attributes:
        model: segment_anything's own module, frozen; ``SamAutomaticMaskGenerator`` takes it as it
            is (in float32).
    """

    model: Sam

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        device: torch.device = self.model.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of encoder and decoder."""
        dtype: torch.dtype = self.model.image_encoder.pos_embed.dtype
        return dtype

    def segment(self, image: Image) -> Segments:
        """All masks with their predicted IoU, best first, before any filter of ours."""
        records = generate_masks(self.model, image, self.options)
        return Segments(records.masks, records.predicted_iou)


def load_segmenter(
    checkpoint: Checkpoint,
    *,
    device: torch.device,
    dtype: torch.dtype,
    options: MaskOptions | None = None,
) -> SamSegmenter:
    """Load a folder with ``config.json`` (of `build_sam`) and weights.

    Args:
        checkpoint: found, not yet read.
        device: where it computes.
        dtype: of encoder and decoder.
        options: default: those that the configuration names.

    Raises:
        CheckpointError: no Segment Anything checkpoint, or its weights do not fit.
    """
    config = checkpoint.config
    missing = [key for key in _REQUIRED if key not in config]
    if missing:
        raise CheckpointError(
            f"The config.json of a Segment Anything folder needs {', '.join(_REQUIRED)}; that of "
            f"{checkpoint.spec!r} lacks {', '.join(missing)}. Give the .pth file instead, or a "
            "folder that `capviz scenes train` wrote."
        )
    try:
        model = build_sam(config)
    except (TypeError, ValueError, AssertionError, ZeroDivisionError, RuntimeError) as error:
        raise CheckpointError(
            f"The config.json of {checkpoint.spec!r} describes no Segment Anything model "
            f"({error}). Fetch the checkpoint again."
        ) from error
    _fill(model, load_state_dict(checkpoint.folder), checkpoint.spec)
    return SamSegmenter(
        _place(model, device, dtype),
        spec=checkpoint.spec,
        revision=checkpoint.revision,
        options=options or MaskOptions.from_config(config),
    )


def load_segmenter_file(
    path: Path,
    *,
    device: torch.device,
    dtype: torch.dtype,
    variant: str | None = None,
    spec: str | None = None,
    options: MaskOptions | None = None,
) -> SamSegmenter:
    """Load a file of weights, such as ``sam_vit_b_01ec64.pth``; its size is read from it.

    Args:
        path: ``.pth``, ``.pt``, ``.bin`` or ``.safetensors``.
        device: where it computes.
        dtype: of encoder and decoder.
        variant: "vit_b", "vit_l" or "vit_h", if the file must be this one.
        spec: what the user asked for; default the path.
        options: default: those of segment_anything.

    Raises:
        CheckpointError: no such file, unsafe or damaged, other weights, or another variant.
    """
    spec = spec or str(path)
    state = load_state_dict(path)
    config = infer_config(state, name=spec)
    width = config["encoder_embed_dim"]
    if variant is not None and VARIANTS.get(variant) != width:
        found = next((name for name, size in VARIANTS.items() if size == width), "another size")
        raise CheckpointError(
            f"{spec!r} must hold {variant} weights (encoder width {VARIANTS.get(variant)}); it "
            f"holds {found} ({width}). Correct the name before '=', or leave it out."
        )
    with torch.device("meta"):  # every weight comes from the file
        skeleton = build_sam(config)
    model = _fill(skeleton, state, spec, assign=True)
    model.pixel_mean, model.pixel_std = (
        torch.tensor(config[key]).view(-1, 1, 1) for key in ("pixel_mean", "pixel_std")
    )
    return SamSegmenter(
        _place(model, device, dtype),
        spec=spec,
        revision=fingerprint(path),
        options=options or MaskOptions(),
    )


def _fill(model: Sam, state: dict[str, torch.Tensor], spec: str, *, assign: bool = False) -> Sam:
    """Load weights that must fit exactly; none is left at its random initial value."""
    try:
        model.load_state_dict(state, assign=assign)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"The weights of {spec!r} do not fit a Segment Anything model: {first}. Use a "
            "checkpoint of segment_anything itself (vit_b, vit_l, vit_h), or fetch it again."
        ) from error
    return model


def _place(model: Sam, device: torch.device, dtype: torch.dtype) -> Sam:
    """Freeze, and move; the prompt encoder's coordinates need float32, and cost nothing."""
    model.eval().requires_grad_(False).to(device=device, dtype=torch.float32)
    model.image_encoder.to(dtype)
    model.mask_decoder.to(dtype)
    return model
