"""Python values to the upscaler API's messages and back."""

import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from animegan.upscaler.v1 import upscaler_pb2 as pb

from animegan_client.errors import Failure, ServerError
from animegan_client.fields import check_names, chosen, write
from animegan_client.pictures import FORMATS, Picture, encoded_image, format_name, image
from animegan_client.status import from_failure
from animegan_client.upscaler.types import (
    Done,
    Header,
    MethodInfo,
    ModelInfo,
    Part,
    Progress,
    Provenance,
    Stage,
    Step,
    UpscaleOptions,
    UpscaleResult,
)

CHUNK_BYTES = 2**18
# Up to here a picture travels in one message each way: less than the service's own limits.
_UNARY_BYTES = 2**22
_UNARY_PIXELS = 2**22


def upscale_options(options: UpscaleOptions) -> pb.UpscaleOptions:
    """What to make of a picture.

    Raises:
        InvalidArgumentError: a value cannot be written into its field.
    """
    check_names(options, UpscaleOptions)
    message = pb.UpscaleOptions()
    for name, value in options.items():
        if value is not None and name != "format":
            write(message, name, value)
    if (image_format := options.get("format")) is not None:
        message.format = chosen("format", image_format, FORMATS)
    return message


def unary_request(picture: Picture, options: pb.UpscaleOptions) -> pb.UpscaleRequest | None:
    """The request for a picture that goes into one message, and its answer, too.

    Returns:
        None for a larger one.

    Raises:
        OSError: the picture's file cannot be read.
        TypeError: it is no picture.
    """
    if isinstance(picture, str | os.PathLike) and Path(picture).stat().st_size > _UNARY_BYTES:
        return None
    request = pb.UpscaleRequest(image=image(picture), options=options)
    if len(request.image.data) > _UNARY_BYTES:
        return None
    scale = options.scale if options.HasField("scale") else 2.0
    return request if _pixels(request) * scale**2 <= _UNARY_PIXELS else None


def stream_requests(
    picture: Picture, options: pb.UpscaleOptions
) -> Iterator[pb.UpscaleStreamRequest]:
    """The messages that bring a picture; a file is read as they are taken.

    Raises:
        As `unary_request`.
    """
    start = pb.Start(options=options)
    if isinstance(picture, str | os.PathLike):
        with Path(picture).open("rb") as file:
            start.size_bytes = os.fstat(file.fileno()).st_size
            yield pb.UpscaleStreamRequest(start=start)
            while chunk := file.read(CHUNK_BYTES):
                yield pb.UpscaleStreamRequest(chunk=chunk)
    else:
        whole = image(picture)
        start.size_bytes = len(whole.data)
        start.format = whole.format
        start.width, start.height, start.channels = whole.width, whole.height, whole.channels
        yield pb.UpscaleStreamRequest(start=start)
        for first in range(0, len(whole.data), CHUNK_BYTES):
            yield pb.UpscaleStreamRequest(chunk=whole.data[first : first + CHUNK_BYTES])
    yield pb.UpscaleStreamRequest(end=pb.End())


def upscale_result(response: pb.UpscaleResponse) -> UpscaleResult:
    """What `upscale` returns.

    Raises:
        ServerError: the picture has a format that this client does not know.
    """
    return UpscaleResult(encoded_image(response.image), _provenance(response.provenance))


def part(response: pb.UpscaleStreamResponse) -> Part:
    """A part of an answer.

    Raises:
        ServerError: this client does not know such parts.
    """
    match response.WhichOneof("part"):
        case "progress":
            return Progress(response.progress.fraction, _stage(response.progress.stage))
        case "header":
            return _header(response.header)
        case "chunk":
            return response.chunk
        case "done":
            return Done(response.done.size_bytes)
        case "failure":
            return Failure(from_failure(response.failure))
        case _:
            raise ServerError("an answer came in parts that this client does not know")


def method_infos(response: pb.ListModelsResponse) -> tuple[MethodInfo, ...]:
    """What `list_methods` returns."""
    return tuple(
        MethodInfo(
            name=method.name,
            is_filter=method.is_filter,
            is_default=method.is_default,
            models=tuple(_model(model) for model in method.models),
        )
        for method in response.methods
    )


def _header(header: pb.Header) -> Header:
    return Header(
        format=format_name(header.format),
        width=header.width,
        height=header.height,
        channels=header.channels,
        provenance=_provenance(header.provenance),
    )


def _provenance(message: pb.Provenance) -> Provenance:
    names = [pb.Step.Name(step).removeprefix("STEP_").lower() for step in message.steps]
    return Provenance(
        method=message.method,
        passes=tuple((step.model, step.version) for step in message.passes),
        filter=message.filter,
        source_format=message.source_format,
        source_width=message.source_width,
        source_height=message.source_height,
        steps=tuple(cast(Step, name) for name in names),
        tiles_differ=message.tiles_differ,
    )


def _stage(number: pb.Stage.ValueType) -> Stage:
    return cast(Stage, pb.Stage.Name(number).removeprefix("STAGE_").lower())


def _model(model: pb.Model) -> ModelInfo:
    return ModelInfo(
        name=model.name,
        version=model.version,
        description=model.description,
        scale=model.scale,
        noise=model.noise,
        margin=model.margin,
        pools_globally=model.pools_globally,
        licence=model.licence,
        model_sha256=model.model_sha256,
        metrics=dict(model.metrics),
    )


def _pixels(request: pb.UpscaleRequest) -> float:
    """How many pixels a picture has, infinitely many where nothing here can tell.

    Of a format that Pillow does not know it is 0: the service knows more of them.
    """
    if request.image.width:
        return request.image.width * request.image.height
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError:
        return math.inf
    try:
        with Image.open(io.BytesIO(request.image.data)) as picture:
            return picture.width * picture.height
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return 0
