"""Headers that are made to take long are refused soon; those of real files are not."""

import asyncio
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.common.pictures import headers
from services.common.pictures.headers import (
    PictureError,
    open_frame,
    read_header,
    read_header_aside,
)

SIZE = 2**21
MAX_PIXELS = 2**24
PICTURE = Image.fromarray(np.arange(64 * 48 * 3).reshape(64, 48, 3).astype(np.uint8))


def file(name: str, **options) -> bytes:
    buffer = BytesIO()
    PICTURE.save(buffer, name, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(before: bytes = b"", after: bytes = b"", piece: int = 2**16) -> bytes:
    """A PNG with chunks before and after its pixels, those in chunks of `piece` bytes."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 64, 8, 2, 0, 0, 0))
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(PICTURE))
    packed = zlib.compress(rows, 0)
    parts = [chunk(b"IDAT", packed[at : at + piece]) for at in range(0, len(packed), piece)]
    return head + before + b"".join(parts) + after + chunk(b"IEND", b"")


def jpeg(before: bytes) -> bytes:
    content = file("JPEG")
    return content[:2] + before + content[2:]


def gif(before: bytes) -> bytes:
    content = file("GIF")
    palette = 3 * (2 << (content[10] & 7)) if content[10] & 128 else 0
    return content[: 13 + palette] + before + content[13 + palette :]


def tiff(count: int) -> bytes:
    """A TIFF whose strips have `count` offsets."""
    tags = [(256, 8), (257, 8)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    entries += struct.pack("<HHII", 273, 4, count, 100)
    return b"II*\0" + struct.pack("<IH", 8, 3) + entries + bytes(100 + 4 * count)


@pytest.mark.parametrize(
    "content",
    [
        png(before=chunk(b"tEXt", b"a\0b") * (SIZE // 15)),
        jpeg(b"\xff\xfe\0\3x" * (SIZE // 5)),
        jpeg(b"\xff" * SIZE),
        gif(b"\x21\xfe\1x\0" * (SIZE // 5)),
        gif(b"\x21\xfe" + b"\1x" * (SIZE // 2) + b"\0"),
        tiff(2**22 + 1),
    ],
    ids=["png chunks", "jpeg comments", "jpeg fill", "gif comments", "gif comment", "tiff strips"],
)
def test_a_header_of_too_many_pieces_is_refused(content):
    with pytest.raises(PictureError, match="save it anew, without metadata"):
        read_header(content, MAX_PIXELS)


def test_chunks_after_the_pixels_are_refused_too():
    content = png(after=chunk(b"tEXt", b"a\0b") * (SIZE // 15))
    header = read_header(content, MAX_PIXELS)
    with pytest.raises(PictureError, match="save it anew, without metadata"):
        open_frame(header, []).load()


@pytest.mark.parametrize(
    "content",
    [
        png(before=chunk(b"abCd", bytes(2**23))),
        png(piece=16),
        jpeg((b"\xff\xe5\xff\xff" + bytes(65533)) * 100),
        gif(b"\x21\xfe" + b"\xff" * 256 * 1000 + b"\0"),
    ],
    ids=["png chunk", "png pieces", "jpeg segments", "gif comment"],
)
def test_large_metadata_is_accepted(content):
    header = read_header(content, MAX_PIXELS)
    frame = open_frame(header, [])
    frame.load()
    assert frame.size == (48, 64)


@given(st.binary(max_size=30).map(lambda data: data.replace(b"s", b"\xff\xda")), st.integers(1, 9))
def test_scans_are_counted_across_the_parts(data, size):
    with patch.object(headers, "_LARGE", size):
        assert headers._scans(data) == data.count(b"\xff\xda")


@pytest.mark.parametrize("length", [0, 2**21])
async def test_large_headers_are_read_in_a_thread(length):
    content = file("PNG") + bytes(length)
    with ThreadPoolExecutor(1) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        header = await read_header_aside(content, MAX_PIXELS)
        assert header == read_header(content, MAX_PIXELS)
        assert bool(pool._threads) == bool(length)
        with pytest.raises(PictureError, match="no picture"):
            await read_header_aside(bytes(length + 1), MAX_PIXELS)
