"""Picture files as callers send them: what is accepted, what it costs, which way up it is.

Everything here is decided by the header, before a pixel is decoded. Both services that read
pictures start with `read_header`; what they make of the pixels is their own.
"""

import asyncio
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

# A closed list: Pillow also opens formats that start other programs (EPS) or are seldom tested.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
RAW = "RAW"

_KINDS = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGBA"}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
# A progressive JPEG is decoded scan by scan, each over all of its pixels, and an empty scan takes
# a dozen bytes. Encoders write about ten.
_MAX_SCANS = 100
_START_OF_SCAN = b"\xff\xda"  # ITU T.81, table B.1; never within the data of a scan
# Pillow reads a header piece by piece in Python, 1 to 5 us each, and the pieces may be of a byte:
# 16 MiB of them took 17 s. Headers of cameras and editors take some hundred; of pixels, files of
# many small pieces take one for some kB. What is in the pieces is copied and taken apart, too.
_MAX_HEADER_READS, _MAX_HEADER_BYTES = 10_000, 16 * 2**20
_MAX_READS, _MIN_READ_BYTES = 100_000, 256
_LARGE = 2**20  # bytes; the header of a smaller file takes some ms at most, often 0.1
_TIFF_TILE_WIDTH, _TIFF_TILE_LENGTH, _TIFF_ROWS_PER_STRIP = 322, 323, 278  # TIFF 6.0
# EXIF 2.3, tag Orientation. 1: upright.
_TURNS: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns of odd metadata, and callers' files are full of them: nobody would read that.
warnings.filterwarnings("ignore", module=r"PIL\.")


class PictureError(ValueError):
    """The picture cannot be used; the message says why and what could be."""


class Step(Enum):
    """Something that was done to a picture after it was decoded."""

    FIRST_FRAME = "first frame"
    ORIENTED = "oriented"
    DEPTH_REDUCED = "depth reduced"
    PROFILE_APPLIED = "profile applied"
    FLATTENED = "flattened"
    CONVERTED = "converted"
    CROPPED = "cropped"
    RESIZED = "resized"


@dataclass(frozen=True)
class PictureFile:
    """A picture as it came. Nothing but its header was read."""

    data: bytes
    format: str  # Pillow's name, or RAW
    width: int  # as stored: of a picture that lies on its side, the height
    height: int
    channels: int = 0  # of RAW only


def read_header(data: bytes, max_pixels: int) -> PictureFile:
    """Look at the header of a file.

    Raises:
        PictureError: it is no picture of FORMATS, has more than `max_pixels`, or is made to take
            much more time or memory than its pixels do.
    """
    try:
        file = _Sparing(data, _MAX_HEADER_READS, _MAX_HEADER_BYTES)
        with Image.open(file, formats=FORMATS) as image:
            picture = PictureFile(data, str(image.format), image.width, image.height)
            check_size(picture.width, picture.height, max_pixels)
            _check_cost(image, data, max_pixels)
    except PictureError:
        raise
    except _BOMB as error:
        raise PictureError(f"over the limit of {max_pixels} pixels; send it smaller") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"no picture that can be read; send {', '.join(FORMATS)}") from error
    except Exception as error:  # a parser fed with a broken header raises any type there is
        raise PictureError(f"its header is broken: {error}") from error
    return picture


async def read_header_aside(data: bytes, max_pixels: int) -> PictureFile:
    """`read_header`, in a thread if the file is large enough to hold up the event loop.

    Raises:
        PictureError: see `read_header`.
    """
    if len(data) <= _LARGE:
        return read_header(data, max_pixels)
    return await asyncio.to_thread(read_header, data, max_pixels)


def raw_picture(
    data: bytes,
    width: int,
    height: int,
    channels: int,
    max_pixels: int,
    accepted: Sequence[int] = (1, 3),
) -> PictureFile:
    """A picture that comes as pixels, height x width x channels bytes.

    Args:
        data: rows from top to bottom, channels interleaved.
        width: pixels in a row.
        height: rows.
        channels: 1 grey, 2 grey with alpha, 3 RGB, 4 RGBA.
        max_pixels: the limit of width x height.
        accepted: those numbers of channels that the caller can use.

    Raises:
        PictureError: the sizes contradict the data or are out of bounds.
    """
    check_size(width, height, max_pixels)
    if channels not in accepted:
        choices = " or ".join(f"{number} ({_KINDS[number]})" for number in accepted)
        raise PictureError(f"{channels} channels; send {choices}")
    wanted = width * height * channels
    if len(data) != wanted:
        raise PictureError(
            f"{len(data)} bytes; {height} x {width} x {channels} pixels take {wanted}"
        )
    return PictureFile(data, RAW, width, height, channels)


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse pictures without pixels, and those with too many.

    Raises:
        PictureError: naming the limit.
    """
    if min(width, height) < 1:
        raise PictureError(f"{width}x{height} pixels are no picture")
    if width * height > max_pixels:
        raise PictureError(
            f"{width}x{height} pixels are over the limit of {max_pixels}; send it smaller"
        )


def open_frame(file: PictureFile, steps: list[Step]) -> Image.Image:
    """The first frame of a picture whose header was checked; its pixels are not decoded yet.

    Notes FIRST_FRAME in `steps` where there are others. Decoding raises PictureError where the file
    is made to take much more time than its pixels.
    """
    if file.format == RAW:
        return Image.frombytes(_MODES[file.channels], (file.width, file.height), file.data)
    most_reads = _MAX_READS + len(file.data) // _MIN_READ_BYTES
    image = Image.open(_Sparing(file.data, most_reads), formats=FORMATS)
    if getattr(image, "is_animated", False):
        steps.append(Step.FIRST_FRAME)
    return image


def orientation_of(image: Image.Image) -> int:
    """How a picture lies, as EXIF's tag says: 1 to 8. 1: upright, or it does not say."""
    orientation = image.getexif().get(ExifTags.Base.Orientation)
    return next((turn for turn in _TURNS if turn == orientation), 1)


def upright(image: Image.Image, orientation: int, steps: list[Step]) -> Image.Image:
    """The picture, turned as `orientation` says; notes ORIENTED in `steps`."""
    if orientation not in _TURNS:
        return image
    steps.append(Step.ORIENTED)
    return image.transpose(_TURNS[orientation])


def eight_bits(levels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Levels of 0 .. 65535 as 0 .. 255, rounded to nearest: 257 of the former make one."""
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


class _Sparing(BytesIO):
    """A file that ends the work of who reads it in too many pieces, or too much in pieces."""

    def __init__(self, data: bytes, most_reads: int, most_bytes: int | None = None) -> None:
        """Allow that many reads, of that many bytes together; None: of any number."""
        super().__init__(data)
        self._reads, self._bytes = most_reads, most_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as BytesIO does. Reading all there is at once, for a decoder in C, is free.

        Raises:
            PictureError: this was one too many.
        """
        piece = super().read(size)
        if size is not None and size >= 0:
            self._reads -= 1
            if self._bytes is not None:
                self._bytes -= len(piece)
            if self._reads < 0 or (self._bytes is not None and self._bytes < 0):
                raise PictureError(
                    "it holds too much or too many pieces besides its pixels; "
                    "save it anew, without metadata"
                )
        return piece


def _check_cost(image: Image.Image, data: bytes, max_pixels: int) -> None:
    """Refuse files that take much more time or memory than their pixels.

    Raises:
        PictureError: says what is too much.
    """
    scans = _scans(data) if image.format in ("JPEG", "MPO") else 0
    if scans > _MAX_SCANS:
        raise PictureError(f"{scans} scans are over the limit of {_MAX_SCANS}; save it anew")
    tags = getattr(image, "tag_v2", {})
    tile = tags.get(_TIFF_TILE_WIDTH, 1) * tags.get(_TIFF_TILE_LENGTH, 1)
    if tile > max_pixels:
        raise PictureError(f"tiles of {tile} pixels are over the limit of {max_pixels}")


def _scans(data: bytes) -> int:
    """How many scans a JPEG has; other threads may run meanwhile."""
    overlap = len(_START_OF_SCAN) - 1
    return sum(
        data.count(_START_OF_SCAN, start, start + _LARGE + overlap)
        for start in range(0, len(data), _LARGE)
    )
