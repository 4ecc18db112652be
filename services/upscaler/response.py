"""Turns answers into messages."""

from collections.abc import Mapping

from animegan.image.v1 import image_pb2
from animegan.upscaler.v1 import upscaler_pb2 as pb

from services.common.pictures.headers import Step
from services.common.rpc.messages import FORMATS, failure_fields
from services.upscaler.types import (
    Done,
    Failure,
    Filter,
    Header,
    Method,
    Part,
    Progress,
    Stage,
    UpscalerModel,
)

_STEPS: Mapping[Step, pb.Step.ValueType] = {
    Step.FIRST_FRAME: pb.STEP_FIRST_FRAME,
    Step.ORIENTED: pb.STEP_ORIENTED,
    Step.PROFILE_APPLIED: pb.STEP_PROFILE_APPLIED,
    Step.CONVERTED: pb.STEP_CONVERTED,
    Step.DEPTH_REDUCED: pb.STEP_DEPTH_REDUCED,
}
_STAGES: Mapping[Stage, pb.Stage.ValueType] = {
    Stage.READING: pb.STAGE_READING,
    Stage.ENLARGING: pb.STAGE_ENLARGING,
    Stage.ENCODING: pb.STAGE_ENCODING,
}


def upscale_response(header: Header, data: bytes) -> pb.UpscaleResponse:
    """A whole answer."""
    image = image_pb2.Image(
        format=FORMATS[header.order.options.encoding.format],
        width=header.plan.width,
        height=header.plan.height,
        channels=header.channels,
        data=data,
    )
    return pb.UpscaleResponse(image=image, provenance=_provenance(header))


def stream_response(picture_id: str, part: Part) -> pb.UpscaleStreamResponse:
    """A part of the answer to the picture that its caller calls `picture_id`."""
    response = pb.UpscaleStreamResponse(id=picture_id)
    match part:
        case Progress():
            response.progress.CopyFrom(
                pb.Progress(fraction=part.fraction, stage=_STAGES[part.stage])
            )
        case Header():
            response.header.CopyFrom(_header(part))
        case Done():
            response.done.CopyFrom(pb.Done(size_bytes=part.size_bytes))
        case Failure():
            response.failure.CopyFrom(pb.Failure(**failure_fields(part.error)))
        case _:
            response.chunk = part
    return response


def method_message(method: Method | Filter, default: str) -> pb.Method:
    """A method as ListModels shows it; `default` is the default method's name."""
    if isinstance(method, Filter):
        return pb.Method(name=method.value, is_filter=True, is_default=method.value == default)
    models = [_model(model) for model in method.models]
    return pb.Method(name=method.name, is_default=method.name == default, models=models)


def _header(header: Header) -> pb.Header:
    return pb.Header(
        format=FORMATS[header.order.options.encoding.format],
        width=header.plan.width,
        height=header.plan.height,
        channels=header.channels,
        provenance=_provenance(header),
    )


def _provenance(header: Header) -> pb.Provenance:
    plan, file = header.plan, header.order.file
    return pb.Provenance(
        method=plan.method,
        passes=[pb.Pass(model=model.name, version=model.version) for model in plan.passes],
        filter=plan.resample.value if plan.resample else "",
        source_format=file.format,
        source_width=file.width,
        source_height=file.height,
        steps=[_STEPS[step] for step in header.steps],
        tiles_differ=not header.exact,
    )


def _model(model: UpscalerModel) -> pb.Model:
    return pb.Model(
        name=model.name,
        version=model.version,
        description=model.description,
        scale=model.scale,
        noise=model.noise,
        margin=model.margin,
        pools_globally=model.pools_globally,
        licence=model.licence,
        model_sha256=model.sha256,
        metrics=model.metrics,
    )
