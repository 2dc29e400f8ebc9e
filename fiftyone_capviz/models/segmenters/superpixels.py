"""Segments without any weights: SLIC superpixels.

Formulas: docs/methods.md, section 1.7.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.loading import Checkpoint
from fiftyone_capviz.records import Segments

SPEC = "superpixels"

SEGMENT_COUNT = 16
"""About as many segments as automatic masks leave of a photograph after the filters."""

WORKING_SIZE = 320
"""Longest side on which SLIC runs; its borders are then drawn at full size."""


class SuperpixelSegmenter:
    """Cuts an image into compact regions of similar color; the same image gives the same cut.

    Attributes:
        spec: "superpixels".
        revision: version of scikit-image, which defines the result.
        count: segments asked for; SLIC makes about as many.
        compactness: how much nearness counts against color; higher is squarer.
    """

    def __init__(self, *, count: int = SEGMENT_COUNT, compactness: float = 20.0) -> None:
        if count < 1 or compactness <= 0:
            raise InputError(
                f"count must be at least 1 and compactness above 0; got {count} and {compactness}."
            )
        self.spec = SPEC
        self.revision = _revision()
        self.count = count
        self.compactness = compactness

    def segment(self, image: Image) -> Segments:
        """A partition of the image; predicted IoU is nan, since nothing predicts it.

        Args:
            image: upright RGB.
        """
        labels = self._labels(image)
        names = np.unique(labels)
        return Segments(labels == names[:, None, None], np.full(len(names), np.nan))

    def _labels(self, image: Image) -> NDArray[np.integer]:
        from skimage.segmentation import slic  # slow to import, and not needed to find the spec

        scale = min(1.0, WORKING_SIZE / max(image.size))
        width, height = (max(1, round(edge * scale)) for edge in image.size)
        small = np.asarray(image.resize((width, height), Resampling.BOX))
        labels: NDArray[np.integer] = slic(
            small,
            n_segments=min(self.count, width * height),
            compactness=self.compactness,
            sigma=1.0,
            start_label=0,
            channel_axis=-1,
        )
        rows = (np.arange(image.height) * height) // image.height
        columns = (np.arange(image.width) * width) // image.width
        return labels[rows[:, None], columns[None, :]]


def locate_superpixels(spec: str) -> Checkpoint | None:
    """The spec "superpixels": there is no file, and the package's version is the revision."""
    if spec != SPEC:
        return None
    return Checkpoint(spec, Path(__file__).parent, {"model_type": SPEC}, _revision())


def load_superpixels(
    checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype
) -> SuperpixelSegmenter:
    """The segmenter with its defaults; it computes on the CPU whatever is asked for."""
    return SuperpixelSegmenter()


def _revision() -> str:
    return f"scikit-image {version('scikit-image')}"
