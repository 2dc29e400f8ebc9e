"""The only place where a loaded model is altered, and only inside a ``with``.

Whatever happens in the block, the model leaves it bit-identical, with no hook on it. While a model
is altered no other thread may use it: callers hold the `ModelCache`'s lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn


@contextmanager
def replaced(
    parents: Sequence[nn.Module], name: str, modules: Sequence[nn.Module]
) -> Iterator[None]:
    """Put ``modules[i]`` in the place of the submodule ``name`` of ``parents[i]``."""
    originals = [getattr(parent, name) for parent in parents]
    try:
        for parent, module in zip(parents, modules, strict=True):
            setattr(parent, name, module)
        yield
    finally:
        for parent, original in zip(parents, originals, strict=True):
            setattr(parent, name, original)
