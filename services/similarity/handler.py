"""SimilarityService: protobuf in, protobuf out. Errors become statuses in the interceptor."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import grpc
from animegan.similarity.v1 import similarity_pb2 as pb
from animegan.similarity.v1 import similarity_pb2_grpc

from services.common.rpc.admission import Admission, Share
from services.common.rpc.errors import InvalidField
from services.common.rpc.interceptor import Context
from services.common.streams import in_order, whole
from services.similarity.indexes import Catalogue
from services.similarity.pipeline import Pipeline
from services.similarity.request import parse_explain, parse_image, parse_search
from services.similarity.response import (
    explain_response,
    image,
    index_message,
    search_result,
    stream_response,
)
from services.similarity.types import Failure, Limits, SearchOrder

FULL_NAME = pb.DESCRIPTOR.services_by_name["SimilarityService"].full_name


class Handler(similarity_pb2_grpc.SimilarityServiceServicer):
    """The five methods of the service."""

    def __init__(
        self,
        pipeline: Pipeline,
        catalogue: Catalogue,
        queries: Admission,
        pictures: Admission,
        limits: Limits,
        *,
        stream_window: int,
    ) -> None:
        """Serve from `pipeline` and `catalogue`, within `limits` per query.

        Args:
            pipeline: does the work.
            catalogue: knows the indexes.
            queries: admits queries.
            pictures: admits bytes of the pictures that streams send.
            limits: how much may be asked for.
            stream_window: queries of a stream that are worked on at a time.
        """
        self._pipeline = pipeline
        self._catalogue = catalogue
        self._queries = queries
        self._pictures = pictures
        self._limits = limits
        self._stream_window = stream_window

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register the methods."""
        similarity_pb2_grpc.add_SimilarityServiceServicer_to_server(self, server)

    async def Search(self, request: pb.SearchRequest, _: Context) -> pb.SearchResponse:
        """One query."""
        order = await parse_search(request.query, self._limits)
        with await self._queries.now(1):
            result = await self._pipeline.search(order)
        return pb.SearchResponse(result=search_result(result))

    async def SearchStream(
        self, requests: AsyncIterator[pb.SearchStreamRequest], _: Context
    ) -> AsyncIterator[pb.SearchStreamResponse]:
        """Queries as they come, a few at a time."""
        with self._queries.share() as queries, self._pictures.share() as pictures:
            answers = in_order(
                self._orders(requests, pictures),
                whole(self._pipeline.answer),
                share=queries,
                window=self._stream_window,
            )
            async with aclosing(answers):
                async for answer in answers:
                    yield stream_response(answer)

    async def Explain(self, request: pb.ExplainRequest, _: Context) -> pb.ExplainResponse:
        """One pair."""
        order = await parse_explain(request, self._limits)
        with await self._queries.now(2):
            return explain_response(await self._pipeline.explain(order))

    async def ListIndexes(
        self, request: pb.ListIndexesRequest, _: Context
    ) -> pb.ListIndexesResponse:
        """What there is."""
        indexes = await self._catalogue.all()
        default = self._catalogue.default_index
        return pb.ListIndexesResponse(indexes=[index_message(one, default) for one in indexes])

    async def GetImage(self, request: pb.GetImageRequest, _: Context) -> pb.GetImageResponse:
        """One image of an index."""
        order = parse_image(request)
        with await self._queries.now(1):
            index, encoded = await self._pipeline.image(order)
        return pb.GetImageResponse(index=index.name, id=order.id, image=image(encoded))

    async def _orders(
        self, requests: AsyncIterator[pb.SearchStreamRequest], pictures: Share
    ) -> AsyncIterator[SearchOrder | Failure]:
        """What a stream asks for, each picture in its turn; or what is wrong with it.

        Raises:
            InvalidField: a message cannot be read; says which one it was, counted from 1.
        """
        number = 1
        try:
            async for request in requests:
                number += 1
                try:
                    order = await parse_search(request.query, self._limits)
                except InvalidField as error:
                    yield Failure(error)
                else:
                    yield replace(order, room=await pictures.in_turn(len(order.picture.data)))
        except InvalidField as error:
            message = f"message {number} of the stream: {error.message}"
            raise InvalidField(error.field, message) from error
