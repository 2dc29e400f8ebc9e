"""Reads checkpoints: the only module that does.

A checkpoint is a folder in the layout of the Hugging Face hub: ``config.json``, weights, and the
files of tokenizer and image processor. It is found by hub name or by path. Weights come
from safetensors, or from ``torch.load(weights_only=True)``, which runs no code of the file's.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from fiftyone_capviz.errors import CheckpointError, OfflineError, UnknownModelError
from fiftyone_capviz.models.hub import fetch_snapshot
from fiftyone_capviz.models.torchscript import is_torchscript, load_torchscript

WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""Names of the weights in a folder, best first; an index lists the shards of a large model."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_RECOMPUTED = re.compile(r"(^|\.)position_ids$")
"""Buffers that old checkpoints hold and that transformers rebuilds."""

_DIGESTS: dict[tuple[str, int, int], str] = {}
"""SHA-256 per (path, modification time, size): hashing a gigabyte once is enough."""

ModelT = TypeVar("ModelT", bound=PreTrainedModel)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been found, not yet read.

    Attributes:
        spec: what the user asked for: a hub name, a path, or "scenes".
        folder: where it lies now.
        config: its ``config.json``.
        revision: the hub's commit, or a short digest of a local folder's files.
    """

    spec: str
    folder: Path
    config: Mapping[str, Any]
    revision: str

    @property
    def architectures(self) -> tuple[str, ...]:
        """Class names the checkpoint was saved from; empty if it does not say."""
        return tuple(self.config.get("architectures") or ())

    @property
    def model_type(self) -> str:
        """The family in transformers' own words: "blip", "clip", "sam", ..."""
        return str(self.config.get("model_type", ""))


def find_checkpoint(spec: str) -> Checkpoint:
    """Find a checkpoint by path or hub name, fetching it if it must be.

    Args:
        spec: a local folder, or a hub name such as ``Salesforce/blip-itm-base-coco``.

    Raises:
        UnknownModelError: neither a folder nor a hub name, or the hub does not know it.
        OfflineError: the hub cannot be reached.
        CheckpointError: the folder holds no readable ``config.json``.
    """
    folder, revision = resolve_folder(spec)
    return Checkpoint(spec, folder, read_config(folder), revision or fingerprint(folder))


def resolve_folder(spec: str) -> tuple[Path, str | None]:
    """The folder of a checkpoint, and its commit if it comes from the hub."""
    local = Path(spec).expanduser()
    if spec.strip() and local.is_dir():
        return local.resolve(), None
    if local.is_file():
        raise CheckpointError(
            f"A checkpoint of this kind is a folder with config.json and weights; {spec!r} is a "
            "file. Give the folder that holds it."
        )
    if not _HUB_NAME.fullmatch(spec) or spec.startswith((".", "~")):
        raise UnknownModelError(
            f"A model is 'scenes', a local folder or a hub name (owner/name); {spec!r} is none of "
            "these, or the folder does not exist. Check the spelling of the path."
        )
    try:
        return fetch_snapshot(spec, weight_files=WEIGHT_FILES)
    except OSError as error:
        raise OfflineError(
            f"{spec!r} could not be stored in the hub's cache: {error}. Free some space, or "
            "give a local folder, or the bundled model 'scenes'."
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's ``config.json``."""
    path = folder / "config.json"
    if not path.is_file():
        raise CheckpointError(
            f"A checkpoint folder needs config.json; {str(folder)!r} has none. Give the folder "
            "that save_pretrained() wrote."
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{str(path)!r} is not readable JSON ({error}). Fetch the checkpoint again."
        ) from error
    if not isinstance(config, dict):
        raise CheckpointError(
            f"{str(path)!r} must hold a JSON object; it holds a {type(config).__name__}. Fetch "
            "the checkpoint again."
        )
    return config


def require_file(checkpoint: Checkpoint, names: tuple[str, ...], *, purpose: str) -> None:
    """Raise CheckpointError unless the folder has one of these files."""
    if not any((checkpoint.folder / name).is_file() for name in names):
        raise CheckpointError(
            f"{checkpoint.spec!r} has no {purpose}: {' or '.join(names)} is missing. Copy it "
            "into the folder, or save the model again with its processor."
        )


def load_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read weights from a file, or from the best weights of a folder.

    Args:
        path: ``.safetensors``, ``.bin``, ``.pth`` or ``.pt``, or a checkpoint folder.

    Raises:
        CheckpointError: no weights, a corrupt file, or a pickle that would run code.
    """
    if path.is_dir():
        return _load_folder(path)
    if not path.is_file():
        raise CheckpointError(f"No weights at {str(path)!r}. Check the path.")
    if path.suffix == ".safetensors":
        return _load_safetensors(path)
    return _load_pickle(path)


def load_transformer(
    model_class: type[ModelT],
    checkpoint: Checkpoint,
    *,
    config: PreTrainedConfig,
    device: torch.device,
    dtype: torch.dtype,
) -> ModelT:
    """Build a transformers model with every weight from the checkpoint, frozen, in eval mode.

    Raises:
        CheckpointError: the weights do not fit the configuration exactly; a weight that is
            missing is never left at its random initial value.
    """
    state = load_state_dict(checkpoint.folder)
    state = {name: tensor for name, tensor in state.items() if not _RECOMPUTED.search(name)}
    with torch.device("meta"):
        skeleton = model_class._from_config(config)
    _require_fit(skeleton, state, checkpoint.spec)
    with quiet_transformers():
        model = model_class.from_pretrained(None, config=config, state_dict=state, dtype=dtype)
    model = cast("ModelT", model.to(device).eval())
    model.requires_grad_(False)
    return model


def fingerprint(path: Path) -> str:
    """Short digest of what a model computes from: the files of a folder, or one file.

    Returns:
        12 hexadecimal digits; equal folders have equal digests wherever they lie.
    """
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if _counts(p))
    for file in files:
        digest.update(file.name.encode())
        digest.update(_digest(file).encode())
    return digest.hexdigest()[:12]


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without transformers' progress bars and reports, which belong to a terminal."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _load_folder(folder: Path) -> dict[str, torch.Tensor]:
    for name in WEIGHT_FILES:
        path = folder / name
        if not path.is_file():
            continue
        if path.suffix != ".json":
            return load_state_dict(path)
        try:
            shards = sorted(
                set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
            )
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise CheckpointError(
                f"{str(path)!r} is not an index of weights. Fetch the checkpoint again."
            ) from error
        state: dict[str, torch.Tensor] = {}
        for shard in shards:
            state.update(load_state_dict(folder / Path(shard).name))
        return state
    raise CheckpointError(
        f"A checkpoint folder needs one of {', '.join(WEIGHT_FILES)}; {str(folder)!r} has none. "
        "Fetch the checkpoint again."
    )


def _load_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(str(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{str(path)!r} is not a whole safetensors file ({error}). Fetch it again; if it is "
            "a Git LFS pointer, run `git lfs pull`."
        ) from error


def _load_pickle(path: Path) -> dict[str, torch.Tensor]:
    if is_torchscript(path):
        return load_torchscript(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{str(path)!r} holds more than tensors (a pickle with code in it is never run), or "
            "is damaged. Convert the weights to safetensors on a machine you trust them on."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{str(path)!r} is not a whole PyTorch weights file ({error}). Fetch it again."
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise CheckpointError(
            f"{str(path)!r} must map names to tensors; it holds a {type(state).__name__} of other "
            "things. Save model.state_dict() alone, as safetensors."
        )
    return state


def _require_fit(skeleton: PreTrainedModel, state: Mapping[str, torch.Tensor], spec: str) -> None:
    wanted = {name: tensor.shape for name, tensor in skeleton.state_dict().items()}
    # One stored tensor of a tied pair is enough.
    tied = dict(getattr(skeleton, "_tied_weights_keys", None) or {})
    missing = [n for n in wanted if n not in state and tied.get(n) not in state]
    unexpected = [n for n in state if n not in wanted]
    reshaped = [n for n in wanted if n in state and state[n].shape != wanted[n]]
    for names, rule in (
        (missing, "lack weights"),
        (unexpected, "hold weights that the model does not have"),
        (reshaped, "hold weights of another shape than the configuration says"),
    ):
        if names:
            raise CheckpointError(
                f"The weights of {spec!r} do not fit {type(skeleton).__name__}: they {rule}, "
                f"{len(names)} of {len(wanted)}, first {names[0]!r}. Use a checkpoint saved from "
                "this class."
            )


def _counts(path: Path) -> bool:
    return path.is_file() and path.suffix in {".json", ".txt", ".safetensors", ".bin", ".pth"}


def _digest(path: Path) -> str:
    stat = os.stat(path)
    key = (str(path.resolve()), stat.st_mtime_ns, stat.st_size)
    if key not in _DIGESTS:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
        _DIGESTS[key] = digest.hexdigest()
    return _DIGESTS[key]
