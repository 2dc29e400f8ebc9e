"""What segmenters share that prompt a model at a grid of points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import Any, Self

from PIL.Image import Image

from fiftyone_capviz.models.segmenters.automatic_masks import MaskOptions
from fiftyone_capviz.records import Segments


class PromptedSegmenter(ABC):
    """Automatic masks of a frozen model.

    Attributes:
        spec: what the user asked for.
        revision: hub commit or digest of the weights.
        options: grid of prompts and thresholds.
        model: the network.
    """

    def __init__(self, model: Any, *, spec: str, revision: str, options: MaskOptions) -> None:
        self.model = model
        self.spec = spec
        self.revision = revision
        self.options = options

    def with_options(self, options: MaskOptions) -> Self:
        """The same model with other thresholds; no weights are copied."""
        other = copy(self)
        other.options = options
        return other

    @abstractmethod
    def segment(self, image: Image) -> Segments:
        """All masks with their predicted IoU, before any filter of ours.

        Args:
            image: upright RGB.
        """
