"""Pictures, one kind for all services: as callers have them, as they travel, as they come back."""

import io
import os
import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeAlias, Union

from animegan.image.v1 import image_pb2

from animegan_client.errors import ServerError

if TYPE_CHECKING:
    from PIL import Image

ImageFormat = Literal["png", "webp", "jpeg", "raw"]
"""`raw`: uint8, height x width x channels, rows from top to bottom, channels interleaved."""

FORMATS: dict[ImageFormat, image_pb2.ImageFormat.ValueType] = {
    "png": image_pb2.IMAGE_FORMAT_PNG,
    "webp": image_pb2.IMAGE_FORMAT_WEBP,
    "jpeg": image_pb2.IMAGE_FORMAT_JPEG,
    "raw": image_pb2.IMAGE_FORMAT_RAW,
}
_NAMES = {number: name for name, number in FORMATS.items()}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class EncodedImage:
    """A picture."""

    format: ImageFormat
    width: int
    height: int
    channels: int
    """1: grey, 2: grey and alpha, 3: RGB, 4: RGBA."""
    data: bytes = field(repr=False)
    """The encoded file, or with `raw` exactly height * width * channels bytes."""

    def to_pil(self) -> "Image.Image":
        """Decode to a Pillow image of mode L, LA, RGB or RGBA.

        Raises:
            ModuleNotFoundError: Pillow is not installed; the message says what installs it.
        """
        pillow = _pillow()
        image: Image.Image
        if self.format == "raw":
            size = (self.width, self.height)
            image = pillow.frombytes(_MODES[self.channels], size, self.data)
        else:
            image = pillow.open(io.BytesIO(self.data))
            image.load()
        return image


# Not with `|`, which would ask for Pillow's class, and so for Pillow.
Picture: TypeAlias = Union[bytes, str, os.PathLike[str], "Image.Image", EncodedImage]
"""The bytes of an image file, its path, a Pillow image, or what a service has answered."""

Pictures: TypeAlias = Iterable[Picture]
AsyncPictures: TypeAlias = Iterable[Picture] | AsyncIterable[Picture]
"""Any number of them: for the asyncio clients they may come asynchronously."""


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
        case EncodedImage():
            return image_pb2.Image(
                format=FORMATS[picture.format],
                width=picture.width,
                height=picture.height,
                channels=picture.channels,
                data=picture.data,
            )
    # Whoever has such a picture has loaded the module; nobody else needs it.
    if (pillow := sys.modules.get("PIL.Image")) and isinstance(picture, pillow.Image):
        return image_pb2.Image(data=_png(picture))
    raise TypeError(f"{type(picture).__name__} is no picture: give bytes, a path, a Pillow image")


def encoded_image(image: image_pb2.Image) -> EncodedImage:
    """A picture of an answer.

    Raises:
        ServerError: it has a format that this client does not know.
    """
    name = format_name(image.format)
    return EncodedImage(name, image.width, image.height, image.channels, image.data)


def format_name(number: image_pb2.ImageFormat.ValueType, what: str = "a picture") -> ImageFormat:
    """The name of the format of `what`.

    Raises:
        ServerError: this client does not know it.
    """
    if number not in _NAMES:
        raise ServerError(f"{what} came in the unknown image format {number}")
    return _NAMES[number]


def each(pictures: Pictures) -> Iterator[Picture]:
    """The pictures, one after the other."""
    yield from pictures


async def each_async(pictures: AsyncPictures) -> AsyncIterator[Picture]:
    """The pictures, one after the other, wherever they come from."""
    if isinstance(pictures, AsyncIterable):
        async for picture in pictures:
            yield picture
    else:
        for picture in pictures:
            yield picture


def _pillow() -> ModuleType:
    """The module PIL.Image, which an application that only passes files on does not need."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Pillow is not installed, which decodes pictures: pip install 'anime-gan[pictures]'",
            name=error.name,
        ) from error
    return Image


def _png(picture: "Image.Image") -> bytes:
    """The picture, without loss."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
