"""Features of the images looked at last, so that steering one again needs no image encoder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from fiftyone_capviz.curation.recent import RecentCache, file_key
from fiftyone_capviz.images import open_image

if TYPE_CHECKING:
    import torch

    from fiftyone_capviz.models.interfaces import ImageEncoder


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
    """Encoded images of any model, up to a number of bytes."""

    def __init__(self, max_bytes: int = 256 << 20) -> None:
        self._recent: RecentCache[ImageFeatures] = RecentCache(max_bytes)

    def features(self, model: ImageEncoder, path: str) -> ImageFeatures:
        """What ``model.encode`` says of an image file.

        Args:
            model: in use by this thread.
            path: of the image; a file that changed is read again.

        Raises:
            ImageError: it cannot be read.
        """
        key = (model.spec, model.revision, str(model.device), str(model.dtype), *file_key(path))
        found = self._recent.get(key)
        if found is None:
            image = open_image(path)
            found = ImageFeatures(model.encode(model.preprocess([image])), *image.size)
            self._recent.keep(key, found, found.tensor.numel() * found.tensor.element_size())
        return found

    def __len__(self) -> int:
        return len(self._recent)


@lru_cache(maxsize=1)
def feature_cache() -> FeatureCache:
    """The cache of this process."""
    return FeatureCache()
