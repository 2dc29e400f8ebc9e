"""What was computed last, kept up to a number of bytes; the least recently used leaves first.

Features of the images looked at last are kept so that steering one again needs no image encoder.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from fiftyone_capviz.images import open_image

if TYPE_CHECKING:
    import torch

    from fiftyone_capviz.models.interfaces import ImageEncoder

Key = tuple[object, ...]
Value = TypeVar("Value")


class RecentCache(Generic[Value]):
    """Values by what they depend on, for several threads.

    Attributes:
        max_bytes: entries are dropped beyond this, but never the one that was just kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """What was kept under a key; None if it is not here."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def keep(self, key: Key, value: Value, size: int) -> None:
        """Keep something of so many bytes; older ones may leave."""
        with self._lock:
            self._kept[key] = (value, size)
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self._bytes() > self.max_bytes:
                self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)

    def _bytes(self) -> int:
        return sum(size for _, size in self._kept.values())


def file_key(path: str) -> tuple[str, int]:
    """An image file as it is now: another one after a change."""
    place = Path(path)
    return path, place.stat().st_mtime_ns if place.is_file() else 0


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """One encoded image.

    Attributes:
        tensor: "1 1+patches hidden", on the model's device.
        width, height: of the upright image, in pixels.
    """

    tensor: torch.Tensor
    width: int
    height: int


class FeatureCache:
    """Encoded images of any model, up to a number of bytes."""

    def __init__(self, max_bytes: int = 256 << 20) -> None:
        self._recent: RecentCache[ImageFeatures] = RecentCache(max_bytes)

    def features(
        self, model: ImageEncoder, path: str, *, pixel_range: str = "file"
    ) -> ImageFeatures:
        """What ``model.encode`` says of an image file.

        Args:
            model: in use by this thread.
            path: of the image; a file that changed is read again.
            pixel_range: as of `AnalysisOptions`.

        Raises:
            ImageError: it cannot be read.
        """
        of_model = (model.spec, model.revision, str(model.device), str(model.dtype))
        key = (*of_model, pixel_range, *file_key(path))
        found = self._recent.get(key)
        if found is None:
            image = open_image(path, pixel_range=pixel_range)
            found = ImageFeatures(model.encode(model.preprocess([image])), *image.size)
            self._recent.keep(key, found, found.tensor.numel() * found.tensor.element_size())
        return found

    def __len__(self) -> int:
        return len(self._recent)


@lru_cache(maxsize=1)
def feature_cache() -> FeatureCache:
    """The cache of this process."""
    return FeatureCache()
