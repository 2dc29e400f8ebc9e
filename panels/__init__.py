"""The plugin's panels: one file, one class, one name in fiftyone.yml."""

from __future__ import annotations

import fiftyone.operators as foo

from .caption_steering import CaptionSteering
from .pair_explainer import PairExplainer
from .segment_gallery import SegmentGallery
from .word_graph import WordGraph

PANELS: tuple[type[foo.Panel], ...] = (
    CaptionSteering,
    PairExplainer,
    SegmentGallery,
    WordGraph,
)

__all__ = ["PANELS"]
