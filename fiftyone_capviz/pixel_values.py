"""Pixels of any depth as 8-bit RGB, by what their file says of them.

8-bit pixels stay as they are, transparency is laid on white. Of deeper ones, black is 0, and white
is

- in a PNG whose ``sBIT`` chunk names n significant bits: 2^n - 1 where all values fit into n bits,
  as cameras and scanners write them; 65535 where they are scaled to 16 bits, as the PNG standard
  asks;
- in a TIFF with n bits per sample, n at most 16: 2^n - 1;
- in other files of 16 bits: 65535;
- of 32-bit and floating-point pixels, for which files name no white: the smallest of 1 (floats
  only), 255 and 65535 that no value exceeds; where there is none, or a value is negative, the
  smallest value is black and the largest white.

With the pixel range "minmax" the smallest value is black and the largest white in all pixels of
more than 8 bits. That is for files that name no range, or a wrong one, such as 12-bit values in a
PNG that does not say so; every image then has a scale of its own.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fiftyone_capviz.records import FloatArray

_WITH_ALPHA = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})
_FULL = 65535
_FEW = 8
"""Distinct values from which on it is no chance that all of them look scaled to 16 bits."""

_BITS_PER_SAMPLE = 258  # tag of TIFF
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_WITH_ALPHA = (4, 6)


def to_rgb(image: Image.Image, path: Path, pixel_range: str = "file") -> Image.Image:
    """An image as 8-bit RGB; see above for the rule.

    Args:
        image: as Pillow opened it, loaded.
        path: its file, which says more than Pillow tells.
        pixel_range: "file" or "minmax".

    Raises:
        OSError: deep colours that cannot be read.
    """
    spread = pixel_range == "minmax"
    depth, bits = _png_depth(path) if image.format == "PNG" else _tiff_depth(image)
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.int64)
        return _gray(_spread(deep) if spread else deep / _white(deep, bits, image.format))
    if image.mode in ("I", "F"):
        ranges = (255, _FULL) if image.mode == "I" else (1, 255, _FULL)
        values = np.asarray(image).astype(float)
        return _gray(_spread(values) if spread else _scaled(values, ranges))
    if depth > 8 and (spread or bits < depth):  # Pillow keeps the upper 8 bits of deep colours
        return _deep_colors(image, path, bits, spread=spread)
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        above = image.convert("RGBA")
        paper = Image.new("RGBA", above.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, above).convert("RGB")
    return image.convert("RGB")


def _png_depth(path: Path) -> tuple[int, int]:
    """Bits of a stored sample, and how many of them are significant."""
    with path.open("rb") as file:
        if file.read(8) != _PNG_START:
            return 8, 8
        depth, color = 8, 0
        while len(head := file.read(8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            if kind in (b"IDAT", b"IEND") or size > 2**31:
                break
            body = file.read(size)
            file.read(4)  # the checksum, which Pillow has looked at
            if kind == b"IHDR":
                depth, color = body[8], body[9]
            if kind == b"sBIT" and body:
                of_color = body[:-1] if color in _PNG_WITH_ALPHA else body
                named = max(of_color, default=depth)
                return depth, named if 0 < named <= depth else depth
    return depth, depth


def _tiff_depth(image: Image.Image) -> tuple[int, int]:
    """The same of a TIFF, where every stored bit is significant; 8 of other files."""
    named = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE) if image.format == "TIFF" else None
    bits = max(named) if isinstance(named, tuple) and named else 8
    return bits, bits


def _white(values: NDArray[np.int64], bits: int, format: str | None) -> int:
    """Which value of a 16-bit sample is white."""
    white = (1 << bits) - 1
    if not 8 <= bits < 16 or values.max(initial=0) > white:
        return _FULL
    if format == "PNG" and _is_scaled(values, white):
        return _FULL
    return white


def _is_scaled(values: NDArray[np.int64], white: int) -> bool:
    """Whether all of many small values are such as arise from scaling to 16 bits."""
    found = np.unique(values)
    exact = np.rint(np.rint(found * white / _FULL) * _FULL / white)
    shifted = found % (_FULL // white) == 0
    return len(found) > _FEW and bool(shifted.all() or (exact == found).all())


def _deep_colors(
    image: Image.Image, path: Path, bits: int, *, spread: bool
) -> Image.Image:  # fmt: skip
    import cv2

    read: Any = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if read is None or read.dtype != np.uint16 or read.ndim != 3:
        raise OSError("its 16-bit colours cannot be read")
    values = read.astype(np.int64)
    colors, above = values[..., 2::-1], values[..., 3:]
    shares = _spread(colors) if spread else colors / _white(colors, bits, image.format)
    if above.size:
        opacity = above / _FULL
        shares = shares * opacity + (1 - opacity)
    return Image.fromarray((shares * 255).round().astype(np.uint8))


def _scaled(values: FloatArray, ranges: tuple[int, ...]) -> FloatArray:
    """To 0..1: by the range that the format means, or by the range that is there."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    for white in ranges:
        if values.min() >= 0 and values.max() <= white:
            return values / white
    return _spread(values)


def _spread(values: NDArray[Any]) -> FloatArray:
    values = np.nan_to_num(values.astype(float), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    spread: FloatArray = (values - low) / (high - low or 1)
    return spread


def _gray(shares: FloatArray) -> Image.Image:
    return Image.fromarray((shares * 255).round().astype(np.uint8)).convert("RGB")
