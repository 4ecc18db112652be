"""Checks requests and turns them into Orders. Every complaint names the field and the remedy."""

from collections.abc import Mapping, Sequence

from animegan.generator.v1 import generator_pb2
from animegan.image.v1 import image_pb2

from services.common.errors import InvalidField
from services.common.images import Encoding, Format
from services.generator.latents import NoiseMode
from services.generator.order import Order

GenerateRequest = generator_pb2.GenerateRequest | generator_pb2.GenerateStreamRequest

MAX_TRUNCATION = 2.0
MAX_STREAM_IMAGES = 2**32 - 1  # what the field `count` holds
_SEEDS = 2**64
# Longer names are not looked up, and not repeated in messages and logs.
_MAX_NAME = 128

_NOISE_MODES: Mapping[int, NoiseMode] = {
    generator_pb2.NOISE_MODE_UNSPECIFIED: NoiseMode.CONSTANT,
    generator_pb2.NOISE_MODE_CONSTANT: NoiseMode.CONSTANT,
    generator_pb2.NOISE_MODE_RANDOM: NoiseMode.RANDOM,
    generator_pb2.NOISE_MODE_NONE: NoiseMode.NONE,
}
_FORMATS: Mapping[int, Format] = {
    image_pb2.IMAGE_FORMAT_UNSPECIFIED: Format.PNG,
    image_pb2.IMAGE_FORMAT_PNG: Format.PNG,
    image_pb2.IMAGE_FORMAT_WEBP: Format.WEBP,
    image_pb2.IMAGE_FORMAT_JPEG: Format.JPEG,
    image_pb2.IMAGE_FORMAT_RAW: Format.RAW,
}


def parse_order(request: GenerateRequest, max_images: int) -> Order:
    """Check everything that can be checked without knowing the model.

    Args:
        request: as it came.
        max_images: how many pictures the call may ask for.

    Raises:
        InvalidField: names the first wrong field.
    """
    return Order(
        model=_model(request),
        seeds=_seeds(request, max_images),
        truncation=_truncation(request),
        noise_mode=_noise_mode(request),
        encoding=_encoding(request),
    )


def _model(request: GenerateRequest) -> str:
    if len(request.model) > _MAX_NAME:
        raise InvalidField("model", f"longer than {_MAX_NAME} characters; see ListModels for names")
    return request.model


def _seeds(request: GenerateRequest, max_images: int) -> Sequence[int]:
    if request.seeds and request.count:
        raise InvalidField("count", "given together with seeds; give one of them")
    if request.seeds:
        if request.base_seed:
            raise InvalidField("base_seed", "goes with count only; put all seeds into seeds")
        _check_number("seeds", len(request.seeds), max_images)
        return tuple(request.seeds)
    if not request.count:
        raise InvalidField("count", "no picture was asked for; give seeds, or a count of 1 or more")
    _check_number("count", request.count, max_images)
    if request.base_seed + request.count > _SEEDS:
        raise InvalidField("base_seed", "base_seed + count is over 2^64; lower one of them")
    return range(request.base_seed, request.base_seed + request.count)


def _check_number(field: str, images: int, max_images: int) -> None:
    if images > max_images:
        raise InvalidField(
            field,
            f"{images} pictures are over the limit of {max_images} per call; "
            "use GenerateStream or several calls",
        )


def _truncation(request: GenerateRequest) -> float | None:
    if not request.HasField("truncation"):
        return None
    if not 0 <= request.truncation <= MAX_TRUNCATION:  # false for NaN, too
        raise InvalidField(
            "truncation", f"{request.truncation:g} is not within 0 and {MAX_TRUNCATION:g}"
        )
    return request.truncation


def _noise_mode(request: GenerateRequest) -> NoiseMode:
    if request.noise_mode not in _NOISE_MODES:
        raise InvalidField(
            "noise_mode", f"{request.noise_mode} is unknown; choose CONSTANT, RANDOM or NONE"
        )
    return _NOISE_MODES[request.noise_mode]


def _encoding(request: GenerateRequest) -> Encoding:
    if request.format not in _FORMATS:
        raise InvalidField("format", f"{request.format} is unknown; choose PNG, WEBP, JPEG or RAW")
    image_format = _FORMATS[request.format]
    if not request.HasField("quality"):
        return Encoding(image_format)
    if image_format not in (Format.JPEG, Format.WEBP):
        raise InvalidField("quality", f"{image_format.name} has none; leave it out, or use JPEG")
    if not 1 <= request.quality <= 100:
        raise InvalidField("quality", f"{request.quality} is not within 1 and 100")
    return Encoding(image_format, request.quality)
