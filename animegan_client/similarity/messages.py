"""Python values to requests of the similarity API."""

import io
import os
from pathlib import Path

from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from PIL import Image

from animegan_client.messages import FORMATS, chosen, write
from animegan_client.similarity.types import Picture, SearchOptions
from animegan_client.types import EncodedImage, GeneratedImage


def query(picture: Picture, options: SearchOptions) -> pb.SearchQuery:
    """The query for one picture.

    Raises:
        InvalidArgumentError: a value cannot be written into its field.
        OSError: the picture's file cannot be read.
    """
    unknown = options.keys() - SearchOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"unknown options: {', '.join(sorted(unknown))}")
    message = pb.SearchQuery(image=image(picture))
    for name, value in options.items():
        if value is not None and name != "thumbnail_format":
            write(message, name, value)
    if (thumbnail_format := options.get("thumbnail_format")) is not None:
        message.thumbnail_format = chosen("thumbnail_format", thumbnail_format, FORMATS)
    return message


def explain_request(
    picture: Picture, other: int | Picture, index: str | None, definition: str | None
) -> pb.ExplainRequest:
    """The request for a pair.

    Raises:
        As `query`.
    """
    request = pb.ExplainRequest(
        image=image(picture), index=index or "", definition=definition or ""
    )
    if isinstance(other, int):
        write(request, "id", other)
    else:
        request.other_image.CopyFrom(image(other))
    return request


def image_request(image_id: int, index: str | None) -> pb.GetImageRequest:
    """The request for an image of an index.

    Raises:
        InvalidArgumentError: `image_id` is no id.
    """
    request = pb.GetImageRequest(index=index or "")
    write(request, "id", image_id)
    return request


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


def _png(picture: Image.Image) -> bytes:
    """The picture, without loss."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
