"""Segment Anything as it was published: one file of weights, whose size is read from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from fiftyone_capviz.errors import UnknownModelError
from fiftyone_capviz.models.loading import Checkpoint, fingerprint

if TYPE_CHECKING:
    from fiftyone_capviz.models.segmenters.sam import SamSegmenter

MODEL_TYPE = "segment_anything_file"
_SPEC = re.compile(r"(?:(?P<variant>vit_[blh])=)?(?P<path>.+\.(?:pth|pt|bin|safetensors))")


def locate_sam_file(spec: str) -> Checkpoint | None:
    """The file of "sam_vit_b_01ec64.pth" or "vit_b=sam_vit_b_01ec64.pth"; None for other specs.

    Raises:
        UnknownModelError: a size without its file, or no such file.
    """
    if re.fullmatch(r"vit_[blh]", spec):
        raise UnknownModelError(
            f"{spec!r} needs its weights: give {spec}=PATH with the published .pth file, or the "
            "bundled model 'scenes', or 'superpixels'."
        )
    found = _SPEC.fullmatch(spec)
    if found is None:
        return None
    path = Path(found["path"]).expanduser()
    if path.is_dir():
        return None
    if not path.is_file():
        raise UnknownModelError(f"No weights at {str(path)!r}. Check the path after '='.")
    config = {"model_type": MODEL_TYPE, "variant": found["variant"]}
    return Checkpoint(spec, path.resolve(), config, fingerprint(path))


def load_sam_file(
    checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype
) -> SamSegmenter:
    """Load what `locate_sam_file` found.

    Raises:
        CheckpointError: unsafe or damaged, other weights, or another size than the spec says.
    """
    from fiftyone_capviz.models.segmenters.sam import load_segmenter_file

    return load_segmenter_file(
        checkpoint.folder,
        device=device,
        dtype=dtype,
        variant=checkpoint.config["variant"],
        spec=checkpoint.spec,
    )
