"""What the messages of several services have in common: formats of pictures, and failures."""

from collections.abc import Mapping
from typing import Any

from animegan.image.v1 import image_pb2

from services.common.pictures.encoding import Encoding, Format
from services.common.rpc.errors import InvalidField, ServiceError

FORMATS: Mapping[Format, image_pb2.ImageFormat.ValueType] = {
    Format.PNG: image_pb2.IMAGE_FORMAT_PNG,
    Format.WEBP: image_pb2.IMAGE_FORMAT_WEBP,
    Format.JPEG: image_pb2.IMAGE_FORMAT_JPEG,
    Format.RAW: image_pb2.IMAGE_FORMAT_RAW,
}
_CHOICES: Mapping[int, Format] = {
    image_pb2.IMAGE_FORMAT_UNSPECIFIED: Format.PNG,
    **{number: image_format for image_format, number in FORMATS.items()},
}


def parse_format(field: str, number: int) -> Format:
    """The format that an answer is wanted in; PNG where none is chosen.

    Raises:
        InvalidField: there is no such format.
    """
    if number not in _CHOICES:
        raise InvalidField(field, f"{number} is unknown; choose PNG, WEBP, JPEG or RAW")
    return _CHOICES[number]


def is_raw(field: str, number: int) -> bool:
    """Whether a picture comes as raw pixels; files tell by themselves what they are.

    Raises:
        InvalidField: there is no such format.
    """
    if number not in _CHOICES:
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


def failure_fields(error: ServiceError) -> dict[str, Any]:
    """The fields of a message `Failure`: what one item of a stream met."""
    code = error.code.value[0]
    if isinstance(error, InvalidField):
        return {"code": code, "message": error.message, "field": error.field}
    return {"code": code, "message": str(error)}
