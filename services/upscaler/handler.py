"""UpscalerService: protobuf in, protobuf out. Errors become statuses in the interceptor."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import grpc
from animegan.upscaler.v1 import upscaler_pb2 as pb
from animegan.upscaler.v1 import upscaler_pb2_grpc

from services.common.rpc.admission import Admission
from services.common.rpc.interceptor import Context
from services.common.streams import in_order
from services.upscaler.models import Catalogue
from services.upscaler.pipeline import Pipeline
from services.upscaler.request import parse_stream, parse_upscale
from services.upscaler.response import method_message, stream_response, upscale_response
from services.upscaler.types import Failure, Limits, Order

FULL_NAME = pb.DESCRIPTOR.services_by_name["UpscalerService"].full_name

# Parts of an answer that are made before its turn comes: as much as a message or two.
_PARTS_AHEAD = 8


class Handler(upscaler_pb2_grpc.UpscalerServiceServicer):
    """The three methods of the service."""

    def __init__(
        self,
        pipeline: Pipeline,
        catalogue: Catalogue,
        images: Admission,
        uploads: Admission,
        limits: Limits,
        *,
        stream_window: int,
    ) -> None:
        """Serve from `pipeline` and `catalogue`, within `limits` per picture.

        Args:
            pipeline: does the work.
            catalogue: knows what there is.
            images: admits pictures.
            uploads: admits bytes of the files that streams send.
            limits: how much may be asked for.
            stream_window: pictures of a stream that are worked on at a time.
        """
        self._pipeline = pipeline
        self._catalogue = catalogue
        self._images = images
        self._uploads = uploads
        self._limits = limits
        self._stream_window = stream_window

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register the methods."""
        upscaler_pb2_grpc.add_UpscalerServiceServicer_to_server(self, server)

    async def Upscale(self, request: pb.UpscaleRequest, _: Context) -> pb.UpscaleResponse:
        """One picture in one answer."""
        order = await parse_upscale(request, self._limits)
        with await self._images.now(1):
            return upscale_response(*await self._pipeline.upscale(order))

    async def UpscaleStream(
        self, requests: AsyncIterator[pb.UpscaleStreamRequest], _: Context
    ) -> AsyncIterator[pb.UpscaleStreamResponse]:
        """Pictures as they come, a few at a time, in parts."""
        with self._images.share() as images, self._uploads.share() as uploads:
            answers = in_order(
                parse_stream(requests, self._limits, uploads),
                self._answer,
                share=images,
                window=self._stream_window,
                ahead=_PARTS_AHEAD,
                staggered=True,  # the next picture is not read while this one waits for its room
            )
            async with aclosing(answers):
                async for message in answers:
                    yield message

    async def ListModels(self, request: pb.ListModelsRequest, _: Context) -> pb.ListModelsResponse:
        """What there is."""
        methods = await self._catalogue.methods()
        return pb.ListModelsResponse(
            methods=[method_message(method, self._catalogue.default_method) for method in methods]
        )

    async def _answer(self, item: Order | Failure) -> AsyncGenerator[pb.UpscaleStreamResponse]:
        """The messages about a picture of a stream."""
        async with aclosing(self._pipeline.answer(item)) as parts:
            async for part in parts:
                yield stream_response(item.id, part)
