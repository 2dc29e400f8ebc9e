"""Opens the images that datasets really hold, always as upright 8-bit RGB."""

from __future__ import annotations

import mimetypes
import os
import struct
import threading
import zlib
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.pixel_values import to_rgb

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

_ORIENTATION = 274  # tag of EXIF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SAYS_ORIENTATION = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
"""Where Pillow keeps it of a file: whoever asks for it again would turn the image twice."""

_STUBS = frozenset({"MPEG", "HDF5", "GRIB", "BUFR", "WMF", "EPS"})
"""Formats that Pillow knows by their first bytes, and that hold no pixels it can decode alone."""

_OPENING = threading.Lock()


def open_image(path: str | os.PathLike[str], *, pixel_range: str = "file") -> Image.Image:
    """Decode an image file.

    EXIF rotation is applied; pixels of more than 8 bits are scaled, not clipped, by the rule of
    `pixel_values`; transparency is laid on white; of an animation the first frame is taken.

    Args:
        path: the image file.
        pixel_range: which value of deep pixels is white: what the file says, or "minmax".

    Returns:
        Mode "RGB", fully loaded, the file closed.

    Raises:
        ImageError: the file is missing, empty, truncated, no image, or too large to decode.
    """
    place = Path(path)
    _require_content(place)
    try:
        with _opened(place) as image:
            _require_size(place, image.size)
            image.load()
            return _upright(to_rgb(image, place, pixel_range), image)
    except UnidentifiedImageError as error:
        raise ImageError(_not_an_image(place)) from error
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"An image must be of parts that Pillow decodes; {str(place)!r} has larger ones "
            f"({error}). Store it as a plain PNG or JPEG."
        ) from error
    except _DECODER_ERRORS as error:
        raise ImageError(
            f"An image must be whole; {str(place)!r} cannot be decoded ({error}). It is truncated "
            "or damaged: fetch it again, or remove the sample."
        ) from error


def is_image_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as an image that can be decoded, whatever its name."""
    try:
        with _opened(Path(path)) as image:
            return image.format not in _STUBS
    except (Image.DecompressionBombError, *_DECODER_ERRORS):
        return False


def _opened(place: Path) -> Image.Image:
    """What `Image.open` gives, for images up to `MAX_PIXELS`.

    Pillow refuses from 179 million pixels on, by a setting of the whole process. It is lifted only
    while the header of such an image is read.
    """
    try:
        return Image.open(place)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        with _OPENING:
            usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(place)
            finally:
                Image.MAX_IMAGE_PIXELS = usual


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


def _upright(pixels: Image.Image, source: Image.Image) -> Image.Image:
    """Pixels turned as their file says, which then say nothing more of a turn."""
    try:
        orientation = source.getexif().get(_ORIENTATION)
    except (*_DECODER_ERRORS, ZeroDivisionError):
        orientation = None  # broken EXIF says nothing on the orientation
    for key in _SAYS_ORIENTATION:
        pixels.info.pop(key, None)
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return pixels if turn is None else pixels.transpose(turn)
