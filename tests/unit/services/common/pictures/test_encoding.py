"""Our encodings against Pillow's decoders."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from services.common.pictures.encoding import Encoder, Encoding, Format, encode
from services.common.pictures.png import encode_png

LOSSLESS = [Encoding(Format.PNG), Encoding(Format.WEBP)]
LOSSY = [Encoding(Format.JPEG), Encoding(Format.JPEG, 50), Encoding(Format.WEBP, 80)]


def face(channels: int = 3, size: int = 64) -> np.ndarray:
    """A smooth picture with some noise, as a generator draws it."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:size, 0:size] / size
    smooth = [128 + 100 * np.sin(5 * x + c) * np.cos(4 * y) for c in range(channels)]
    return np.clip(np.stack(smooth, 2) + rng.normal(0, 2, (size, size, channels)), 0, 255).astype(
        np.uint8
    )


def decode(data: bytes) -> np.ndarray:
    with Image.open(BytesIO(data)) as image:
        image.load()
        return np.atleast_3d(np.asarray(image))


shapes = st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))


@given(npst.arrays(np.uint8, shapes))
def test_png_decodes_to_the_same_pixels(image_HWC):
    assert np.array_equal(decode(encode_png(image_HWC)), image_HWC)


def test_png_of_a_slice_that_is_not_contiguous():
    image_HWC = face(size=96)[8:72:2, ::-1]
    assert np.array_equal(decode(encode_png(image_HWC)), image_HWC)


def test_png_is_not_larger_than_pillows_fastest():
    file = BytesIO()
    Image.fromarray(face()).save(file, "PNG", compress_level=1)
    assert len(encode_png(face())) <= 1.05 * file.tell()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("encoding", LOSSLESS, ids=lambda e: e.format.name)
def test_lossless_formats(encoding, channels):
    image_HWC = face(channels)
    decoded = decode(encode(image_HWC, encoding))
    # WebP has no grey: three equal channels come back.
    assert np.array_equal(decoded, np.broadcast_to(image_HWC, decoded.shape))


@pytest.mark.parametrize("encoding", LOSSY, ids=str)
def test_lossy_formats_are_close_and_have_the_right_kind(encoding):
    data = encode(face(), encoding)
    assert Image.open(BytesIO(data)).format == encoding.format.name
    assert np.abs(decode(data).astype(int) - face()).mean() < 6


def test_quality_costs_bytes():
    for kind in (Format.JPEG, Format.WEBP):
        sizes = [len(encode(face(), Encoding(kind, quality))) for quality in (1, 50, 100)]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[2]


def test_raw_is_row_major_height_width_channels():
    image_HWC = face()[:10]
    data = encode(image_HWC, Encoding(Format.RAW))
    assert np.array_equal(np.frombuffer(data, np.uint8).reshape(10, 64, 3), image_HWC)


@pytest.mark.parametrize("n", [1, 5], ids=["on the loop", "in threads"])
async def test_a_batch_is_encoded_in_order(n):
    images_NHWC = np.stack([np.roll(face(), 7 * i, axis=1) for i in range(n)])
    encoder = Encoder(threads=2)
    pictures = await encoder.encode(images_NHWC, Encoding())
    encoder.close()
    assert pictures == [encode(image_HWC, Encoding()) for image_HWC in images_NHWC]
