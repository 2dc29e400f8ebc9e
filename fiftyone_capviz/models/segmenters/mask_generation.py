"""Segmenters of transformers: its ``mask-generation`` pipeline as a `Segmenter`."""

from __future__ import annotations

import numpy as np
import torch
from PIL.Image import Image
from transformers import (
    AutoImageProcessor,
    MaskGenerationPipeline,
    PreTrainedModel,
    SamHQModel,
    SamModel,
)
from transformers.image_processing_utils import BaseImageProcessor

from fiftyone_capviz.errors import CheckpointError
from fiftyone_capviz.models.loading import Checkpoint, load_transformer, require_file
from fiftyone_capviz.models.segmenters.automatic_masks import MaskOptions
from fiftyone_capviz.models.segmenters.prompted import PromptedSegmenter
from fiftyone_capviz.records import Segments

MODELS: dict[str, type[PreTrainedModel]] = {"sam": SamModel, "sam_hq": SamHQModel}
"""``model_type`` to class. The pipeline of transformers 5 handles no other family: Sam2's list of
image embeddings, for one, is not what it passes on."""


class MaskGenerationSegmenter(PromptedSegmenter):
    """Automatic masks of a transformers model."""

    def __init__(
        self,
        model: PreTrainedModel,
        processor: BaseImageProcessor,
        *,
        spec: str,
        revision: str,
        options: MaskOptions,
    ) -> None:
        super().__init__(model, spec=spec, revision=revision, options=options)
        self._pipeline = MaskGenerationPipeline(
            model=model, image_processor=processor, device=model.device
        )

    @torch.no_grad()
    def segment(self, image: Image) -> Segments:
        """All masks with their predicted IoU, before any filter of ours."""
        chosen = self.options
        found = self._pipeline(
            image,
            points_per_crop=chosen.points_per_side,
            points_per_batch=chosen.points_per_batch,
            pred_iou_thresh=chosen.pred_iou_thresh,
            stability_score_thresh=chosen.stability_score_thresh,
            stability_score_offset=chosen.stability_score_offset,
            crops_nms_thresh=chosen.box_nms_thresh,
        )
        masks = np.zeros((len(found["masks"]), image.height, image.width), dtype=bool)
        for mask, made in zip(masks, found["masks"], strict=True):
            mask[:] = np.asarray(made, dtype=bool)
        ious = torch.as_tensor(found["scores"]).float().cpu().numpy().reshape(len(masks))
        large = masks.reshape(len(masks), image.height * image.width).mean(axis=1)
        return Segments(masks, ious).take(np.flatnonzero(large >= chosen.min_area))


def load_segmenter(
    checkpoint: Checkpoint,
    *,
    device: torch.device,
    dtype: torch.dtype,
    options: MaskOptions | None = None,
) -> MaskGenerationSegmenter:
    """Load a folder that ``save_pretrained`` wrote, or the hub's copy of one.

    Args:
        checkpoint: found, not yet read.
        device: where it computes.
        dtype: in which precision.
        options: default: those of segment_anything.

    Raises:
        CheckpointError: a model of another family, or one that is not whole.
    """
    model_class = MODELS.get(checkpoint.model_type)
    if model_class is None:
        raise CheckpointError(
            f"Mask generation works with {', '.join(MODELS)} models; {checkpoint.spec!r} is a "
            f"{checkpoint.model_type or 'nameless'} model. Use e.g. facebook/sam-vit-base."
        )
    require_file(checkpoint, ("preprocessor_config.json",), purpose="image processor")
    config = model_class.config_class.from_dict(dict(checkpoint.config))
    model = load_transformer(model_class, checkpoint, config=config, device=device, dtype=dtype)
    processor = AutoImageProcessor.from_pretrained(str(checkpoint.folder), local_files_only=True)
    return MaskGenerationSegmenter(
        model,
        processor,
        spec=checkpoint.spec,
        revision=checkpoint.revision,
        options=options or MaskOptions(),
    )
