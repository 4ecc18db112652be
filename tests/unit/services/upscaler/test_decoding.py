"""Files of every mode, depth, format and profile, read as they are meant."""

import struct
import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from services.common.pictures.headers import PictureError, Step, read_header
from services.upscaler.decoding import MAX_PROFILE_BYTES, Picture, read_picture

RNG = np.random.default_rng(11)
MAX_PIXELS = 10_000


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, np.uint8)


def file(image: Image.Image, name: str = "PNG", **options) -> bytes:
    content = BytesIO()
    image.save(content, name, **options)
    return content.getvalue()


def read(content: bytes) -> Picture:
    return read_picture(read_header(content, MAX_PIXELS))


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes, *more: bytes) -> bytes:
    """A PNG of rows that begin with their filter type; `more` are chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [
        chunk(b"IHDR", header),
        *more,
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def unfiltered(levels: np.ndarray) -> bytes:
    """Rows of big-endian levels, each after the filter type 0."""
    return b"".join(b"\0" + row.tobytes() for row in levels.astype(">u2"))


# Channels of the result, and a picture that any lossless format keeps.
KINDS = {
    "L": noise(20, 30),
    "LA": noise(20, 30, 2),
    "RGB": noise(20, 30, 3),
    "RGBA": noise(20, 30, 4),
}


@pytest.mark.parametrize("mode", KINDS)
def test_eight_bits_are_kept_as_they_are(mode):
    pixels = KINDS[mode]
    picture = read(file(Image.fromarray(pixels)))
    assert np.array_equal(picture.pixels, pixels.reshape(20, 30, -1))
    assert picture.steps == ()


@pytest.mark.parametrize("name", ["BMP", "TIFF", "WEBP", "AVIF", "JPEG"])
def test_formats_equal_pillows_own_decoding(name):
    content = file(Image.fromarray(KINDS["RGB"]), name)
    expected = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
    assert np.array_equal(read(content).pixels, expected)


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        (Image.fromarray(KINDS["RGB"]).quantize(16), "RGB"),
        (Image.fromarray(KINDS["L"]).quantize(16), "L"),
        (Image.fromarray(KINDS["L"]).convert("1"), "L"),
    ],
    ids=["palette", "grey palette", "bits"],
)
def test_palettes_and_bits_become_levels(image, mode):
    picture = read(file(image))
    assert np.array_equal(picture.pixels, np.asarray(image.convert(mode)).reshape(20, 30, -1))


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_transparent_colour_becomes_alpha(mode):
    image = (
        Image.fromarray(KINDS["RGB"]).quantize(8) if mode == "P" else Image.fromarray(KINDS[mode])
    )
    transparent = 3 if mode == "P" else image.getpixel((4, 5))
    content = file(image, transparency=transparent)
    expected = np.asarray(Image.open(BytesIO(content)).convert("LA" if mode == "L" else "RGBA"))
    pixels = read(content).pixels
    assert np.array_equal(pixels, expected)
    assert {0, 255} == set(pixels[:, :, -1].flat)


@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_rounded_not_cut(extension, channels):
    """OpenCV writes what Pillow cannot."""
    levels = RNG.integers(0, 65536, (20, 30, channels), np.uint16)
    content = cv2.imencode(
        extension, levels[:, :, [2, 1, 0, 3][:channels]] if channels > 1 else levels
    )[1].tobytes()
    picture = read(content)
    assert np.array_equal(picture.pixels, np.floor(levels / 257 + 0.5))
    assert Step.DEPTH_REDUCED in picture.steps


def test_sixteen_bit_grey_with_alpha():
    levels = RNG.integers(0, 65536, (20, 30, 2), np.uint16)
    picture = read(png(30, 20, 16, 4, unfiltered(levels)))
    assert np.array_equal(picture.pixels, np.floor(levels / 257 + 0.5))


@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (3, 2)])
def test_a_transparent_sixteen_bit_colour(channels, colour_type):
    """Colours that differ from it in their low bytes only are opaque."""
    levels = np.full((4, 4, channels), 0x1234, np.uint16)
    levels[1, 2] += 1
    transparent = chunk(b"tRNS", struct.pack(f">{channels}H", *[0x1234] * channels))
    pixels = read(png(4, 4, 16, colour_type, unfiltered(levels), transparent)).pixels
    assert pixels.shape == (4, 4, channels + 1)
    assert np.argwhere(pixels[:, :, -1] == 255).tolist() == [[1, 2]]


@pytest.mark.parametrize("name", ["TIFF", "JPEG"])
def test_cmyk_becomes_rgb(name):
    content = file(Image.fromarray(KINDS["RGB"]).convert("CMYK"), name)
    picture = read(content)
    assert np.array_equal(picture.pixels, np.asarray(Image.open(BytesIO(content)).convert("RGB")))
    assert picture.steps == (Step.CONVERTED,)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation):
    """Stored as EXIF 2.3 says that each orientation is stored."""
    upright = noise(20, 30, 3)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read(file(Image.fromarray(np.ascontiguousarray(stored)), exif=exif))
    assert np.array_equal(picture.pixels, upright)
    assert picture.steps == (() if orientation == 1 else (Step.ORIENTED,))
    assert 0x0112 not in exif_of(picture)


def exif_of(picture: Picture) -> Image.Exif:
    exif = Image.Exif()
    exif.load(picture.exif)
    return exif


def test_of_exif_stays_what_is_still_true():
    exif = Image.Exif()
    exif[0x010E] = "a face"  # ImageDescription
    exif[0x0100] = 30  # ImageWidth
    picture = read(file(Image.fromarray(noise(20, 30, 3)), exif=exif))
    exif = exif_of(picture)
    assert exif[0x010E] == "a face"
    assert 0x0100 not in exif


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exchanged(profile: bytes, one: bytes, other: bytes) -> bytes:
    """A profile whose tags of two primaries are exchanged: what it calls red is blue."""
    table = profile[:512]
    table = table.replace(one, b"????", 1).replace(other, one, 1).replace(b"????", other, 1)
    return table + profile[512:]


@pytest.mark.parametrize("channels", [3, 4])
def test_profiles_change_colours_to_what_they_mean(channels):
    pixels = noise(20, 30, channels)
    profile = exchanged(SRGB, b"rXYZ", b"bXYZ")
    picture = read(file(Image.fromarray(pixels), icc_profile=profile))
    assert picture.steps == (Step.PROFILE_APPLIED,)
    expected = pixels[:, :, [2, 1, 0, 3][:channels]]
    assert np.abs(picture.pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("profile", [SRGB, b"no profile", SRGB[:200]], ids=["sRGB", "text", "cut"])
def test_srgb_and_broken_profiles_change_nothing(profile):
    picture = read(file(Image.fromarray(KINDS["RGB"]), icc_profile=profile))
    assert np.array_equal(picture.pixels, KINDS["RGB"])
    assert picture.steps == ()


def test_a_profile_for_other_pixels_changes_nothing():
    picture = read(file(Image.fromarray(KINDS["L"]), icc_profile=SRGB))
    assert np.array_equal(picture.pixels[:, :, 0], KINDS["L"])


def test_huge_profiles_are_refused():
    profile = SRGB + bytes(MAX_PROFILE_BYTES)
    content = file(Image.fromarray(noise(4, 4, 3)), "TIFF", icc_profile=profile)
    with pytest.raises(PictureError, match=r"colour profile has .* convert it to sRGB"):
        read(content)


@given(
    st.binary(min_size=1, max_size=8),
    st.integers(0, 10_000),
    st.sampled_from(["PNG", "JPEG", "TIFF"]),
)
@settings(max_examples=150, deadline=None)
def test_damaged_files_are_read_or_refused(garbage, place, name):
    """Nothing but a PictureError, whatever the bytes are."""
    content = bytearray(DAMAGED[name])
    place %= len(content)
    content[place : place + len(garbage)] = garbage
    try:
        picture = read(bytes(content))
    except PictureError:
        return
    assert picture.height * picture.width <= MAX_PIXELS


DAMAGED = {name: file(Image.fromarray(noise(16, 16, 3)), name) for name in ("PNG", "JPEG", "TIFF")}


def test_a_jpeg_of_scans_is_refused_by_its_header():
    content = file(Image.fromarray(noise(16, 16, 3)), "JPEG", progressive=True)
    scan = content.index(b"\xff\xda")
    with pytest.raises(PictureError, match="scans are over the limit of 100"):
        read(content[:scan] + content[scan:-2] * 60 + content[-2:])
