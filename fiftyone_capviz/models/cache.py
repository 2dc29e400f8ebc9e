"""Keeps loaded models, so that a process loads each once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from fiftyone_capviz.models.devices import choose_device, choose_dtype
from fiftyone_capviz.models.registry import load_model, viewing_entry

Key = tuple[str, str, str, str]
"""(kind, spec, device, dtype)."""

ModelLoader = Callable[..., Any]


class ModelCache:
    """Models by kind, spec, device and precision; the least recently used leave first.

    Life cycle: made once by whoever owns the process's models, filled by `get` or `use`, emptied
    by `clear`. A model is used by one thread at a time: hold `lock`, or be inside `use`.

    Attributes:
        lock: re-entrant; guards the cache and the use of its models.
        max_bytes: models are dropped beyond this, but never the one that was just asked for.
    """

    def __init__(self, max_bytes: int = 8 << 30, *, load: ModelLoader = load_model) -> None:
        self.lock = threading.RLock()
        self.max_bytes = max_bytes
        self._load = load
        self._models: OrderedDict[Key, Any] = OrderedDict()

    def get(self, kind: str, spec: str, *, device: str = "auto", dtype: str = "auto") -> Any:
        """The model, loaded if it is not here yet.

        Args:
            kind: "captioner", "matcher", "segmenter" or "encoder".
            spec: a hub name, a local folder or "scenes".
            device: "auto", "cpu", "cuda", "cuda:N" or "mps".
            dtype: "auto" or a name such as "float32".

        Raises:
            ModelError: it cannot be loaded; what was in the cache stays.
        """
        where = choose_device(device)
        precision = choose_dtype(dtype, device=where)
        key = (kind, spec, str(where), str(precision))
        with self.lock:
            if key not in self._models:
                self._models[key] = self._loaded(kind, spec, where, precision)
            self._models.move_to_end(key)
            self._evict()
            return self._models[key]

    @contextmanager
    def use(
        self, kind: str, spec: str, *, device: str = "auto", dtype: str = "auto"
    ) -> Iterator[Any]:
        """The model, with the lock held while the block runs."""
        with self.lock:
            yield self.get(kind, spec, device=device, dtype=dtype)

    def clear(self) -> None:
        """Drop every model, and give the GPU's memory back."""
        with self.lock:
            self._models.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @property
    def total_bytes(self) -> int:
        """Bytes of the weights held."""
        with self.lock:
            own = {id(getattr(m, "model", m)): model_bytes(m) for m in self._models.values()}
            return sum(own.values())

    def __len__(self) -> int:
        return len(self._models)

    def __contains__(self, key: Key) -> bool:
        return key in self._models

    def _loaded(self, kind: str, spec: str, device: torch.device, dtype: torch.dtype) -> Any:
        """A new model; one that is a view of another kind shares that one's weights."""
        entry = viewing_entry(kind, spec) if self._load is load_model else None
        if entry is None or entry.viewed is None or entry.view is None:
            return self._load(kind, spec, device=device, dtype=dtype)
        name = str(dtype).removeprefix("torch.")
        return entry.view(self.get(entry.viewed, spec, device=str(device), dtype=name))

    def _evict(self) -> None:
        while len(self._models) > 1 and self.total_bytes > self.max_bytes:
            self._models.popitem(last=False)


def model_bytes(model: object) -> int:
    """Bytes of a model's weights; 0 for one without, such as superpixels."""
    module = model if isinstance(model, torch.nn.Module) else getattr(model, "model", None)
    if not isinstance(module, torch.nn.Module):
        return 0
    tensors = [*module.parameters(), *module.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
