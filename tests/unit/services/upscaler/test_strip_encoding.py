"""Pictures that are encoded strip by strip, against Pillow's decoding."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from services.common.pictures.encoding import Encoding, Format
from services.common.pictures.headers import PictureError
from services.upscaler.strip_encoding import strip_encoder

LIMIT = 10_000


def encoded(pixels: np.ndarray, encoding: Encoding, rows: int, exif: bytes = b"") -> bytes:
    encoder = strip_encoder(encoding, pixels.shape, max_collected_pixels=LIMIT, exif=exif)
    strips = [encoder.add(pixels[top : top + rows]) for top in range(0, len(pixels), rows)]
    return b"".join(strips) + encoder.finish()


pictures = npst.arrays(
    np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 4))
)


@given(pictures, st.integers(1, 31))
@settings(deadline=None)
def test_png_holds_the_pixels(pixels, rows):
    content = encoded(pixels, Encoding(Format.PNG), rows)
    with Image.open(BytesIO(content)) as image:
        assert image.mode == ("L", "LA", "RGB", "RGBA")[pixels.shape[2] - 1]
        assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


@given(pictures, st.integers(1, 31))
@settings(deadline=None)
def test_raw_is_the_pixels(pixels, rows):
    assert encoded(pixels, Encoding(Format.RAW), rows) == pixels.tobytes()


@pytest.mark.parametrize("format_", [Format.JPEG, Format.WEBP])
def test_what_is_encoded_as_a_whole_equals_pillow(format_):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    content = encoded(pixels, Encoding(format_, quality=80), 7)
    with Image.open(BytesIO(content)) as image:
        assert (image.format, image.size) == (format_.name, (30, 40))
        difference = np.asarray(image).astype(int) - encoded_by_pillow(pixels, format_)
    assert np.abs(difference).max() == 0


def encoded_by_pillow(pixels: np.ndarray, format_: Format) -> np.ndarray:
    content = BytesIO()
    Image.fromarray(pixels).save(content, format_.name, quality=80)
    return np.asarray(Image.open(content)).astype(int)


@pytest.mark.parametrize("format_", [Format.PNG, Format.JPEG, Format.WEBP])
def test_exif_is_carried(format_):
    exif = Image.Exif()
    exif[0x010E] = "a face"
    pixels = np.zeros((4, 4, 3), np.uint8)
    content = encoded(pixels, Encoding(format_), 4, exif.tobytes())
    assert dict(Image.open(BytesIO(content)).getexif()) == {0x010E: "a face"}


def test_a_png_leaves_before_it_is_complete():
    strip = np.random.default_rng(0).integers(0, 256, (64, 2000, 3), np.uint8)
    encoder = strip_encoder(Encoding(Format.PNG), (640, 2000, 3), max_collected_pixels=LIMIT)
    sizes = [len(encoder.add(strip)) for _ in range(10)]
    assert min(sizes) > 0.9 * strip.size


@pytest.mark.parametrize(
    ("format_", "size", "message"),
    [
        (Format.JPEG, (8, 8, 4), "JPEG holds no transparency; choose PNG or WEBP"),
        (Format.JPEG, (1, 65_536, 3), "JPEG holds 65535 pixels a side"),
        (Format.WEBP, (16_384, 1, 3), "WEBP holds 16383 pixels a side"),
        (Format.WEBP, (101, 100, 3), "over the limit of 10000 for WEBP; choose PNG"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_first(format_, size, message):
    with pytest.raises(PictureError, match=message):
        strip_encoder(Encoding(format_), size, max_collected_pixels=LIMIT)
