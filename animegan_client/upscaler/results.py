"""Answers of the upscaler API to Python values."""

from typing import cast

from animegan.upscaler.v1 import upscaler_pb2 as pb

from animegan_client.errors import ServerError
from animegan_client.generator.messages import encoded_image, format_name
from animegan_client.generator.types import Failure
from animegan_client.status import from_failure
from animegan_client.upscaler.types import (
    Done,
    Header,
    MethodInfo,
    ModelInfo,
    Piece,
    Progress,
    Provenance,
    Stage,
    Step,
    UpscaleResult,
)


def upscale_result(response: pb.UpscaleResponse) -> UpscaleResult:
    """What `upscale` returns.

    Raises:
        ServerError: the picture has a format that this client does not know.
    """
    return UpscaleResult(encoded_image(response.image), _provenance(response.provenance))


def piece(response: pb.UpscaleStreamResponse) -> Piece:
    """A piece of an answer.

    Raises:
        ServerError: this client does not know such pieces.
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
            raise ServerError("an answer came in pieces that this client does not know")


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
