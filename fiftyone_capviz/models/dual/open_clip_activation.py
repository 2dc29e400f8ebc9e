"""Whether weights of open_clip were trained with QuickGELU: what they and their place say of it.

Weights alone do not tell: with the other activation they load, and give vectors that are a little
wrong everywhere. What tells is OpenAI's own format (all of its models use QuickGELU), the hub's
``open_clip_config.json`` beside the weights, the code of a TorchScript archive, and names of files
that open_clip publishes.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from fiftyone_capviz.errors import CheckpointError
from fiftyone_capviz.models.torchscript import code_mentions, is_torchscript

OPENAI_BUFFERS = ("input_resolution", "context_length", "vocab_size")
"""What OpenAI's weights hold beside parameters."""

_SUFFIX = "-quickgelu"


def check_activation(
    open_clip: Any, name: str, path: Path, keys: Collection[str]
) -> tuple[str, ...]:
    """Refuse weights whose activation is known to be another than the named model's.

    Args:
        open_clip: the package.
        name: of the model, which it knows.
        path: the weights.
        keys: names of their tensors.

    Returns:
        What the user must know: that nothing says which activation is right, where open_clip has
        a model of either.

    Raises:
        CheckpointError: the other activation; says which name to give.
    """
    computes = bool((open_clip.get_model_config(name) or {}).get("quick_gelu", False))
    other = name.removesuffix(_SUFFIX) if name.endswith(_SUFFIX) else name + _SUFFIX
    known = other in open_clip.list_models()
    trained, reason = _trained_with(open_clip, path, keys)
    words = {True: "QuickGELU", False: "GELU"}
    if trained is None:
        if not known:
            return ()
        return (
            f"Nothing says whether these weights were trained with GELU or QuickGELU; {name} "
            f"computes with {words[computes]}. If they need {words[not computes]}, as those of "
            f"{'OpenAI' if not computes else 'LAION-2B'} do, name the model {other}.",
        )
    if trained != computes:
        remedy = (
            f"Give open_clip:{other}={path}."
            if known
            else "Use a model of open_clip with that activation, or its version for transformers."
        )
        raise CheckpointError(
            f"Weights need the activation that they were trained with; those in {str(path)!r} "
            f"need {words[trained]} ({reason}), and open_clip's {name} computes with "
            f"{words[computes]}. {remedy}"
        )
    return ()


def _trained_with(open_clip: Any, path: Path, keys: Collection[str]) -> tuple[bool | None, str]:
    """Whether QuickGELU, and what says so; None where nothing does."""
    if all(key in keys for key in OPENAI_BUFFERS):
        return True, "they are in OpenAI's own format"
    if is_torchscript(path) and code_mentions(path, "QuickGELU"):
        return True, "their archive's code says so"
    config = path.with_name("open_clip_config.json")
    if path.name.startswith("open_clip") and config.is_file():
        try:
            model = json.loads(config.read_text(encoding="utf-8")).get("model_cfg", {})
            return bool(model.get("quick_gelu", False)), f"{config.name} beside them says so"
        except (OSError, ValueError, AttributeError):
            pass
    if any("quickgelu" in part.lower() for part in path.parts[-2:]):
        return True, "their name says so"
    published = {
        bool(entry.get("quick_gelu", False))
        for model, tag in open_clip.list_pretrained()
        if (entry := open_clip.get_pretrained_cfg(model, tag))
        and str(entry.get("url") or "").rsplit("/", 1)[-1] == path.name
    }
    if len(published) == 1:
        return published.pop(), "open_clip publishes a file of that name with it"
    return None, ""
