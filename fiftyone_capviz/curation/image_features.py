"""Features of the images looked at last, so that steering one again needs no image encoder."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fiftyone_capviz.images import open_image

if TYPE_CHECKING:
    import torch

    from fiftyone_capviz.models.interfaces import ImageEncoder

Key = tuple[str, str, str, str, str, int]
"""(spec, revision, device, dtype, path, time of the file's last change)."""


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """One encoded image.

    Attributes:
        tensor: "1 1+p*p hidden", on the model's device.
        width, height: of the upright image, in pixels.
    """

    tensor: torch.Tensor
    width: int
    height: int


class FeatureCache:
    """Encoded images of any model; the least recently used leave first.

    Attributes:
        max_bytes: features are dropped beyond this, but never those that were just asked for.
    """

    def __init__(self, max_bytes: int = 256 << 20) -> None:
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._features: OrderedDict[Key, ImageFeatures] = OrderedDict()

    def features(self, model: ImageEncoder, path: str) -> ImageFeatures:
        """What ``model.encode`` says of an image file.

        Args:
            model: in use by this thread.
            path: of the image; a file that changed is read again.

        Raises:
            ImageError: it cannot be read.
        """
        changed = Path(path).stat().st_mtime_ns if Path(path).is_file() else 0
        key = (model.spec, model.revision, str(model.device), str(model.dtype), path, changed)
        with self._lock:
            if key in self._features:
                self._features.move_to_end(key)
                return self._features[key]
        image = open_image(path)
        found = ImageFeatures(model.encode(model.preprocess([image])), *image.size)
        with self._lock:
            self._features[key] = found
            while len(self._features) > 1 and self._bytes() > self.max_bytes:
                self._features.popitem(last=False)
        return found

    def __len__(self) -> int:
        return len(self._features)

    def _bytes(self) -> int:
        tensors = [each.tensor for each in self._features.values()]
        return sum(each.numel() * each.element_size() for each in tensors)


@lru_cache(maxsize=1)
def feature_cache() -> FeatureCache:
    """The cache of this process."""
    return FeatureCache()
