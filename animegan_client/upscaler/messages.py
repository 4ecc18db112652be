"""Python values to requests of the upscaler API."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

from animegan.upscaler.v1 import upscaler_pb2 as pb
from PIL import Image, UnidentifiedImageError

from animegan_client.generator.messages import FORMATS, check_names, chosen, write
from animegan_client.pictures import Picture, image
from animegan_client.upscaler.types import UpscaleOptions

CHUNK_BYTES = 2**18
# Up to here a picture travels in one message each way: less than the service's own limits.
_UNARY_BYTES = 2**22
_UNARY_PIXELS = 2**22


def upscale_options(options: UpscaleOptions) -> pb.UpscaleOptions:
    """What to make of a picture.

    Raises:
        InvalidArgumentError: a value cannot be written into its field.
    """
    check_names(options, UpscaleOptions)
    message = pb.UpscaleOptions()
    for name, value in options.items():
        if value is not None and name != "format":
            write(message, name, value)
    if (image_format := options.get("format")) is not None:
        message.format = chosen("format", image_format, FORMATS)
    return message


def unary_request(picture: Picture, options: pb.UpscaleOptions) -> pb.UpscaleRequest | None:
    """The request for a picture that goes into one message, and its answer, too.

    Returns:
        None for a larger one.

    Raises:
        OSError: the picture's file cannot be read.
        TypeError: it is no picture.
    """
    if isinstance(picture, str | os.PathLike) and Path(picture).stat().st_size > _UNARY_BYTES:
        return None
    request = pb.UpscaleRequest(image=image(picture), options=options)
    if len(request.image.data) > _UNARY_BYTES:
        return None
    scale = options.scale if options.HasField("scale") else 2.0
    return request if _pixels(request) * scale**2 <= _UNARY_PIXELS else None


def parts(picture: Picture, options: pb.UpscaleOptions) -> Iterator[pb.UpscaleStreamRequest]:
    """The messages that bring a picture; a file is read as they are taken.

    Raises:
        As `unary_request`.
    """
    start = pb.Start(options=options)
    if isinstance(picture, str | os.PathLike):
        with Path(picture).open("rb") as file:
            start.size_bytes = os.fstat(file.fileno()).st_size
            yield pb.UpscaleStreamRequest(start=start)
            while chunk := file.read(CHUNK_BYTES):
                yield pb.UpscaleStreamRequest(chunk=chunk)
    else:
        whole = image(picture)
        start.size_bytes = len(whole.data)
        start.format = whole.format
        start.width, start.height, start.channels = whole.width, whole.height, whole.channels
        yield pb.UpscaleStreamRequest(start=start)
        for first in range(0, len(whole.data), CHUNK_BYTES):
            yield pb.UpscaleStreamRequest(chunk=whole.data[first : first + CHUNK_BYTES])
    yield pb.UpscaleStreamRequest(end=pb.End())


def _pixels(request: pb.UpscaleRequest) -> int:
    """How many pixels a picture has, as far as can be told here: the service knows more formats."""
    if request.image.width:
        return request.image.width * request.image.height
    try:
        with Image.open(io.BytesIO(request.image.data)) as picture:
            return picture.width * picture.height
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return 0
