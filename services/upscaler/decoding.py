"""From a picture's file to eight-bit sRGB pixels, whatever it was made of.

    file ─► first frame ─► eight bits ─► levels, alpha ─► sRGB ─► upright ─► Picture

Kept is what a picture shows: its first frame, upright, its colours as its ICC profile means them,
its transparency. Grey stays grey. Dropped is what lies beside the pixels. Not read: levels in
floating point or of more than 16 bits, and the chunks gAMA, cHRM and cICP of PNG.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from services.common.pictures.headers import (
    RAW,
    PictureError,
    PictureFile,
    Step,
    eight_bits,
    open_frame,
    orientation_of,
    upright,
)

# A large profile takes long to compile. Printers' profiles, the largest in use, have 0.5 to 3 MB.
MAX_PROFILE_BYTES = 4 * 2**20

_KINDS = ("L", "LA", "RGB", "RGBA")  # Pillow's modes of 1, 2, 3 and 4 channels
# Of a strip, worked on at a time: Pillow makes two copies of what it hands out, and levels of 16
# bits take four times the memory that is left of them.
_ROWS = 256

# Pillow's names of how 16-bit levels lie in a file.
_BIG, _LITTLE = ";16B", ";16L"
_OTHER_ORDER: Mapping[str, str] = {
    _BIG: _LITTLE,
    _LITTLE: _BIG,
    ";16N": _BIG if sys.byteorder == "little" else _LITTLE,  # N: as the machine has it
}
_COLOURS = ("RGB", "RGBA", "RGBX", "CMYK")
_GREY_WITH_ALPHA = "LA;16B"

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}  # ICC.1:2022, 7.2.6
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_SAME = 1  # levels: a profile that changes no colour by more is sRGB under another name
_PROBE_STEPS = 9

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
        image = _reduced(frame, file, steps)
        image = _in_srgb(image, frame.info.get("icc_profile"), steps)
        image = upright(image, orientation_of(frame), steps)
        return Picture(_pixels(image), tuple(steps), _exif(frame))
    except PictureError:
        raise
    except Exception as error:  # a decoder fed with a broken file raises any type there is
        raise PictureError(f"cannot be decoded: {error}") from error


def _reduced(image: Image.Image, file: PictureFile, steps: list[Step]) -> Image.Image:
    """Decode an opened picture to at most eight bits per channel, rounded; notes DEPTH_REDUCED.

    Pillow has no mode for 16-bit colour: its decoders keep the high byte of each level, which is up
    to a level too dark. They keep the low byte when they are told that the bytes lie the other way
    round, so that two passes give all sixteen bits.

    Raises:
        PictureError: levels of more than 16 bits, or floating-point ones.
    """
    raw_mode = _raw_mode(image)
    if image.mode == "F":
        raise PictureError("floating-point levels have no known range; send 8 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        steps.append(Step.DEPTH_REDUCED)
        return _grey_16(image)
    if raw_mode == _GREY_WITH_ALPHA:
        steps.append(Step.DEPTH_REDUCED)
        return _grey_with_alpha_16(image)
    if raw_mode[:-4] in _COLOURS and raw_mode[-4:] in _OTHER_ORDER:
        steps.append(Step.DEPTH_REDUCED)
        return _colour_16(image, open_frame(file, []), raw_mode)
    image.load()
    return image


def _raw_mode(image: Image.Image) -> str:
    """How the pixels lie in the file, by Pillow's name; empty if it does not say."""
    tiles = getattr(image, "tile", ())
    args = tiles[0].args if tiles else ""
    mode = args[0] if isinstance(args, tuple) and args else args
    return mode if isinstance(mode, str) else ""


def _swap(image: Image.Image, old: str, new: str) -> None:
    """Let the decoder take the pixels as `new` rather than as `old`."""

    def swapped(args: object) -> object:
        return (new, *args[1:]) if isinstance(args, tuple) else new

    image.tile = [tile._replace(args=swapped(tile.args)) for tile in image.tile]  # type: ignore[attr-defined]


def _grey_16(image: Image.Image) -> Image.Image:
    image.load()
    transparent = image.info.get("transparency")
    result = Image.new("L" if transparent is None else "LA", image.size)
    for top in range(0, image.height, _ROWS):
        levels = np.asarray(image.crop((0, top, image.width, min(image.height, top + _ROWS))))
        if levels.min() < 0 or levels.max() > 65535:
            raise PictureError("levels of more than 16 bits have no known range; send 8 bits")
        grey = eight_bits(levels)
        if transparent is not None:
            opaque = np.where(levels == transparent, 0, 255).astype(np.uint8)
            grey = np.stack([grey, opaque], axis=2)
        result.paste(Image.fromarray(grey), (0, top))
    return result


def _grey_with_alpha_16(image: Image.Image) -> Image.Image:
    """Four bytes per pixel, read as if they were RGBA: high and low of grey, of alpha."""
    _swap(image, _GREY_WITH_ALPHA, "RGBA")
    image.load()
    result = Image.new("LA", image.size)
    for top in range(0, image.height, _ROWS):
        strip = image.crop((0, top, image.width, min(image.height, top + _ROWS)))
        bytes_HW4 = np.asarray(strip)
        result.paste(_rounded(bytes_HW4[:, :, ::2], bytes_HW4[:, :, 1::2]), (0, top))
    return result


def _colour_16(high: Image.Image, low: Image.Image, raw_mode: str) -> Image.Image:
    _swap(low, raw_mode, raw_mode[:-4] + _OTHER_ORDER[raw_mode[-4:]])
    high.load()
    low.load()
    transparent = high.info.pop("transparency", None)
    result = Image.new(high.mode if transparent is None else "RGBA", high.size)
    for top in range(0, high.height, _ROWS):
        box = (0, top, high.width, min(high.height, top + _ROWS))
        pair = np.asarray(high.crop(box)), np.asarray(low.crop(box))
        strip = _rounded(*pair, mode=high.mode)
        if transparent is not None:
            strip.putalpha(_opaque(*pair, transparent))
        result.paste(strip, (0, top))
    return result


def _rounded(
    high: NDArray[np.uint8], low: NDArray[np.uint8], mode: str | None = None
) -> Image.Image:
    levels = eight_bits(_levels(high, low))
    if mode == "CMYK":
        return Image.frombuffer(mode, levels.shape[1::-1], levels.tobytes())
    return Image.fromarray(levels)


def _levels(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return (high.astype(np.uint16) << np.uint16(8)) | low


def _opaque(
    high: NDArray[np.uint8], low: NDArray[np.uint8], transparent: tuple[int, ...]
) -> Image.Image:
    """Alpha of a picture with one colour, of three 16-bit levels, that is transparent."""
    matches = (_levels(high, low) == np.asarray(transparent)).all(axis=2)
    return Image.fromarray(np.where(matches, 0, 255).astype(np.uint8))


def _in_srgb(image: Image.Image, profile: bytes | None, steps: list[Step]) -> Image.Image:
    """The picture in sRGB, in one of _KINDS."""
    image = _plain(image)
    if profile or image.mode == "LAB":
        converted = _by_profile(image, profile)
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


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture of mode L, LA, RGB, RGBA, CMYK or LAB in sRGB; grey stays grey.

    Args:
        image: as decoded.
        profile: the ICC profile that came with it; None for LAB, which needs none.

    Returns:
        `image` itself where the profile is unreadable, is for another kind of pixels or is sRGB;
        browsers do the same.

    Raises:
        PictureError: the profile is too large.
    """
    if profile and len(profile) > MAX_PROFILE_BYTES:
        raise PictureError(
            f"its colour profile has {len(profile)} bytes, over the limit of {MAX_PROFILE_BYTES}; "
            "convert it to sRGB"
        )
    mode = image.mode.removesuffix("A")
    transform = _transform(mode, profile)
    if transform is None or (mode == "RGB" and _is_identity(transform)):
        return image
    if image.mode in ("LA", "RGBA"):
        converted = _applied(image.convert(mode), transform)
        converted.putalpha(image.getchannel("A"))
        return converted
    return _applied(image, transform)


def _transform(mode: str, profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """From the profile to sRGB; None if it is not for pixels of this mode, or broken."""
    try:
        source = (
            ImageCms.ImageCmsProfile(BytesIO(profile))
            if profile
            else ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        )
        if source.profile.xcolor_space.strip() != _SPACES.get(mode):
            return None
        target = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(source, target, mode, "RGB", _INTENT, _FLAGS)
    except (OSError, ImageCms.PyCMSError):
        return None


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """True if colours all over the cube stay where they are."""
    steps = np.linspace(0, 255, _PROBE_STEPS).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    converted = np.asarray(transform.apply(Image.fromarray(cube)))
    return bool(np.abs(converted.astype(int) - cube).max() <= _SAME)


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    """The picture in sRGB: mode L for L, whose colours are neutral, else RGB."""
    converted = transform.apply(image)
    return converted.getchannel("G") if image.mode == "L" else converted


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of a picture in one of _KINDS, H x W x C."""
    pixels = np.empty((image.height, image.width, 1 + _KINDS.index(image.mode)), np.uint8)
    for top in range(0, image.height, _ROWS):
        rows = pixels[top : top + _ROWS]
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
