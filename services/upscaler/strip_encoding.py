"""Encoding of pictures that come in strips from top to bottom.

PNG and RAW are written as the strips come, so that a large picture never lies in memory whole.
Pillow's JPEG and WebP encoders want all of it: their pictures have a limit.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.common.pictures.encoding import Encoding, Format, encode
from services.common.pictures.headers import PictureError
from services.common.pictures.png import PngWriter

# What the formats themselves hold (ITU T.81, A.1.1; RFC 9649, 2.4).
_LONGEST_SIDE = {Format.JPEG: 65535, Format.WEBP: 16383}


class StripEncoder(Protocol):
    """Encodes one picture. Slow: not for the event loop."""

    def add(self, strip_HWC: NDArray[np.uint8]) -> bytes:
        """Take the next rows, uint8; return what can be sent so far, maybe nothing."""
        ...

    def finish(self) -> bytes:
        """The end of the file, after the last rows."""
        ...


def strip_encoder(
    encoding: Encoding,
    size: tuple[int, int, int],
    *,
    max_collected_pixels: int,
    exif: bytes = b"",
) -> StripEncoder:
    """An encoder for a picture of `size`: height, width, channels.

    Args:
        encoding: format and quality.
        size: of the whole picture; channels are 1 grey, 2 grey with alpha, 3 RGB or 4 RGBA.
        max_collected_pixels: of a picture in a format that is encoded as a whole.
        exif: an EXIF block to put into the file; RAW has no place for it.

    Raises:
        PictureError: the format cannot hold such a picture, or would take too much memory.
    """
    height, width, channels = size
    match encoding.format:
        case Format.PNG:
            return PngWriter(width, height, channels, exif=exif)
        case Format.RAW:
            return _Raw()
        case _:
            check_collected(encoding.format, size, max_collected_pixels)
            return _Collected(encoding, size, exif)


def check_collected(format_: Format, size: tuple[int, int, int], max_collected_pixels: int) -> None:
    """Refuse what a format that is encoded as a whole cannot hold.

    Raises:
        PictureError: names the format, the limit and what to do.
    """
    height, width, channels = size
    if format_ is Format.JPEG and channels in (2, 4):
        raise PictureError("JPEG holds no transparency; choose PNG or WEBP")
    if max(height, width) > (side := _LONGEST_SIDE[format_]):
        raise PictureError(
            f"{format_.name} holds {side} pixels a side, not {width}x{height}; choose PNG"
        )
    if height * width > max_collected_pixels:
        raise PictureError(
            f"{width}x{height} pixels are over the limit of {max_collected_pixels} for "
            f"{format_.name}; choose PNG, which has none"
        )


class _Raw:
    def add(self, strip_HWC: NDArray[np.uint8]) -> bytes:
        return strip_HWC.tobytes()

    def finish(self) -> bytes:
        return b""


class _Collected:
    """Collects the picture and has Pillow encode it."""

    def __init__(self, encoding: Encoding, size: tuple[int, int, int], exif: bytes) -> None:
        self._encoding = encoding
        self._exif = exif
        self._pixels = np.empty(size, np.uint8)
        self._rows = 0

    def add(self, strip_HWC: NDArray[np.uint8]) -> bytes:
        self._pixels[self._rows : self._rows + len(strip_HWC)] = strip_HWC
        self._rows += len(strip_HWC)
        return b""

    def finish(self) -> bytes:
        return encode(self._pixels, self._encoding, exif=self._exif)
