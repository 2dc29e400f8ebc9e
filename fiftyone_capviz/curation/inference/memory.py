"""When a device or the machine runs out of memory."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine ran out of memory."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text
    )


def free_memory() -> None:
    """Give cached blocks back to the device."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
