"""Checks of what the requests of several services have in common."""

from collections.abc import Mapping

from animegan.image.v1 import image_pb2

from services.common.pictures.encoding import Encoding, Format
from services.common.rpc.errors import InvalidField

_FORMATS: Mapping[int, Format] = {
    image_pb2.IMAGE_FORMAT_UNSPECIFIED: Format.PNG,
    image_pb2.IMAGE_FORMAT_PNG: Format.PNG,
    image_pb2.IMAGE_FORMAT_WEBP: Format.WEBP,
    image_pb2.IMAGE_FORMAT_JPEG: Format.JPEG,
    image_pb2.IMAGE_FORMAT_RAW: Format.RAW,
}


def parse_format(field: str, number: int) -> Format:
    """The format that an answer is wanted in; PNG where none is chosen.

    Raises:
        InvalidField: there is no such format.
    """
    if number not in _FORMATS:
        raise InvalidField(field, f"{number} is unknown; choose PNG, WEBP, JPEG or RAW")
    return _FORMATS[number]


def is_raw(field: str, number: int) -> bool:
    """Whether a picture comes as raw pixels; files tell by themselves what they are.

    Raises:
        InvalidField: there is no such format.
    """
    if number not in _FORMATS:
        raise InvalidField(field, f"{number} is unknown; leave it out, or RAW")
    return number == image_pb2.IMAGE_FORMAT_RAW


def parse_encoding(number: int, quality: int | None, prefix: str = "") -> Encoding:
    """The format and the quality that an answer is wanted in.

    Args:
        number: of the field `format`.
        quality: the field `quality`, where it is set.
        prefix: what the fields' names begin with in messages, such as "options.".

    Raises:
        InvalidField: there is no such format, or it has no such quality.
    """
    image_format = parse_format(f"{prefix}format", number)
    if quality is None:
        return Encoding(image_format)
    field = f"{prefix}quality"
    if image_format not in (Format.JPEG, Format.WEBP):
        raise InvalidField(field, f"{image_format.name} has none; leave it out, or use JPEG")
    if not 1 <= quality <= 100:
        raise InvalidField(field, f"{quality} is not within 1 and 100")
    return Encoding(image_format, quality)
