"""Models and explanations of single images, without a dataset.

    encoder = load_model("encoder", "scenes")
    pair = explain_pair(encoder, Image.open("bird.png"), "a red bird on the sand")
    pair.word_maps

Importing this module is cheap: torch is loaded when a function is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from fiftyone_capviz.attribution.pairs.explanation import PairExplanation
    from fiftyone_capviz.models.interfaces import DualEncoder
    from fiftyone_capviz.settings.pairs import PairMethod


def load_model(kind: str, spec: str, *, device: str = "cpu", dtype: str = "auto") -> Any:
    """Load a model by kind and name.

    Args:
        kind: "captioner", "matcher", "segmenter" or "encoder".
        spec: a hub name, a local folder or "scenes"; some kinds take more, see the page on models.
        device: "auto", or a name of torch's.
        dtype: "auto", "float32", "bfloat16" or "float16".

    Raises:
        InputError: no such device or precision.
        UnknownModelError: no such model.
        OfflineError: the hub cannot be reached.
        CheckpointError: a checkpoint that cannot be used as this kind.
    """
    from fiftyone_capviz.models import registry

    return registry.load_model(kind, spec, device=device, dtype=dtype)


def explain_pair(
    encoder: DualEncoder,
    image: Image,
    caption: str,
    *,
    method: PairMethod = "second_order",
    layer: int | None = None,
    text_layer: int | None = None,
    nodes: int = 8,
    seed: int = 0,
) -> PairExplanation:
    """Attribution of every word of a caption on the patches of an image.

    Args:
        encoder: from `load_model`, kind "encoder".
        image: upright RGB.
        caption: any text; the end of one over the model's limit is left out, and `warnings` says
            so.
        method: "second_order", "icam", "itsm_output", "itsm_hidden" or "ilime".
        layer: zero-based block of the image side whose input is attributed; None is the default.
        text_layer: the same of the text side; None is the one that belongs to `layer`.
        nodes: of the quadrature of second-order attribution.
        seed: of ILIME's perturbations.

    Raises:
        InputError: an unknown method or layer, an empty caption, or float16 on the CPU.
    """
    from fiftyone_capviz.attribution.pairs import explain

    return explain.explain_pair(
        encoder,
        image,
        caption,
        method=method,
        layer=layer,
        text_layer=text_layer,
        nodes=nodes,
        seed=seed,
    )
