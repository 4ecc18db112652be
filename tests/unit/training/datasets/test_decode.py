"""Decoding: every common format, every kind of pixel, nothing that is broken or too large."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.unit.training.datasets.pictures import encoded, pixels
from training.datasets.importing.decode import FORMATS, decode
from training.datasets.importing.source import UnusablePictureError

WHOLE = encoded(pixels(0, 32, 32))
LOSSLESS = {"BMP": {}, "DIB": {}, "PNG": {}, "PPM": {}, "TIFF": {}, "WEBP": {"lossless": True}}
LOSSY = {"AVIF": {"quality": 90}, "JPEG": {"quality": 95}}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_give_their_pixels(kind: str) -> None:
    decoded = decode(encoded(pixels(1), kind, **LOSSLESS[kind]))
    np.testing.assert_array_equal(np.asarray(decoded), pixels(1))


@pytest.mark.parametrize("kind", LOSSY)
def test_lossy_formats_give_nearly_their_pixels(kind: str) -> None:
    smooth = np.tile(np.arange(0, 128, 2, dtype=np.uint8)[:, None, None], (1, 64, 3))
    decoded = np.asarray(decode(encoded(smooth, kind, **LOSSY[kind])))
    assert np.abs(decoded.astype(int) - smooth).mean() < 2


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("P", (4, 4), colour) for colour in (0, 1)]
    for frame in frames:
        frame.putpalette([255, 0, 0, 0, 255, 0])
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(content).getpixel((0, 0)) == (255, 0, 0)


def test_every_format_is_tested() -> None:
    assert set(FORMATS) == {*LOSSLESS, *LOSSY, "GIF"}


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    levels = np.array([[0, 257, 32768, 65535]], np.uint16)
    decoded = np.asarray(decode(encoded(Image.fromarray(levels))))
    np.testing.assert_array_equal(decoded[0, :, 0], [0, 1, 128, 255])


@pytest.mark.parametrize(
    ("mode", "kind", "colour", "expected"),
    [
        ("L", "PNG", 90, (90, 90, 90)),
        ("1", "PNG", 1, (255, 255, 255)),
        ("RGBA", "PNG", (200, 0, 0, 0), (255, 255, 255)),
        ("RGBA", "PNG", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", "PNG", (0, 0), (255, 255, 255)),
        ("CMYK", "TIFF", (0, 0, 0, 255), (0, 0, 0)),
        ("CMYK", "TIFF", (0, 0, 0, 0), (255, 255, 255)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb_on_white(
    mode: str, kind: str, colour: object, expected: tuple[int, ...]
) -> None:
    decoded = decode(encoded(Image.new(mode, (3, 3), colour), kind))
    assert decoded.mode == "RGB"
    assert decoded.getpixel((1, 1)) == expected


def test_a_transparent_colour_of_a_palette_becomes_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    decoded = decode(encoded(image, transparency=0))
    assert [decoded.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (40, 50, 60)]


def test_the_orientation_of_a_camera_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    image = np.zeros((16, 32, 3), np.uint8)
    image[:, :16] = 255
    decoded = np.asarray(decode(encoded(image, "JPEG", exif=exif, quality=95)))
    assert decoded.shape == (32, 16, 3)
    assert decoded[:12].mean() > 240 > 15 > decoded[-12:].mean()


@given(st.integers(0, len(WHOLE) - 64))
def test_a_file_cut_short_is_unusable(length: int) -> None:
    with pytest.raises(UnusablePictureError):
        decode(WHOLE[:length])


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_unusable(content: bytes) -> None:
    for head in (b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0", b"BM", b"II*\0"):
        with pytest.raises(UnusablePictureError):
            decode(head + content)


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(UnusablePictureError, match=r"2500000000 pixels|exceeds limit"):
        decode(bomb)


def test_the_cap_on_pixels_is_exact() -> None:
    content = encoded(pixels(2, 5, 4))
    assert decode(content, max_pixels=20).size == (4, 5)
    with pytest.raises(UnusablePictureError, match="20 pixels are more than 19"):
        decode(content, max_pixels=19)


def test_levels_without_a_known_range_are_refused() -> None:
    for levels in (np.full((2, 2), 0.5, np.float32), np.full((2, 2), 70_000, np.int32)):
        with pytest.raises(UnusablePictureError, match="no known range"):
            decode(encoded(Image.fromarray(levels), "TIFF"))
