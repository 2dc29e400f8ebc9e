"""Weights of a TorchScript archive, read without running anything of it.

``torch.jit.save`` writes a zip file of compiled code, raw tensors, and a pickle of the modules that
hold them; OpenAI publishes CLIP so. Here that pickle may name modules, tensors and lists of
numbers; anything else is refused, and the code is never loaded.
"""

from __future__ import annotations

import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from fiftyone_capviz.errors import CheckpointError

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_BROKEN = (zipfile.BadZipFile, pickle.UnpicklingError, KeyError, ValueError, TypeError,
           AttributeError, IndexError, EOFError, RuntimeError, OSError)  # fmt: skip


def is_torchscript(path: Path) -> bool:
    """Whether a file is such an archive."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return any(name.endswith("/constants.pkl") for name in names) and any(
        "/code/" in name for name in names
    )


def load_torchscript(path: Path) -> dict[str, torch.Tensor]:
    """Parameters and buffers by name, as ``torch.jit.load(path).state_dict()`` gives them.

    Raises:
        CheckpointError: damaged, or a pickle that names more than modules and tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            place = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
            with archive.open(place) as file:
                root = _ModuleReader(file, archive, place.removesuffix("data.pkl")).load()
        return dict(_tensors_of(root, ""))
    except (*_BROKEN, StopIteration) as error:
        raise CheckpointError(
            f"{str(path)!r} is not a TorchScript archive of modules and tensors alone ({error}). "
            "Fetch it again, or convert the weights to safetensors on a machine you trust them on."
        ) from error


def code_mentions(path: Path, word: str) -> bool:
    """Whether the archive's code, which is text, holds a word."""
    with zipfile.ZipFile(path) as archive:
        return any(
            word.encode() in archive.read(name)
            for name in archive.namelist()
            if "/code/" in name and name.endswith(".py")
        )


class _Module:
    """Stands for a module of any class; unpickling fills its attributes."""


class _ModuleReader(pickle.Unpickler):
    def __init__(self, file: Any, archive: zipfile.ZipFile, prefix: str) -> None:
        super().__init__(file)
        self._archive, self._prefix = archive, prefix

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return _Module
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> torch.Tensor:
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype):
            raise pickle.UnpicklingError(f"it names a {kind!r}")
        if not count:
            return torch.empty(0, dtype=dtype)
        content = bytearray(self._archive.read(f"{self._prefix}data/{key}"))
        if sys.byteorder != "little":
            raise pickle.UnpicklingError("its numbers are of another byte order")
        return torch.frombuffer(content, dtype=dtype, count=int(count))


def _rebuilt(
    storage: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> torch.Tensor:
    return torch.as_strided(storage, size, stride, offset).clone()


def _itself(value: Any, *_: object) -> Any:
    return value


_LISTS = ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist")
_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
    ("collections", "OrderedDict"): OrderedDict,
    **{("torch.jit._pickle", name): _itself for name in (*_LISTS, "restore_type_tag")},
}


def _tensors_of(module: _Module, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in vars(module).items():
        if isinstance(value, torch.Tensor):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _tensors_of(value, f"{prefix}{name}.")
