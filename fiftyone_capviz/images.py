"""Opens the images that datasets really hold, always as upright 8-bit RGB."""

from __future__ import annotations

import mimetypes
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.records import FloatArray

MAX_PIXELS = 2**28
"""Largest image that is decoded, 268 million pixels: 0.8 GB as RGB."""

_DECODER_ERRORS = (
    OSError,
    SyntaxError,  # a broken PNG chunk
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders raise on damaged files, beside MemoryError, which is not the file's."""

_WITH_ALPHA = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})


def open_image(path: str | os.PathLike[str]) -> Image.Image:
    """Decode an image file.

    EXIF rotation is applied; 16-bit and floating-point pixels are scaled, not clipped, to 8 bits;
    transparency is laid on white; of an animation the first frame is taken.

    Args:
        path: the image file.

    Returns:
        Mode "RGB", fully loaded, the file closed.

    Raises:
        ImageError: the file is missing, empty, truncated, no image, or too large to decode.
    """
    place = Path(path)
    _require_content(place)
    try:
        with Image.open(place) as image:
            _require_size(place, image.size)
            image.load()
            return _to_rgb(_upright(image))
    except UnidentifiedImageError as error:
        raise ImageError(_not_an_image(place)) from error
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large(place, str(error))) from error
    except _DECODER_ERRORS as error:
        raise ImageError(
            f"An image must be whole; {str(place)!r} cannot be decoded ({error}). It is truncated "
            "or damaged: fetch it again, or remove the sample."
        ) from error


def _require_content(place: Path) -> None:
    try:
        size = place.stat().st_size
    except (OSError, ValueError) as error:
        raise ImageError(
            f"An image file must exist and be readable; {str(place)!r} is not "
            f"({_reason(error)}). Correct the sample's filepath, or remove the sample."
        ) from error
    if place.is_dir():
        raise ImageError(
            f"A sample's filepath must name an image file; {str(place)!r} is a folder. Correct "
            "the sample's filepath."
        )
    if size == 0:
        raise ImageError(
            f"An image file must not be empty; {str(place)!r} has 0 bytes. Fetch it again, or "
            "remove the sample."
        )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _require_size(place: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large(place, f"{width} x {height} pixels"))


def _too_large(place: Path, seen: str) -> str:
    return (
        f"An image may have {MAX_PIXELS / 1e6:.0f} million pixels at most; {str(place)!r} has more "
        f"({seen}). Store a smaller copy."
    )


def _not_an_image(place: Path) -> str:
    kind, _ = mimetypes.guess_type(place.name)
    if kind and not kind.startswith("image/"):
        return (
            f"Only images can be read; {str(place)!r} looks like {kind}. Analyse a view of image "
            "samples, or extract the frames first."
        )
    return (
        f"Only images can be read; {str(place)!r} is in no image format that Pillow knows, or is "
        "damaged. Convert it to PNG or JPEG, or fetch it again."
    )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (*_DECODER_ERRORS, ZeroDivisionError):
        return image  # broken EXIF says nothing on the orientation


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _gray(np.asarray(image).astype(float) / 65535)
    if image.mode in ("I", "F"):
        ranges = (255, 65535) if image.mode == "I" else (1, 255, 65535)
        return _gray(_scaled(np.asarray(image).astype(float), ranges))
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        above = image.convert("RGBA")
        paper = Image.new("RGBA", above.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, above).convert("RGB")
    return image.convert("RGB")


def _scaled(values: FloatArray, ranges: tuple[int, ...]) -> FloatArray:
    """To 0..1: by the range that the format means, or by the range that is there."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    for full in ranges:
        if low >= 0 and high <= full:
            return values / full
    return (values - low) / (high - low or 1)


def _gray(shares: FloatArray) -> Image.Image:
    return Image.fromarray((shares * 255).round().astype(np.uint8)).convert("RGB")
