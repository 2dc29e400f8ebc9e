"""Factors kept in main memory within a bound of bytes; the longest unused leave first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import torch

from fiftyone_capviz.attribution.second_order import Factors
from fiftyone_capviz.errors import InputError

Key = TypeVar("Key", bound=Hashable)
Note = TypeVar("Note")


Bits = Literal[16, 32]
"""Per number of a vector that is kept."""

_LARGEST = 32767


@dataclass(frozen=True)
class KeptFactors:
    """Factors as they are kept, on the CPU.

    Attributes:
        vectors: int16, to be multiplied by `scales`: as small as half precision, and ten times as
            exact. Or floats as they were computed.
        scales: of each token, "tokens 1"; None for floats.
        change, unit, has_cls: as in `Factors`, in full precision.
    """

    vectors: torch.Tensor
    scales: torch.Tensor | None
    change: torch.Tensor
    unit: torch.Tensor
    has_cls: bool

    @classmethod
    def of(cls, factors: Factors, bits: Bits) -> KeptFactors:
        """In the precision of the store."""
        own = factors.cpu()
        if bits == 32:
            return cls(own.vectors, None, own.change, own.unit, own.has_cls)
        scales = own.vectors.abs().amax(1, keepdim=True) / _LARGEST
        scales = torch.where(scales > 0, scales, torch.ones_like(scales))
        kept = (own.vectors / scales).round().to(torch.int16)
        return cls(kept, scales, own.change, own.unit, own.has_cls)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        tensors = (self.vectors, self.scales, self.change, self.unit)
        return sum(one.numel() * one.element_size() for one in tensors if one is not None)

    def restored(self) -> Factors:
        """To compute with."""
        vectors = self.vectors if self.scales is None else self.vectors * self.scales
        return Factors(vectors, self.change, self.unit, self.has_cls)


class FactorCache(Generic[Key, Note]):
    """Kept factors by key, each with a note, in the order of their last use.

    Attributes:
        max_bytes: of all factors together.
        nbytes: of those that are here.
    """

    def __init__(self, max_bytes: int) -> None:
        if isinstance(max_bytes, bool) or max_bytes < 1:
            raise InputError(f"max_bytes must be at least 1; got {max_bytes}.")
        self.max_bytes, self.nbytes = max_bytes, 0
        self._kept: OrderedDict[Key, tuple[KeptFactors, Note]] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> tuple[KeptFactors, Note]:
        """What is kept under a key; it becomes the one that leaves last."""
        self._kept.move_to_end(key)
        return self._kept[key]

    def put(self, key: Key, factors: KeptFactors, note: Note) -> None:
        """Keep factors; others leave for them, they themselves stay however large."""
        if key in self._kept:
            self.nbytes -= self._kept.pop(key)[0].nbytes
        self._kept[key] = factors, note
        self.nbytes += factors.nbytes
        while self.nbytes > self.max_bytes and len(self._kept) > 1:
            self.nbytes -= self._kept.popitem(last=False)[1][0].nbytes
