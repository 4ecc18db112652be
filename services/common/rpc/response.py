"""What the messages of several services have in common."""

from collections.abc import Mapping
from typing import Any

from animegan.image.v1 import image_pb2

from services.common.pictures.encoding import Format
from services.common.rpc.errors import InvalidField, ServiceError

FORMATS: Mapping[Format, image_pb2.ImageFormat.ValueType] = {
    Format.PNG: image_pb2.IMAGE_FORMAT_PNG,
    Format.WEBP: image_pb2.IMAGE_FORMAT_WEBP,
    Format.JPEG: image_pb2.IMAGE_FORMAT_JPEG,
    Format.RAW: image_pb2.IMAGE_FORMAT_RAW,
}


def failure_fields(error: ServiceError) -> dict[str, Any]:
    """The fields of a message `Failure`: what one item of a stream met."""
    code = error.code.value[0]
    if isinstance(error, InvalidField):
        return {"code": code, "message": error.message, "field": error.field}
    return {"code": code, "message": str(error)}
