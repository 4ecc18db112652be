"""Pictures as callers have them, on their way into a request."""

import io
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from pathlib import Path

from animegan.image.v1 import image_pb2
from PIL import Image

from animegan_client.generator.messages import FORMATS
from animegan_client.generator.types import EncodedImage, GeneratedImage

Picture = bytes | str | os.PathLike[str] | Image.Image | GeneratedImage | EncodedImage
"""The bytes of an image file, its path, a Pillow image, or what a service has answered."""


def image(picture: Picture) -> image_pb2.Image:
    """A picture as it is sent.

    Raises:
        OSError: its file cannot be read.
        TypeError: it is no picture.
    """
    match picture:
        case bytes():
            return image_pb2.Image(data=picture)
        case str() | os.PathLike():
            return image_pb2.Image(data=Path(picture).read_bytes())
        case Image.Image():
            return image_pb2.Image(data=_png(picture))
        case EncodedImage() | GeneratedImage():
            return image_pb2.Image(
                format=FORMATS[picture.format],
                width=picture.width,
                height=picture.height,
                channels=picture.channels,
                data=picture.data,
            )
    raise TypeError(f"{type(picture).__name__} is no picture: give bytes, a path, a Pillow image")


async def each(pictures: Iterable[Picture] | AsyncIterable[Picture]) -> AsyncIterator[Picture]:
    """The pictures, wherever they come from."""
    if isinstance(pictures, AsyncIterable):
        async for picture in pictures:
            yield picture
    else:
        for picture in pictures:
            yield picture


def _png(picture: Image.Image) -> bytes:
    """The picture, without loss."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
