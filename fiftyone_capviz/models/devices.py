"""Chooses where and in which precision a model runs."""

from __future__ import annotations

import torch

from fiftyone_capviz.errors import InputError

DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}


def choose_device(name: str | torch.device = "auto") -> torch.device:
    """The device of this name; "auto" is the first CUDA GPU, else Apple's, else the CPU.

    Args:
        name: "auto", "cpu", "cuda", "cuda:N" or "mps"; or a device, which is returned.

    Raises:
        InputError: no such device on this machine.
    """
    if isinstance(name, torch.device):
        return name
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(
            f"device must be 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'; got {name!r}."
        ) from error
    absent = (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if absent:
        raise InputError(f"This machine has no device {name!r}; use 'auto' or 'cpu'.")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def choose_dtype(name: str | torch.dtype = "auto", *, device: torch.device) -> torch.dtype:
    """The precision of this name; "auto" is bfloat16 on GPUs that have it, else float32.

    Args:
        name: "auto" or a key of `DTYPES`; or a precision, which is returned.
        device: where it will be used.

    Raises:
        InputError: no such precision.
    """
    if isinstance(name, torch.dtype):
        return name
    if name == "auto":
        half = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if half else torch.float32
    if name not in DTYPES:
        raise InputError(f"dtype must be 'auto' or one of {', '.join(DTYPES)}; got {name!r}.")
    return DTYPES[name]
