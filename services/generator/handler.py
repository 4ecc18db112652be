"""GeneratorService: protobuf in, protobuf out. Errors become statuses in the interceptor."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing

import grpc
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc
from animegan.image.v1 import image_pb2

from services.common.rpc.admission import Admission
from services.common.rpc.interceptor import Context
from services.common.rpc.messages import FORMATS
from services.common.streams import in_order, whole
from services.generator.latents import NoiseMode
from services.generator.models import Catalogue, GeneratorModel
from services.generator.order import Order
from services.generator.pipeline import Batch, Pipeline, split
from services.generator.request import MAX_STREAM_IMAGES, parse_order

FULL_NAME = pb.DESCRIPTOR.services_by_name["GeneratorService"].full_name

_NOISE_MODES: Mapping[NoiseMode, pb.NoiseMode.ValueType] = {
    NoiseMode.CONSTANT: pb.NOISE_MODE_CONSTANT,
    NoiseMode.RANDOM: pb.NOISE_MODE_RANDOM,
    NoiseMode.NONE: pb.NOISE_MODE_NONE,
}


class Handler(generator_pb2_grpc.GeneratorServiceServicer):
    """The three methods of the service."""

    def __init__(
        self,
        pipeline: Pipeline,
        catalogue: Catalogue,
        images: Admission,
        *,
        max_images: int,
        sub_batch: int,
        stream_window: int,
    ) -> None:
        """Serve from `pipeline` and `catalogue`.

        Args:
            pipeline: does the work.
            catalogue: knows the models.
            images: admits images.
            max_images: that a unary call may ask for.
            sub_batch: images in a message of a stream.
            stream_window: sub-batches of a stream that are in the making at a time.
        """
        self._pipeline = pipeline
        self._catalogue = catalogue
        self._images = images
        self._max_images = max_images
        self._sub_batch = sub_batch
        self._stream_window = stream_window

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register the methods."""
        generator_pb2_grpc.add_GeneratorServiceServicer_to_server(self, server)

    async def Generate(self, request: pb.GenerateRequest, _: Context) -> pb.GenerateResponse:
        """All pictures in one answer."""
        order = parse_order(request, self._max_images)
        with await self._images.now(len(order.seeds)):
            batch = await self._pipeline.generate(order)
        return pb.GenerateResponse(
            model=batch.model.name,
            model_version=batch.model.version,
            images=_images(batch),
        )

    async def GenerateStream(
        self, request: pb.GenerateStreamRequest, _: Context
    ) -> AsyncIterator[pb.GenerateStreamResponse]:
        """The pictures as they are made, a sub-batch in a message."""
        order = parse_order(request, MAX_STREAM_IMAGES)
        with self._images.share() as images:
            batches = in_order(
                self._sub_batches(order),
                whole(self._pipeline.generate),
                share=images,
                window=self._stream_window,
                amount=lambda part: len(part.seeds),
            )
            async with aclosing(batches):
                async for batch in batches:
                    yield pb.GenerateStreamResponse(
                        model=batch.model.name,
                        model_version=batch.model.version,
                        images=_images(batch),
                    )

    async def ListModels(self, request: pb.ListModelsRequest, _: Context) -> pb.ListModelsResponse:
        """What there is."""
        models = await self._catalogue.all()
        default = self._catalogue.default_model
        return pb.ListModelsResponse(models=[_model(model, default) for model in models])

    async def _sub_batches(self, order: Order) -> AsyncIterator[Order]:
        for part in split(order, self._sub_batch):
            yield part


def _images(batch: Batch) -> Iterator[pb.GeneratedImage]:
    model, image_format = batch.model, FORMATS[batch.format]
    for picture in batch.pictures:
        image = image_pb2.Image(
            format=image_format,
            width=model.resolution,
            height=model.resolution,
            channels=model.channels,
            data=picture.data,
        )
        yield pb.GeneratedImage(seed=picture.seed, image=image, model_version=picture.version)


def _model(model: GeneratorModel, default: str) -> pb.Model:
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
