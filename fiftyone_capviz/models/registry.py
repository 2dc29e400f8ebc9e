"""Which models there are: plain dicts from the name of an architecture to its entry.

Adding an architecture is one file in a room beside this one and one entry here. A checkpoint finds
its entry by what its ``config.json`` says it is; weights are read after that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from fiftyone_capviz.errors import CheckpointError, UnknownModelError
from fiftyone_capviz.models.devices import choose_device, choose_dtype
from fiftyone_capviz.models.loading import Checkpoint, find_checkpoint

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

Loader = Callable[..., Any]
"""(checkpoint, *, device, dtype) -> a model of the entry's kind."""

Locator = Callable[[str], Checkpoint | None]
"""Spec to its checkpoint; None for a spec that is another architecture's."""


def loader(reference: str) -> partial[Any]:
    """A callable of this package that is imported when it is first called.

    Args:
        reference: "module:name", the module below ``fiftyone_capviz``, such as
            "models.blip.captioner:load_captioner".
    """
    return partial(_call, reference)


def _call(reference: str, *args: Any, **named: Any) -> Any:
    module, name = reference.split(":")
    return getattr(import_module(f"fiftyone_capviz.{module}"), name)(*args, **named)


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
        locate: finds checkpoints that are no folder with ``config.json``; None where all are.
        viewed: kind of model that this one is another view of; both share their weights.
        view: makes this one from a loaded model of that kind.
    """

    load: Loader
    architectures: tuple[str, ...]
    model_types: tuple[str, ...]
    example: str
    licence: str
    description: str
    locate: Locator | None = None
    viewed: str | None = None
    view: Callable[[Any], Any] | None = None

    def takes(self, checkpoint: Checkpoint) -> bool:
        """Whether this entry can load the checkpoint."""
        if checkpoint.model_type not in self.model_types:
            return False
        named = checkpoint.architectures
        return not named or not self.architectures or bool(set(named) & set(self.architectures))


CAPTIONERS: dict[str, Entry] = {
    "blip": Entry(
        load=loader("models.blip.captioner:load_captioner"),
        architectures=("BlipForConditionalGeneration",),
        model_types=("blip",),
        example="Salesforce/blip-image-captioning-base",
        licence="BSD-3-Clause",
        description="BLIP image captioning (arXiv 2201.12086)",
    ),
}

MATCHERS: dict[str, Entry] = {
    "blip": Entry(
        load=loader("models.blip.matcher:load_matcher"),
        architectures=("BlipForImageTextRetrieval",),
        model_types=("blip",),
        example="Salesforce/blip-itm-base-coco",
        licence="BSD-3-Clause",
        description="BLIP image-text matching (arXiv 2201.12086)",
    ),
}

ENCODERS: dict[str, Entry] = {
    "clip": Entry(
        load=loader("models.dual.clip:ClipEncoder"),
        architectures=("CLIPModel",),
        model_types=("clip",),
        example="openai/clip-vit-base-patch32",
        licence="MIT (code; the weights' page names none)",
        description="CLIP dual encoder (arXiv 2103.00020)",
    ),
    "siglip": Entry(
        load=loader("models.dual.siglip:SiglipEncoder"),
        architectures=("SiglipModel",),
        model_types=("siglip",),
        example="google/siglip-base-patch16-224",
        licence="Apache-2.0",
        description="SigLIP dual encoder (arXiv 2303.15343)",
    ),
    "blip_itc": Entry(
        load=loader("models.blip.itc:load_itc"),
        architectures=("BlipForImageTextRetrieval",),
        model_types=("blip",),
        example="Salesforce/blip-itm-base-coco",
        licence="BSD-3-Clause",
        description="the contrastive (ITC) head of a BLIP matcher (arXiv 2201.12086)",
        viewed="matcher",
        view=loader("models.blip.itc:ItcEncoder"),
    ),
    "open_clip": Entry(
        load=loader("models.dual.open_clip:load_open_clip"),
        architectures=(),
        model_types=("open_clip",),
        example="open_clip:ViT-B-16=open_clip_model.safetensors",
        licence="MIT (code; each weights' page names its own)",
        description="vision transformers of open_clip, by model name and weights file",
        locate=loader("models.dual.open_clip:locate_open_clip"),
    ),
}

SEGMENTERS: dict[str, Entry] = {
    "superpixels": Entry(
        load=loader("models.segmenters.superpixels:load_superpixels"),
        architectures=(),
        model_types=("superpixels",),
        example="superpixels",
        licence="BSD-3-Clause",
        description="SLIC superpixels from scikit-image; needs no weights",
        locate=loader("models.segmenters.superpixels:locate_superpixels"),
    ),
    "segment_anything": Entry(
        load=loader("models.segmenters.sam:load_segmenter"),
        architectures=(),
        model_types=("segment_anything",),
        example=SCENES,
        licence="Apache-2.0",
        description="Segment Anything from a folder with config.json (arXiv 2304.02643)",
    ),
    "segment_anything_file": Entry(
        load=loader("models.segmenters.sam_file:load_sam_file"),
        architectures=(),
        model_types=("segment_anything_file",),
        example="vit_b=sam_vit_b_01ec64.pth",
        licence="Apache-2.0",
        description="Segment Anything as published, one .pth or .safetensors file",
        locate=loader("models.segmenters.sam_file:locate_sam_file"),
    ),
    "mask_generation": Entry(
        load=loader("models.segmenters.mask_generation:load_segmenter"),
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


def load_model(
    kind: str,
    spec: str,
    *,
    device: str | torch.device = "cpu",
    dtype: str | torch.dtype = "auto",
) -> Any:
    """Load a model by kind and spec.

    Args:
        kind: a key of `REGISTRIES`.
        spec: a hub name, a local folder or "scenes"; some kinds take more, see their entries'
            examples.
        device: where it computes: "auto", "cpu", "cuda", "cuda:N" or "mps".
        dtype: in which precision: "auto" (bfloat16 on GPUs that have it, else float32) or a name
            such as "float32".

    Raises:
        InputError: no such device or precision.
        UnknownModelError: no such model.
        OfflineError: the hub cannot be reached.
        CheckpointError: a checkpoint that cannot be used as this kind.
    """
    where = choose_device(device)
    checkpoint = locate(kind, spec)
    load = entry_of(kind, checkpoint).load
    return load(checkpoint, device=where, dtype=choose_dtype(dtype, device=where))


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
    """Find the checkpoint of a spec.

    The architectures whose specs name no folder are asked first; "scenes" is the bundled checkpoint
    of this kind; anything else is a folder or a hub name.

    Raises:
        UnknownModelError: no such model.
        OfflineError: the hub cannot be reached.
        CheckpointError: no readable ``config.json``.
    """
    entries = _entries(kind)
    for entry in entries.values():
        if entry.locate is not None and (own := entry.locate(spec)) is not None:
            return own
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


def _entries(kind: str) -> dict[str, Entry]:
    if kind not in REGISTRIES:
        raise UnknownModelError(f"A kind of model is one of {', '.join(REGISTRIES)}; got {kind!r}.")
    return REGISTRIES[kind]
