"""GeneratorService: protobuf in, protobuf out. Errors become statuses in the interceptor."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc

from services.common.rpc.admission import Admission
from services.common.rpc.interceptor import Context
from services.common.streams import in_order, whole
from services.generator.models import Catalogue
from services.generator.pipeline import Pipeline
from services.generator.request import MAX_STREAM_IMAGES, parse_order
from services.generator.response import generate_response, model_message, stream_response
from services.generator.types import Order, split

FULL_NAME = pb.DESCRIPTOR.services_by_name["GeneratorService"].full_name


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
        return generate_response(batch)

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
                    yield stream_response(batch)

    async def ListModels(self, request: pb.ListModelsRequest, _: Context) -> pb.ListModelsResponse:
        """What there is."""
        models = await self._catalogue.all()
        default = self._catalogue.default_model
        return pb.ListModelsResponse(models=[model_message(model, default) for model in models])

    async def _sub_batches(self, order: Order) -> AsyncIterator[Order]:
        for part in split(order, self._sub_batch):
            yield part
