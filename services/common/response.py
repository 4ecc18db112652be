"""What the messages of several services have in common."""

from collections.abc import Mapping

from animegan.image.v1 import image_pb2

from services.common.images import Format

FORMATS: Mapping[Format, image_pb2.ImageFormat.ValueType] = {
    Format.PNG: image_pb2.IMAGE_FORMAT_PNG,
    Format.WEBP: image_pb2.IMAGE_FORMAT_WEBP,
    Format.JPEG: image_pb2.IMAGE_FORMAT_JPEG,
    Format.RAW: image_pb2.IMAGE_FORMAT_RAW,
}
