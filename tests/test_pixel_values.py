"""Deep pixels: white is what the file says, or the largest value where that is asked for."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.images import open_image

WHITE_12, WHITE_16 = 4095, 65535


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_significant_bits(path: Path, *bits: int) -> Path:
    """Add the chunk by which a PNG names its significant bits (W3C PNG, 11.3.2.4)."""
    content = path.read_bytes()
    behind_header = 8 + 25
    named = chunk(b"sBIT", bytes(bits))
    path.write_bytes(content[:behind_header] + named + content[behind_header:])
    return path


def ramp(white: int = WHITE_12) -> NDArray[np.uint16]:
    """Every value from 0 to white, about as often."""
    return np.linspace(0, white, 64 * 64).round().astype(np.uint16).reshape(64, 64)


def gray_png(path: Path, values: NDArray[np.uint16], *bits: int) -> Path:
    Image.fromarray(values).save(path)
    return with_significant_bits(path, *bits) if bits else path


def tiff(path: Path, values: NDArray[np.uint16], bits: int) -> Path:
    """A TIFF of one strip whose samples have so many bits, packed (TIFF 6.0, section 2)."""
    height, width = values.shape
    each = ((values.ravel()[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
    rows = np.packbits(each.reshape(height, width * bits), axis=1).tobytes()
    entries = [
        (256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, 1),
        (273, 4, 8), (277, 3, 1), (278, 3, height), (279, 4, len(rows)),
    ]  # fmt: skip
    table = b"".join(struct.pack("<HHIHH" if kind == 3 else "<HHII", tag, kind, 1, *value)
                     for tag, kind, value in
                     ((t, k, (v, 0) if k == 3 else (v,)) for t, k, v in entries))  # fmt: skip
    directory = struct.pack("<H", len(entries)) + table + struct.pack("<I", 0)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(rows)) + rows + directory)
    return path


def seen(path: Path, pixel_range: str = "file") -> NDArray[np.uint8]:
    return np.asarray(open_image(path, pixel_range=pixel_range))


def expected(values: NDArray[np.uint16], white: int) -> NDArray[np.float64]:
    return values / white * 255


def test_twelve_bits_in_a_png_that_names_them(tmp_path: Path) -> None:
    values = (ramp() * 0.416).astype(np.uint16)
    plain = seen(gray_png(tmp_path / "plain.png", values))
    assert plain.mean() == pytest.approx(3.3, abs=0.5)  # 16 bits, as the file says
    named = seen(gray_png(tmp_path / "named.png", values, 12))
    assert named.mean() == pytest.approx(53, abs=1)
    np.testing.assert_allclose(named[..., 0], expected(values, WHITE_12), atol=0.51)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 15])
def test_any_number_of_significant_bits(tmp_path: Path, bits: int) -> None:
    white = 2**bits - 1
    values = ramp(white)
    found = seen(gray_png(tmp_path / "named.png", values, bits))
    np.testing.assert_allclose(found[..., 1], expected(values, white), atol=0.51)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("dark", [False, True])
def test_values_scaled_as_the_standard_asks_are_of_sixteen_bits(
    tmp_path: Path, bits: int, dark: bool
) -> None:
    original = ramp(2**bits - 1)
    if dark:  # the largest value, scaled, still fits into the significant bits
        original = original // 2 ** (16 - bits)
    for scaled in (
        np.rint(original.astype(float) * WHITE_16 / (2**bits - 1)).astype(np.uint16),
        (original << (16 - bits)).astype(np.uint16),
    ):
        found = seen(gray_png(tmp_path / "scaled.png", scaled, bits))
        np.testing.assert_allclose(found[..., 0], expected(scaled, WHITE_16), atol=0.51)


def test_colors_keep_all_their_bits(tmp_path: Path) -> None:
    values = ramp()
    colors = np.stack([values, values[::-1], values.T], axis=-1)
    path = tmp_path / "colors.png"
    assert cv2.imwrite(str(path), colors[..., ::-1])
    assert seen(path).max() <= 16
    found = seen(with_significant_bits(path, 12, 12, 12))
    np.testing.assert_allclose(found, expected(colors, WHITE_12), atol=0.51)
    assert seen(path, "minmax").max() == 255


def test_transparent_deep_colors_are_laid_on_white(tmp_path: Path) -> None:
    values = np.zeros((8, 8, 4), np.uint16)
    values[..., :3], values[:, :4, 3] = 2000, WHITE_16
    path = tmp_path / "clear.png"
    assert cv2.imwrite(str(path), values)
    found = seen(with_significant_bits(path, 12, 12, 12, 16))
    assert found[:, :4].mean() == pytest.approx(2000 / WHITE_12 * 255, abs=1)
    assert found[:, 4:].min() == 255


def test_deep_pixels_are_turned_as_the_file_says(tmp_path: Path) -> None:
    values = ramp()[:32]
    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / "turned.png"
    Image.fromarray(values).save(path, exif=exif)
    found = open_image(with_significant_bits(path, 12))
    assert found.size == (32, 64)
    turned = np.rot90(expected(values, WHITE_12), -1)
    np.testing.assert_allclose(np.asarray(found)[..., 0], turned, atol=0.51)
    assert 274 not in found.getexif()


def test_a_tiff_of_twelve_bits(tmp_path: Path) -> None:
    values = ramp()
    found = seen(tiff(tmp_path / "twelve.tif", values, 12))
    np.testing.assert_allclose(found[..., 0], expected(values, WHITE_12), atol=0.51)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_minmax_spreads_what_no_file_says(tmp_path: Path, suffix: str) -> None:
    values = (ramp() // 2 + 100).astype(np.uint16)
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(values).save(path)
    assert seen(path).max() < 10
    found = seen(path, "minmax")
    spread = (values - values.min()) / np.ptp(values) * 255
    np.testing.assert_allclose(found[..., 0], spread, atol=0.51)


def test_minmax_leaves_eight_bits_alone(tmp_path: Path) -> None:
    values = np.full((4, 4, 3), 100, np.uint8)
    path = tmp_path / "plain.png"
    Image.fromarray(values).save(path)
    np.testing.assert_array_equal(seen(path, "minmax"), values)


def test_deep_colors_that_cannot_be_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "colors.png"
    assert cv2.imwrite(str(path), np.ones((4, 4, 3), np.uint16))
    monkeypatch.setattr(cv2, "imread", lambda *_: None)
    with pytest.raises(ImageError, match="16-bit colours"):
        open_image(path, pixel_range="minmax")
