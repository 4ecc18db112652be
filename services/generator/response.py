"""Turns pictures and models into messages."""

from collections.abc import Mapping
from typing import Any

from animegan.generator.v1 import generator_pb2 as pb
from animegan.image.v1 import image_pb2

from services.common.rpc.messages import FORMATS
from services.generator.latents import NoiseMode
from services.generator.models import GeneratorModel
from services.generator.types import Batch, Picture

_NOISE_MODES: Mapping[NoiseMode, pb.NoiseMode.ValueType] = {
    NoiseMode.CONSTANT: pb.NOISE_MODE_CONSTANT,
    NoiseMode.RANDOM: pb.NOISE_MODE_RANDOM,
    NoiseMode.NONE: pb.NOISE_MODE_NONE,
}


def generate_response(batch: Batch) -> pb.GenerateResponse:
    """All pictures of a call."""
    return pb.GenerateResponse(**_fields(batch))


def stream_response(batch: Batch) -> pb.GenerateStreamResponse:
    """Some pictures of a stream."""
    return pb.GenerateStreamResponse(**_fields(batch))


def model_message(model: GeneratorModel, default: str) -> pb.Model:
    """A model as ListModels shows it; `default` is the default model's name."""
    return pb.Model(
        name=model.name,
        version=model.version,
        description=model.description,
        kind=model.kind,
        resolution=model.resolution,
        channels=model.channels,
        z_dim=model.z_dim,
        supports_truncation=model.supports_truncation,
        default_truncation=model.default_truncation,
        noise_modes=[_NOISE_MODES[mode] for mode in model.noise_modes],
        licence=model.licence,
        dataset=model.dataset,
        dataset_digest=model.dataset_digest,
        model_sha256=model.sha256,
        metrics=model.metrics,
        is_default=model.name == default,
    )


def _fields(batch: Batch) -> dict[str, Any]:
    """What the messages of both methods hold."""
    model = batch.model
    return {
        "model": model.name,
        "model_version": model.version,
        "images": [_image(picture, batch) for picture in batch.pictures],
    }


def _image(picture: Picture, batch: Batch) -> pb.GeneratedImage:
    image = image_pb2.Image(
        format=FORMATS[batch.format],
        width=batch.model.resolution,
        height=batch.model.resolution,
        channels=batch.model.channels,
        data=picture.data,
    )
    return pb.GeneratedImage(seed=picture.seed, image=image, model_version=picture.version)
