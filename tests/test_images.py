"""Image files as datasets hold them, written here."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fiftyone_capviz import images as module
from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.images import is_image_file, open_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def _quarters(size: int = 16) -> Image.Image:
    """Red, green / blue, white."""
    array = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    array[:half, :half], array[:half, half:] = RED, GREEN
    array[half:, :half], array[half:, half:] = BLUE, WHITE
    return Image.fromarray(array)


def _corners(image: Image.Image) -> list[tuple[int, ...]]:
    right, bottom = image.width - 2, image.height - 2
    spots = [(1, 1), (right, 1), (1, bottom), (right, bottom)]
    return [image.getpixel(spot) for spot in spots]  # type: ignore[misc]


def _near(seen: list[tuple[int, ...]], expected: list[tuple[int, ...]], atol: int = 3) -> bool:
    return bool(np.abs(np.array(seen) - np.array(expected)).max() <= atol)


def _open(path: Path) -> Image.Image:
    image = open_image(path)
    assert image.mode == "RGB"
    path.unlink()  # the file is closed and no longer needed
    image.copy()
    return image


def test_a_plain_image_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "plain.png"
    _quarters().save(path)
    assert _corners(open_image(str(path))) == [RED, GREEN, BLUE, WHITE]
    assert _corners(_open(path)) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int) -> None:
    turns = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    turn = turns[orientation]
    upright = _quarters().resize((32, 16), Image.Resampling.NEAREST)
    stored = upright.transpose(turn) if turn is not None else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    stored.save(path, exif=exif)
    image = _open(path)
    assert image.size == (32, 16)
    assert _corners(image) == [RED, GREEN, BLUE, WHITE]


def test_broken_exif_turns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "broken-exif.jpg"
    _quarters().save(path, quality=95, subsampling=0, exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert _open(path).size == (16, 16)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_deep_pixels_are_scaled_not_clipped(
    tmp_path: Path, dtype: type[np.generic], suffix: str
) -> None:
    full = 1.0 if dtype == np.float32 else 65535
    ramp = np.linspace(0, full, 64 * 4).reshape(4, 64).astype(dtype)
    path = tmp_path / f"deep.{suffix}"
    if suffix == "png" and dtype != np.uint16:
        pytest.skip("PNG holds no such pixels")
    Image.fromarray(ramp).save(path)
    seen = np.asarray(_open(path))[..., 0].ravel()
    np.testing.assert_allclose(seen, np.linspace(0, 255, 256), atol=1)


def test_floating_point_of_any_range_is_spread(tmp_path: Path) -> None:
    path = tmp_path / "heights.tiff"
    Image.fromarray(np.array([[-1000, 0], [np.nan, 1e6]], np.float32)).save(path)
    seen = np.asarray(_open(path))[..., 0]
    assert (seen.min(), seen.max()) == (0, 255)
    constant = tmp_path / "constant.tiff"
    Image.fromarray(np.full((2, 2), -7, np.float32)).save(constant)
    assert np.asarray(_open(constant)).max() == 0


def test_one_bit(tmp_path: Path) -> None:
    path = tmp_path / "bits.png"
    Image.fromarray(np.eye(16, dtype=bool)).save(path)
    np.testing.assert_array_equal(np.asarray(_open(path))[..., 1], np.eye(16) * 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_on_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (8, 4), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 4, 4))
    image.paste((0, 0, 0, 128), (0, 0, 2, 4))
    path = tmp_path / "clear.tiff"
    if mode == "PA":
        path = tmp_path / "clear.png"
        image.quantize(8).save(path)
    else:
        image.convert(mode).save(path)
    row = np.asarray(_open(path))[1, :, 0].tolist()
    assert row[2] == 255
    assert row[0] == pytest.approx(127, abs=1)
    assert row[7] == 0


def test_palette_with_a_transparent_entry(tmp_path: Path) -> None:
    image = _quarters().quantize(4)
    clear = image.getpixel((1, 1))
    path = tmp_path / "palette.png"
    image.save(path, transparency=clear)
    assert _corners(_open(path)) == [WHITE, GREEN, BLUE, WHITE]
    plain = tmp_path / "palette.gif"
    image.save(plain)
    assert _corners(_open(plain)) == [RED, GREEN, BLUE, WHITE]


def test_a_transparent_color_of_rgb(tmp_path: Path) -> None:
    path = tmp_path / "keyed.png"
    _quarters().save(path, transparency=BLUE)
    assert _corners(_open(path)) == [RED, GREEN, WHITE, WHITE]


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_cmyk(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"print.{suffix}"
    _quarters().convert("CMYK").save(path, quality=100)
    assert _near(_corners(_open(path)), [RED, GREEN, BLUE, WHITE], atol=40)


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    others = [Image.new("RGB", (16, 16), color) for color in (BLUE, WHITE)]
    Image.new("RGB", (16, 16), RED).save(path, save_all=True, append_images=others)
    assert _corners(_open(path)) == [RED] * 4


@pytest.mark.parametrize("size", [(1, 1), (12_000, 200), (1, 3000)])
def test_unusual_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "size.png"
    Image.new("RGB", size, GREEN).save(path)
    image = _open(path)
    assert image.size == size
    assert image.getpixel((0, 0)) == GREEN


def _write_bomb(path: Path) -> None:
    """A PNG that says it has 40,000 x 40,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def _write_truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _write_damaged(path: Path) -> None:
    Image.new("RGB", (64, 64)).save(path)
    content = bytearray(path.read_bytes())
    content[40:60] = b"\xff" * 20
    path.write_bytes(bytes(content))


Writer = Callable[[Path], object]
BAD_FILES: list[tuple[str, Writer, str]] = [
    ("missing.jpg", lambda path: None, "must exist"),
    ("empty.jpg", lambda path: path.write_bytes(b""), "0 bytes"),
    ("folder.png", lambda path: path.mkdir(), "is a folder"),
    ("truncated.jpg", _write_truncated, "truncated"),
    ("truncated.png", _write_truncated, "truncated"),
    ("damaged.png", _write_damaged, "damaged"),
    ("film.mp4", lambda path: path.write_bytes(b"\0\0\0\x18ftypmp42" * 9), "looks like video/mp4"),
    ("words.txt", lambda path: path.write_text("hello"), "looks like text/plain"),
    ("words.jpg", lambda path: path.write_text("hello"), "no image format"),
    ("bomb.png", _write_bomb, "million pixels"),
]


@pytest.mark.parametrize(("name", "write", "message"), BAD_FILES, ids=[b[0] for b in BAD_FILES])
def test_what_is_no_image_is_refused(
    tmp_path: Path, name: str, write: Writer, message: str
) -> None:
    """Rule, value seen, remedy."""
    path = tmp_path / name
    write(path)
    with pytest.raises(ImageError, match=message) as caught:
        open_image(path)
    assert name in str(caught.value)
    assert str(caught.value).count(". ") >= 1


def test_our_own_limit_holds_where_that_of_pillow_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    path = tmp_path / "bomb.png"
    _write_bomb(path)
    with pytest.raises(ImageError, match="40000 x 40000"):
        open_image(path)
    assert module.MAX_PIXELS > 100e6


def test_a_path_with_a_null_byte_is_refused() -> None:
    with pytest.raises(ImageError, match="must exist"):
        open_image("a\0b.jpg")


def test_images_above_pillows_limit_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 megapixels are more than Pillow opens, and less than we promise; here in small."""
    path = tmp_path / "large.png"
    _quarters(32).save(path)
    for limit in (800, 100):  # below the first Pillow warns, below half of it it refuses
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with warnings.catch_warnings():
            warnings.simplefilter("error" if limit == 800 else "default")
            assert open_image(path).size == (32, 32)
        assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("limit", [100, 10**9])
def test_what_is_too_large_is_said_with_one_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    path = tmp_path / "larger.png"
    _quarters(32).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    monkeypatch.setattr(module, "MAX_PIXELS", 1000)
    with pytest.raises(ImageError, match=r"0 million pixels at most.*\(32 x 32 pixels\)"):
        open_image(path)


def test_an_image_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    named = tmp_path / "no extension"
    _quarters().save(named, format="WEBP")
    assert is_image_file(named)
    text = tmp_path / "notes"
    text.write_text("no image")
    assert not is_image_file(text)
    assert not is_image_file(tmp_path)
    assert not is_image_file(tmp_path / "missing")
