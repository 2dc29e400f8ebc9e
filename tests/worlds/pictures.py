"""Random pictures for the tests of attribution."""

from __future__ import annotations

import numpy as np
from PIL import Image


def picture(seed: int = 0, width: int = 40, height: int = 40) -> Image.Image:
    """Noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)
