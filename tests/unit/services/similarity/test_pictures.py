"""What becomes of a picture's file: checked by its header, prepared as an import does it."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.common.pictures.headers import (
    PictureError,
    PictureFile,
    Step,
    raw_picture,
    read_header,
)
from services.similarity.pictures import prepare, thumbnails
from training.datasets.importing.decode import decode
from training.datasets.importing.framing import Framing, centre_square, cut

MAX = 100_000
RNG = np.random.default_rng(5)


def noise(height: int, width: int, channels: int = 3) -> Image.Image:
    pixels = RNG.integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)


def file(image: Image.Image, name: str = "PNG", **options) -> bytes:
    content = BytesIO()
    image.save(content, name, **options)
    return content.getvalue()


def prepared(content: bytes, shape=(16, 16, 3)):
    return prepare(read_header(content, MAX), shape)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize(
    "content",
    [
        file(noise(30, 20)),
        file(noise(16, 16)),
        file(noise(9, 50), "JPEG", quality=90),
        file(noise(40, 30), "JPEG", exif=exif(6)),
        file(noise(33, 21, 4)),
        file(noise(33, 21, 1)),
        file(noise(20, 20).quantize(16)),
        file(noise(20, 20).convert("CMYK"), "TIFF"),
        file(Image.fromarray(RNG.integers(0, 65536, (20, 24), np.uint16))),
        file(noise(24, 24, 4), "WEBP", lossless=True),
    ],
)
@pytest.mark.parametrize("channels", [3, 1])
def test_a_query_becomes_what_an_import_would_make_of_it(content, channels):
    """The same pixels as `anime-gan dataset import`: a training picture finds itself."""
    image = decode(content)
    framing = Framing(size=16, grey=channels == 1, upscale=True)
    imported = cut(image, centre_square(*image.size), framing)
    assert np.array_equal(prepared(content, (16, 16, channels)).pixels, imported)


def animation() -> bytes:
    frames = [noise(16, 16).quantize(8) for _ in range(3)]
    return file(frames[0], "GIF", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("content", "steps"),
    [
        (file(noise(16, 16)), ()),
        (file(noise(16, 16), exif=exif(1)), ()),
        (file(noise(16, 16), "JPEG", exif=exif(6)), (Step.ORIENTED,)),
        (file(noise(16, 16, 4)), (Step.FLATTENED,)),
        (file(noise(16, 16).convert("RGBA")), ()),  # fully opaque: nothing to do
        (file(noise(16, 16, 1)), (Step.CONVERTED,)),
        (file(noise(16, 16).quantize(8)), (Step.CONVERTED,)),
        (file(noise(16, 24)), (Step.CROPPED,)),
        (file(noise(8, 8)), (Step.RESIZED,)),
        (file(noise(40, 30)), (Step.CROPPED, Step.RESIZED)),
        (animation(), (Step.FIRST_FRAME, Step.CONVERTED)),
    ],
)
def test_the_steps_are_told_in_order(content, steps):
    assert prepared(content).steps == steps


def test_a_grey_picture_for_a_grey_index_is_left_as_it_is():
    image = noise(16, 16, 1)
    result = prepared(file(image), (16, 16, 1))
    assert result.steps == ()
    assert np.array_equal(result.pixels[:, :, 0], np.asarray(image))


@pytest.mark.parametrize(
    ("size", "shape", "box"),
    [((60, 40), (16, 32, 3), (0, 5, 60, 35)), ((60, 40), (32, 16, 3), (20, 0, 40, 40))],
)
def test_the_middle_is_cut_to_the_indexes_aspect_ratio(size, shape, box):
    image = noise(size[1], size[0])
    expected = image.crop(box).resize((shape[1], shape[0]), Image.Resampling.LANCZOS)
    assert np.array_equal(prepared(file(image), shape).pixels, np.asarray(expected))


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises width x height pixels, and nothing of them."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


@pytest.mark.parametrize("side", [317, 9_500, 30_000])
def test_large_pictures_are_refused_by_their_header(side):
    """By our limit, or by those of Pillow, which warns first and raises later."""
    with pytest.raises(PictureError, match=r"over the limit of 100000.*send it smaller"):
        read_header(bomb(side, side), MAX)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0"]
)
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(PictureError, match=r"no picture|broken"):
        read_header(content, MAX)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "BMP"])
def test_what_is_cut_short_is_refused(name):
    content = file(noise(50, 50), name)
    with pytest.raises(PictureError):
        prepare(read_header(content[: len(content) // 2], MAX), (16, 16, 3))


def test_levels_without_a_known_range_are_refused():
    content = file(Image.fromarray(np.zeros((8, 8), np.float32)), "TIFF")
    with pytest.raises(PictureError, match="floating-point"):
        prepared(content)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_damage_is_a_picture_error_or_a_picture(garbage, at):
    content = bytearray(file(Image.new("RGB", (20, 20), "red")))
    content[at : at + len(garbage)] = garbage
    try:
        result = prepared(bytes(content))
    except PictureError as refused:
        assert str(refused)
        return
    assert result.pixels.shape == (16, 16, 3)


def test_raw_pixels():
    picture = raw_picture(bytes(range(12)), 2, 2, 3, MAX)
    assert prepare(picture, (2, 2, 3)).pixels.ravel().tolist() == list(range(12))
    assert isinstance(picture, PictureFile)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((b"abc", 1, 1, 4), "send 1 (grey) or 3 (RGB)"),
        ((b"abcd", 1, 1, 3), "4 bytes; 1 x 1 x 3 pixels take 3"),
        ((b"", 0, 5, 3), "0x5 pixels are no picture"),
        ((b"", 2**31, 2**31, 3), "over the limit"),
    ],
)
def test_raw_pixels_that_make_no_sense(arguments, complaint):
    with pytest.raises(PictureError) as refused:
        raw_picture(*arguments, MAX)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 64, 64, 3), (2, 64, 64, 3)),
        ((3, 256, 512, 1), (3, 64, 128, 1)),
        ((0, 300, 300, 3), (0, 128, 128, 3)),
    ],
)
def test_thumbnails_fit_128_pixels(shape, expected):
    assert thumbnails(np.zeros(shape, np.uint8)).shape == expected
