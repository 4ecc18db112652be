"""Sixteen bits per channel, rounded to eight.

Pillow has no mode for 16-bit colour: its decoders keep the high byte of each level, which is up
to a level too dark. They keep the low byte when they are told that the bytes lie the other way
round, so that two passes give all sixteen bits.
"""

import sys
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from services.common.pictures.headers import PictureError, PictureFile, Step, eight_bits, open_frame

_BIG, _LITTLE = ";16B", ";16L"
_OTHER_ORDER: Mapping[str, str] = {
    _BIG: _LITTLE,
    _LITTLE: _BIG,
    ";16N": _BIG if sys.byteorder == "little" else _LITTLE,  # N: as the machine has it
}
_COLOURS = ("RGB", "RGBA", "RGBX", "CMYK")
_GREY_WITH_ALPHA = "LA;16B"
_STRIP = 256  # rows at a time: levels take four times the memory that is left of them


def reduced(image: Image.Image, file: PictureFile, steps: list[Step]) -> Image.Image:
    """Decode an opened picture to at most eight bits per channel; notes DEPTH_REDUCED.

    Raises:
        PictureError: levels of more than 16 bits, or floating-point ones.
    """
    raw_mode = _raw_mode(image)
    if image.mode == "F":
        raise PictureError("floating-point levels have no known range; send 8 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        steps.append(Step.DEPTH_REDUCED)
        return _grey(image)
    if raw_mode == _GREY_WITH_ALPHA:
        steps.append(Step.DEPTH_REDUCED)
        return _grey_with_alpha(image)
    if raw_mode[:-4] in _COLOURS and raw_mode[-4:] in _OTHER_ORDER:
        steps.append(Step.DEPTH_REDUCED)
        return _colour(image, open_frame(file, []), raw_mode)
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


def _grey(image: Image.Image) -> Image.Image:
    image.load()
    transparent = image.info.get("transparency")
    result = Image.new("L" if transparent is None else "LA", image.size)
    for top in range(0, image.height, _STRIP):
        levels = np.asarray(image.crop((0, top, image.width, min(image.height, top + _STRIP))))
        if levels.min() < 0 or levels.max() > 65535:
            raise PictureError("levels of more than 16 bits have no known range; send 8 bits")
        grey = eight_bits(levels)
        if transparent is not None:
            opaque = np.where(levels == transparent, 0, 255).astype(np.uint8)
            grey = np.stack([grey, opaque], axis=2)
        result.paste(Image.fromarray(grey), (0, top))
    return result


def _grey_with_alpha(image: Image.Image) -> Image.Image:
    """Four bytes per pixel, read as if they were RGBA: high and low of grey, of alpha."""
    _swap(image, _GREY_WITH_ALPHA, "RGBA")
    image.load()
    result = Image.new("LA", image.size)
    for top in range(0, image.height, _STRIP):
        strip = image.crop((0, top, image.width, min(image.height, top + _STRIP)))
        bytes_HW4 = np.asarray(strip)
        result.paste(_rounded(bytes_HW4[:, :, ::2], bytes_HW4[:, :, 1::2]), (0, top))
    return result


def _colour(high: Image.Image, low: Image.Image, raw_mode: str) -> Image.Image:
    _swap(low, raw_mode, raw_mode[:-4] + _OTHER_ORDER[raw_mode[-4:]])
    high.load()
    low.load()
    transparent = high.info.pop("transparency", None)
    result = Image.new(high.mode if transparent is None else "RGBA", high.size)
    for top in range(0, high.height, _STRIP):
        box = (0, top, high.width, min(high.height, top + _STRIP))
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
