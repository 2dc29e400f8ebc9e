"""How many layers and heads a checkpoint has, read from its ``config.json`` alone.

For forms and panels: importing torch takes seconds, loading a model more. What is not on this
machine, or does not say, is left unknown; the loaded model knows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from fiftyone_capviz.errors import InputError

_BUNDLED = Path(__file__).parent.parent / "scenes" / "weights"
_SCENES = "scenes"


@dataclass(frozen=True)
class AttentionShape:
    """The cross-attention of a captioner or matcher.

    Attributes:
        layers, heads: how many there are.
        default_layer: zero-based, the one that is attributed by default.
        gradient_layers: of how many, from the first one on, Grad-CAM can be taken; see
            `shape_of` of the interfaces.
    """

    layers: int
    heads: int
    default_layer: int
    gradient_layers: int


def attention_shape(kind: str, spec: str) -> AttentionShape | None:
    """The shape of a checkpoint on this machine; None where it cannot be known without a model.

    Args:
        kind: "captioner" or "matcher".
        spec: a hub name, a local folder or "scenes".
    """
    path = _config_file(kind, spec)
    if path is None or not path.is_file():
        return None
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        text = config["text_config"]
        layers, heads = int(text["num_hidden_layers"]), int(text["num_attention_heads"])
        default = int(config.get("capviz_attribution_layer", layers // 2))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not (layers > 0 and heads > 0 and 0 <= default < layers):
        return None
    reads_first_token = kind == "matcher" and config.get("model_type") == "blip"
    with_gradient = layers - reads_first_token
    return AttentionShape(layers, heads, min(default, max(0, with_gradient - 1)), with_gradient)


def require_gradient(spec: str, layer: int | None, shape: AttentionShape) -> None:
    """Refuse a layer at which Grad-CAM of every word is exactly zero.

    Args:
        spec: the model's name, for the message.
        layer: zero-based; None is the model's default.
        shape: of the model.

    Raises:
        InputError: naming the layer below.
    """
    asked = shape.default_layer if layer is None else layer
    if not shape.gradient_layers <= asked < shape.layers:
        return
    below = shape.gradient_layers - 1
    remedy = f"Choose layer {below}, or " if below >= 0 else "Choose "
    raise InputError(
        f"Grad-CAM of {spec!r} is zero for every word at layer {asked}, its last: of that layer "
        "only the first token reaches the match score. "
        f"{remedy}the method 'cross_attention'."
    )


def _config_file(kind: str, spec: str) -> Path | None:
    if spec == _SCENES:
        return _BUNDLED / kind / "config.json"
    folder = Path(spec).expanduser()
    if folder.is_dir():
        return folder / "config.json"
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(spec, "config.json")
    except HFValidationError:
        return None
    return Path(cached) if isinstance(cached, str) else None
