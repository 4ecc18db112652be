"""Checks requests and turns them into Orders. Every complaint names the field and the remedy."""

from collections.abc import Mapping, Sequence

from animegan.generator.v1 import generator_pb2

from services.common.rpc.errors import InvalidField
from services.common.rpc.messages import parse_encoding
from services.generator.latents import NoiseMode
from services.generator.types import Order

GenerateRequest = generator_pb2.GenerateRequest | generator_pb2.GenerateStreamRequest

MAX_TRUNCATION = 2.0
MAX_STREAM_IMAGES = 2**32 - 1  # what the field `count` holds
_SEEDS = 2**64
_MAX_SEEDS = 2**16  # in one message: of more, base_seed and count say which, or several calls
# Longer names are not looked up, and not repeated in messages and logs.
_MAX_NAME = 128

_NOISE_MODES: Mapping[int, NoiseMode] = {
    generator_pb2.NOISE_MODE_UNSPECIFIED: NoiseMode.CONSTANT,
    generator_pb2.NOISE_MODE_CONSTANT: NoiseMode.CONSTANT,
    generator_pb2.NOISE_MODE_RANDOM: NoiseMode.RANDOM,
    generator_pb2.NOISE_MODE_NONE: NoiseMode.NONE,
}


def parse_order(request: GenerateRequest, max_images: int) -> Order:
    """Check everything that can be checked without knowing the model.

    Args:
        request: as it came.
        max_images: how many pictures the call may ask for.

    Raises:
        InvalidField: names the first wrong field.
    """
    quality = request.quality if request.HasField("quality") else None
    return Order(
        model=_model(request),
        seeds=_seeds(request, max_images),
        truncation=_truncation(request),
        noise_mode=_noise_mode(request),
        encoding=parse_encoding(request.format, quality),
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
        _check_number("seeds", len(request.seeds), min(max_images, _MAX_SEEDS))
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
            "use GenerateStream, with base_seed and count, or several calls",
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
