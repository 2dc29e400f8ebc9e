"""Which models there are: plain dicts from the name of an architecture to its entry.

Adding an architecture is one file beside this one and one line here. A checkpoint finds its entry
by what its ``config.json`` says it is; weights are read after that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from fiftyone_capviz.errors import CheckpointError, UnknownModelError
from fiftyone_capviz.models.loading import Checkpoint, find_checkpoint, fingerprint

BUNDLED = Path(__file__).parent.parent / "scenes" / "weights"
"""Folder of the checkpoints that come with the package, one folder per kind."""

SCENES = "scenes"
"""The spec of the bundled checkpoints."""

BUNDLED_FOLDERS = {
    "captioner": "captioner",
    "matcher": "matcher",
    "segmenter": "sam",
    "encoder": "clip",
}
"""Kind of model to its folder in `BUNDLED`."""

SUPERPIXELS = "superpixels"
"""The spec of the segmenter without weights."""

_SAM_FILE = "segment_anything_file"
_OPEN_CLIP = "open_clip"
_OPEN_CLIP_SPEC = re.compile(r"open_clip:(?P<name>[^=]+)=(?P<path>.+)")
_SAM_SPEC = re.compile(r"(?:(?P<variant>vit_[blh])=)?(?P<path>.+\.(?:pth|pt|bin|safetensors))")

Loader = Callable[..., Any]
"""(checkpoint, *, device, dtype) -> a model of the entry's kind."""


@dataclass(frozen=True)
class Entry:
    """One architecture.

    Attributes:
        load: makes the model from a checkpoint, imported when called.
        architectures: the class names in ``config.json`` that belong to it; empty if the
            configuration names no class.
        model_types: the ``model_type`` values that belong to it.
        example: a checkpoint to start with.
        licence: of the example's weights, as its hub page gives it.
        description: one line for forms and messages.
        viewed: kind of model that this one is another view of; both share their weights.
        view: makes this one from a loaded model of that kind.
    """

    load: Loader
    architectures: tuple[str, ...]
    model_types: tuple[str, ...]
    example: str
    licence: str
    description: str
    viewed: str | None = None
    view: Callable[[Any], Any] | None = None

    def takes(self, checkpoint: Checkpoint) -> bool:
        """Whether this entry can load the checkpoint."""
        if checkpoint.model_type not in self.model_types:
            return False
        named = checkpoint.architectures
        return not named or not self.architectures or bool(set(named) & set(self.architectures))


def _load_blip_captioner(
    checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype
) -> Any:
    from fiftyone_capviz.models.blip.captioner import load_captioner

    return load_captioner(checkpoint, device=device, dtype=dtype)


def _load_blip_matcher(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Any:
    from fiftyone_capviz.models.blip.matcher import load_matcher

    return load_matcher(checkpoint, device=device, dtype=dtype)


def _load_clip(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Any:
    from fiftyone_capviz.models.dual.clip import ClipEncoder

    return ClipEncoder(checkpoint, device=device, dtype=dtype)


def _load_siglip(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Any:
    from fiftyone_capviz.models.dual.siglip import SiglipEncoder

    return SiglipEncoder(checkpoint, device=device, dtype=dtype)


def _load_open_clip(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Any:
    from fiftyone_capviz.models.dual.open_clip import load_open_clip

    return load_open_clip(checkpoint, device=device, dtype=dtype)


def _load_itc(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Any:
    return _itc_of(_load_blip_matcher(checkpoint, device=device, dtype=dtype))


def _itc_of(matcher: Any) -> Any:
    from fiftyone_capviz.models.blip.itc import ItcEncoder

    return ItcEncoder(matcher)


def _load_sam(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Any:
    from fiftyone_capviz.models.segmenters.sam import load_segmenter

    return load_segmenter(checkpoint, device=device, dtype=dtype)


def _load_sam_file(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Any:
    from fiftyone_capviz.models.segmenters.sam import load_segmenter_file

    return load_segmenter_file(
        checkpoint.folder,
        device=device,
        dtype=dtype,
        variant=checkpoint.config["variant"],
        spec=checkpoint.spec,
    )


def _load_mask_generation(
    checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype
) -> Any:
    from fiftyone_capviz.models.segmenters.mask_generation import load_segmenter

    return load_segmenter(checkpoint, device=device, dtype=dtype)


def _load_superpixels(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Any:
    from fiftyone_capviz.models.segmenters.superpixels import SuperpixelSegmenter

    return SuperpixelSegmenter()


CAPTIONERS: dict[str, Entry] = {
    "blip": Entry(
        load=_load_blip_captioner,
        architectures=("BlipForConditionalGeneration",),
        model_types=("blip",),
        example="Salesforce/blip-image-captioning-base",
        licence="BSD-3-Clause",
        description="BLIP image captioning (arXiv 2201.12086)",
    ),
}

MATCHERS: dict[str, Entry] = {
    "blip": Entry(
        load=_load_blip_matcher,
        architectures=("BlipForImageTextRetrieval",),
        model_types=("blip",),
        example="Salesforce/blip-itm-base-coco",
        licence="BSD-3-Clause",
        description="BLIP image-text matching (arXiv 2201.12086)",
    ),
}

ENCODERS: dict[str, Entry] = {
    "clip": Entry(
        load=_load_clip,
        architectures=("CLIPModel",),
        model_types=("clip",),
        example="openai/clip-vit-base-patch32",
        licence="MIT (code; the weights' page names none)",
        description="CLIP dual encoder (arXiv 2103.00020)",
    ),
    "siglip": Entry(
        load=_load_siglip,
        architectures=("SiglipModel",),
        model_types=("siglip",),
        example="google/siglip-base-patch16-224",
        licence="Apache-2.0",
        description="SigLIP dual encoder (arXiv 2303.15343)",
    ),
    "blip_itc": Entry(
        load=_load_itc,
        architectures=("BlipForImageTextRetrieval",),
        model_types=("blip",),
        example="Salesforce/blip-itm-base-coco",
        licence="BSD-3-Clause",
        description="the contrastive (ITC) head of a BLIP matcher (arXiv 2201.12086)",
        viewed="matcher",
        view=_itc_of,
    ),
    "open_clip": Entry(
        load=_load_open_clip,
        architectures=(),
        model_types=(_OPEN_CLIP,),
        example="open_clip:ViT-B-16=open_clip_model.safetensors",
        licence="MIT (code; each weights' page names its own)",
        description="vision transformers of open_clip, by model name and weights file",
    ),
}

SEGMENTERS: dict[str, Entry] = {
    "superpixels": Entry(
        load=_load_superpixels,
        architectures=(),
        model_types=("superpixels",),
        example="superpixels",
        licence="BSD-3-Clause",
        description="SLIC superpixels from scikit-image; needs no weights",
    ),
    "segment_anything": Entry(
        load=_load_sam,
        architectures=(),
        model_types=("segment_anything",),
        example=SCENES,
        licence="Apache-2.0",
        description="Segment Anything from a folder with config.json (arXiv 2304.02643)",
    ),
    "segment_anything_file": Entry(
        load=_load_sam_file,
        architectures=(),
        model_types=(_SAM_FILE,),
        example="vit_b=sam_vit_b_01ec64.pth",
        licence="Apache-2.0",
        description="Segment Anything as published, one .pth or .safetensors file",
    ),
    "mask_generation": Entry(
        load=_load_mask_generation,
        architectures=(),
        model_types=("sam", "sam_hq"),
        example="facebook/sam-vit-base",
        licence="Apache-2.0",
        description="mask-generation models of transformers",
    ),
}

REGISTRIES: dict[str, dict[str, Entry]] = {
    "captioner": CAPTIONERS,
    "matcher": MATCHERS,
    "segmenter": SEGMENTERS,
    "encoder": ENCODERS,
}
"""Kind of model to its architectures."""


def load_model(kind: str, spec: str, *, device: torch.device, dtype: torch.dtype) -> Any:
    """Load a model by kind and spec.

    Args:
        kind: a key of `REGISTRIES`.
        spec: a hub name, a local folder or "scenes"; some kinds take more, see their entries'
            examples.
        device: where it computes.
        dtype: in which precision.

    Raises:
        UnknownModelError: no such model.
        OfflineError: the hub cannot be reached.
        CheckpointError: a checkpoint that cannot be used as this kind.
    """
    checkpoint = locate(kind, spec)
    return entry_of(kind, checkpoint).load(checkpoint, device=device, dtype=dtype)


def viewing_entry(kind: str, spec: str) -> Entry | None:
    """The entry of a spec, if its model is a view of a model of another kind.

    Raises:
        ModelError: no such model.
    """
    if not any(entry.viewed for entry in _entries(kind).values()):
        return None
    entry = entry_of(kind, locate(kind, spec))
    return entry if entry.viewed else None


def revision_of(kind: str, spec: str) -> str:
    """Hub commit or digest of the checkpoint, without loading the model."""
    return locate(kind, spec).revision


def locate(kind: str, spec: str) -> Checkpoint:
    """Find the checkpoint of a spec; "scenes" is the bundled one of this kind."""
    entries = _entries(kind)
    if kind == "segmenter" and (special := _locate_special_segmenter(spec)):
        return special
    if kind == "encoder" and spec.startswith(f"{_OPEN_CLIP}:"):
        return _locate_open_clip(spec)
    if spec == SCENES:
        folder = BUNDLED / BUNDLED_FOLDERS[kind]
        if not folder.is_dir():
            raise CheckpointError(
                f"The bundled {kind} is missing from this installation ({str(folder)!r}). "
                "Install the package again, or run `capviz scenes train`."
            )
        found = find_checkpoint(str(folder))
        return Checkpoint(SCENES, found.folder, found.config, found.revision)
    try:
        return find_checkpoint(spec)
    except UnknownModelError as error:
        examples = ", ".join(entry.example for entry in entries.values())
        raise UnknownModelError(
            f"{error} Known to work as {kind}: {SCENES}, {examples}."
        ) from error


def entry_of(kind: str, checkpoint: Checkpoint) -> Entry:
    """The architecture that a checkpoint belongs to.

    Raises:
        CheckpointError: none of this kind.
    """
    entries = _entries(kind)
    for entry in entries.values():
        if entry.takes(checkpoint):
            return entry
    seen = ", ".join(checkpoint.architectures) or checkpoint.model_type or "unknown"
    needed = ", ".join(
        name for e in entries.values() for name in (e.architectures or e.model_types)
    )
    examples = ", ".join(entry.example for entry in entries.values())
    raise CheckpointError(
        f"{checkpoint.spec!r} is a {seen} checkpoint; the {kind} needs one of: {needed}. Use e.g. "
        f"{examples}, or the bundled model 'scenes'."
    )


def _locate_special_segmenter(spec: str) -> Checkpoint | None:
    """Segmenters that are no checkpoint folder: superpixels, and published weight files."""
    if spec == SUPERPIXELS:
        revision = f"scikit-image {version('scikit-image')}"
        return Checkpoint(spec, BUNDLED, {"model_type": SUPERPIXELS}, revision)
    if re.fullmatch(r"vit_[blh]", spec):
        raise UnknownModelError(
            f"{spec!r} needs its weights: give {spec}=PATH with the published .pth file, or the "
            f"bundled model {SCENES!r}, or {SUPERPIXELS!r}."
        )
    found = _SAM_SPEC.fullmatch(spec)
    if found is None:
        return None
    path = Path(found["path"]).expanduser()
    if path.is_dir():
        return None
    if not path.is_file():
        raise UnknownModelError(f"No weights at {str(path)!r}. Check the path after '='.")
    config = {"model_type": _SAM_FILE, "variant": found["variant"]}
    return Checkpoint(spec, path.resolve(), config, fingerprint(path))


def _locate_open_clip(spec: str) -> Checkpoint:
    """A model name of open_clip and its weights file."""
    found = _OPEN_CLIP_SPEC.fullmatch(spec)
    if found is None:
        raise UnknownModelError(
            f"{spec!r} needs its weights: give open_clip:NAME=PATH, e.g. "
            f"{ENCODERS['open_clip'].example}."
        )
    path = Path(found["path"]).expanduser()
    if not path.is_file():
        raise UnknownModelError(f"No weights at {str(path)!r}. Check the path after '='.")
    config = {"model_type": _OPEN_CLIP, "name": found["name"]}
    return Checkpoint(spec, path.resolve(), config, fingerprint(path))


def _entries(kind: str) -> dict[str, Entry]:
    if kind not in REGISTRIES:
        raise UnknownModelError(f"A kind of model is one of {', '.join(REGISTRIES)}; got {kind!r}.")
    return REGISTRIES[kind]
