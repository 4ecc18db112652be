"""Python values to the generation API's messages and back."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from animegan.generator.v1 import generator_pb2

from animegan_client.errors import InvalidArgumentError
from animegan_client.fields import check_names, chosen, write
from animegan_client.generator.types import (
    GeneratedImage,
    GenerateOptions,
    GenerateResult,
    ModelInfo,
    NoiseMode,
)
from animegan_client.pictures import FORMATS, format_name

_Request = TypeVar("_Request", generator_pb2.GenerateRequest, generator_pb2.GenerateStreamRequest)
_Response = generator_pb2.GenerateResponse | generator_pb2.GenerateStreamResponse

_NOISE_MODES: dict[NoiseMode, generator_pb2.NoiseMode.ValueType] = {
    "constant": generator_pb2.NOISE_MODE_CONSTANT,
    "random": generator_pb2.NOISE_MODE_RANDOM,
    "none": generator_pb2.NOISE_MODE_NONE,
}
_NOISE_NAMES = {number: name for name, number in _NOISE_MODES.items()}

# A stream of any length is asked for in calls of this many seeds: a request stays small, no call
# outlives the service's deadline, new replicas get their share, and a source of seeds without end
# is never read far ahead.
SEEDS_PER_CALL = 4096


def generate_request(options: GenerateOptions) -> generator_pb2.GenerateRequest:
    """The message for a unary call.

    Raises:
        InvalidArgumentError: a value cannot be written into its field. What the service can
            judge (limits, combinations) is left to it: it knows its settings.
    """
    request = _fill(generator_pb2.GenerateRequest(), options)
    return _add_seeds(request, options.get("seeds") or ())


def stream_requests(options: GenerateOptions) -> Iterator[generator_pb2.GenerateStreamRequest]:
    """The messages whose answers, one after the other, are the stream.

    All but the seeds is checked at once; the seeds are read and checked as the messages are taken.

    Raises:
        InvalidArgumentError: as in `generate_request`.
    """
    template = _fill(generator_pb2.GenerateStreamRequest(), options)
    seeds = options.get("seeds")
    if template.count and seeds is None:
        if template.base_seed + template.count > 2**64:
            raise InvalidArgumentError.of("count", "base_seed + count is over 2^64")
        return _with_counts(template)
    return _with_seeds(template, seeds or ())


def generate_result(response: generator_pb2.GenerateResponse) -> GenerateResult:
    """What `generate` returns.

    Raises:
        ServerError: a picture has a format that this client does not know.
    """
    return GenerateResult(response.model, response.model_version, generated_images(response))


def generated_images(response: _Response) -> tuple[GeneratedImage, ...]:
    """The pictures of an answer, or of one message of a stream.

    Raises:
        ServerError: a picture has a format that this client does not know.
    """
    return tuple(_generated_image(response, generated) for generated in response.images)


def model_infos(response: generator_pb2.ListModelsResponse) -> tuple[ModelInfo, ...]:
    """What `list_models` returns. Noise modes that this client cannot ask for are left out."""
    return tuple(_model_info(model) for model in response.models)


def _fill(request: _Request, options: GenerateOptions) -> _Request:
    """Write everything but the seeds into the empty `request`."""
    check_names(options, GenerateOptions)
    for name in ("model", "count", "base_seed", "truncation", "quality"):
        value = options.get(name)
        if value is not None:
            write(request, name, value)
    if (noise_mode := options.get("noise_mode")) is not None:
        request.noise_mode = chosen("noise_mode", noise_mode, _NOISE_MODES)
    if (image_format := options.get("format")) is not None:
        request.format = chosen("format", image_format, FORMATS)
    return request


def _add_seeds(request: _Request, seeds: Iterable[int]) -> _Request:
    try:
        request.seeds.extend(seeds)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError.of("seeds", f"a seed is 0 to 2^64 - 1 ({error})") from error
    return request


def _with_counts(
    template: generator_pb2.GenerateStreamRequest,
) -> Iterator[generator_pb2.GenerateStreamRequest]:
    for start in range(0, template.count, SEEDS_PER_CALL):
        request = generator_pb2.GenerateStreamRequest()
        request.CopyFrom(template)
        request.base_seed = template.base_seed + start
        request.count = min(SEEDS_PER_CALL, template.count - start)
        yield request


def _with_seeds(
    template: generator_pb2.GenerateStreamRequest, seeds: Iterable[int]
) -> Iterator[generator_pb2.GenerateStreamRequest]:
    source = iter(seeds)
    chunk = list(islice(source, SEEDS_PER_CALL))
    while True:
        request = generator_pb2.GenerateStreamRequest()
        request.CopyFrom(template)
        yield _add_seeds(request, chunk)
        chunk = list(islice(source, SEEDS_PER_CALL))
        if not chunk:
            return


def _generated_image(
    response: _Response, generated: generator_pb2.GeneratedImage
) -> GeneratedImage:
    image = generated.image
    return GeneratedImage(
        format=format_name(image.format, f"seed {generated.seed}"),
        width=image.width,
        height=image.height,
        channels=image.channels,
        data=image.data,
        seed=generated.seed,
        model=response.model,
        model_version=generated.model_version,
    )


def _model_info(model: generator_pb2.Model) -> ModelInfo:
    return ModelInfo(
        name=model.name,
        version=model.version,
        description=model.description,
        kind=model.kind,
        resolution=model.resolution,
        channels=model.channels,
        z_dim=model.z_dim,
        supports_truncation=model.supports_truncation,
        default_truncation=model.default_truncation,
        noise_modes=tuple(_NOISE_NAMES[mode] for mode in model.noise_modes if mode in _NOISE_NAMES),
        licence=model.licence,
        dataset=model.dataset,
        dataset_digest=model.dataset_digest,
        model_sha256=model.model_sha256,
        metrics=dict(model.metrics),
        is_default=model.is_default,
    )
