"""From a picture's file to eight-bit sRGB pixels, whatever it was made of.

Kept is what a picture shows: its first frame, upright, its colours as its ICC profile means them,
its transparency. Grey stays grey. Dropped is what lies beside the pixels. Not read: levels in
floating point or of more than 16 bits, and the chunks gAMA, cHRM and cICP of PNG.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from services.common.pictures.headers import (
    RAW,
    PictureError,
    PictureFile,
    Step,
    open_frame,
    orientation_of,
    upright,
)
from services.upscaler.profiles import to_srgb
from services.upscaler.sixteen_bits import reduced

_KINDS = ("L", "LA", "RGB", "RGBA")  # Pillow's modes of 1, 2, 3 and 4 channels
_STRIP = 256  # rows that are copied at a time: Pillow makes two copies of what it hands out
# What EXIF says about the file rather than about the picture, and is no longer true.
_STALE_TAGS = (
    ExifTags.Base.Orientation,
    ExifTags.Base.ImageWidth,
    ExifTags.Base.ImageLength,
    ExifTags.Base.BitsPerSample,
)
_STALE_EXIF_TAGS = (
    ExifTags.Base.ColorSpace,
    ExifTags.Base.ExifImageWidth,
    ExifTags.Base.ExifImageHeight,
)


@dataclass(frozen=True)
class Picture:
    """A picture as networks and encoders take it."""

    pixels: NDArray[np.uint8]  # [H,W,C], sRGB; C = 1 grey, 2 grey with alpha, 3 RGB, 4 RGBA
    steps: Sequence[Step] = ()  # what was done to it, in order
    exif: bytes = b""  # its EXIF block without what is no longer true; empty: it has none

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        """1 grey, 2 grey with alpha, 3 RGB, 4 RGBA; alpha is straight, not premultiplied."""
        return int(self.pixels.shape[2])


def read_picture(file: PictureFile) -> Picture:
    """Decode a picture whose header was checked. Slow, but for RAW: not for the event loop.

    Raises:
        PictureError: the file is broken or cut short, or has levels without a known range.
    """
    if file.format == RAW:
        shape = (file.height, file.width, file.channels)
        return Picture(np.frombuffer(file.data, np.uint8).reshape(shape))
    steps: list[Step] = []
    try:
        frame = open_frame(file, steps)
        image = reduced(frame, file, steps)
        image = _coloured(image, frame.info.get("icc_profile"), steps)
        image = upright(image, orientation_of(frame), steps)
        return Picture(_pixels(image), tuple(steps), _exif(frame))
    except PictureError:
        raise
    except Exception as error:  # a decoder fed with a broken file raises any type there is
        raise PictureError(f"cannot be decoded: {error}") from error


def _coloured(image: Image.Image, profile: bytes | None, steps: list[Step]) -> Image.Image:
    """The picture in sRGB, in one of _KINDS."""
    image = _plain(image)
    if profile or image.mode == "LAB":
        converted = to_srgb(image, profile)
        if converted is not image:
            steps.append(Step.PROFILE_APPLIED)
            image = converted
    if image.mode not in _KINDS:  # CMYK without a profile, YCbCr
        steps.append(Step.CONVERTED)
        image = image.convert("RGB")
    return image


def _plain(image: Image.Image) -> Image.Image:
    """Palettes and single bits as levels, a transparent colour as alpha."""
    if image.mode in ("P", "PA"):
        grey = _palette_is_grey(image)
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        return image.convert(image.mode.replace("RGB", "L")) if grey else image
    if image.mode in ("1", "L", "RGB") and image.has_transparency_data:
        return image.convert("RGBA" if image.mode == "RGB" else "LA")
    return image.convert("L") if image.mode == "1" else image


def _palette_is_grey(image: Image.Image) -> bool:
    """True if all colours that the picture uses are grey."""
    if image.mode == "PA":
        return False
    palette = np.reshape(image.getpalette("RGB") or [], (-1, 3))
    used = palette[np.flatnonzero(image.histogram()[: len(palette)])]
    return bool((used == used[:, :1]).all())


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of a picture in one of _KINDS, H x W x C."""
    pixels = np.empty((image.height, image.width, 1 + _KINDS.index(image.mode)), np.uint8)
    for top in range(0, image.height, _STRIP):
        rows = pixels[top : top + _STRIP]
        strip = image.crop((0, top, image.width, top + len(rows)))
        rows[:] = np.asarray(strip).reshape(rows.shape)
    return pixels


def _exif(image: Image.Image) -> bytes:
    """The EXIF block, for a picture that is upright, in sRGB and of another size."""
    exif = image.getexif()
    for tag in _STALE_TAGS:
        exif.pop(tag, None)
    details = exif.get_ifd(ExifTags.IFD.Exif)
    for tag in _STALE_EXIF_TAGS:
        details.pop(tag, None)
    return exif.tobytes() if len(exif) else b""
