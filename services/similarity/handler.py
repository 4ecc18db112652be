"""SimilarityService: protobuf in, protobuf out. Errors become statuses in the interceptor."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc
from animegan.similarity.v1 import similarity_pb2 as pb
from animegan.similarity.v1 import similarity_pb2_grpc

from services.common.admission import Admission
from services.common.calls import Context
from services.common.errors import InvalidField
from services.similarity.catalogue import Catalogue
from services.similarity.order import SearchOrder
from services.similarity.pipeline import Pipeline
from services.similarity.request import Limits, parse_image, parse_pair, parse_query
from services.similarity.response import (
    explain_response,
    image,
    index_message,
    search_result,
    stream_response,
)
from services.similarity.result import Failure

FULL_NAME = pb.DESCRIPTOR.services_by_name["SimilarityService"].full_name


class Handler(similarity_pb2_grpc.SimilarityServiceServicer):
    """The five methods of the service."""

    def __init__(
        self, pipeline: Pipeline, catalogue: Catalogue, admission: Admission, limits: Limits
    ) -> None:
        """Serve from `pipeline` and `catalogue`, within `limits` per query."""
        self._pipeline = pipeline
        self._catalogue = catalogue
        self._admission = admission
        self._limits = limits

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register the methods."""
        similarity_pb2_grpc.add_SimilarityServiceServicer_to_server(self, server)

    async def Search(self, request: pb.SearchRequest, _: Context) -> pb.SearchResponse:
        """One query."""
        order = parse_query(request.query, self._limits)
        with self._admission.hold(1):
            result = await self._pipeline.search(order)
        return pb.SearchResponse(result=search_result(result))

    async def SearchStream(
        self, requests: AsyncIterator[pb.SearchStreamRequest], _: Context
    ) -> AsyncIterator[pb.SearchStreamResponse]:
        """Queries as they come, a few at a time."""
        with self._admission.hold(self._pipeline.stream_window):
            async with aclosing(self._pipeline.search_all(self._orders(requests))) as answers:
                async for answer in answers:
                    yield stream_response(answer)

    async def Explain(self, request: pb.ExplainRequest, _: Context) -> pb.ExplainResponse:
        """One pair."""
        order = parse_pair(request, self._limits)
        with self._admission.hold(2):
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
        with self._admission.hold(1):
            index, encoded = await self._pipeline.image(order)
        return pb.GetImageResponse(index=index.name, id=order.id, image=image(encoded))

    async def _orders(
        self, requests: AsyncIterator[pb.SearchStreamRequest]
    ) -> AsyncIterator[SearchOrder | Failure]:
        async for request in requests:
            yield self._order(request.query)

    def _order(self, query: pb.SearchQuery) -> SearchOrder | Failure:
        """The order, or what is wrong with it."""
        try:
            return parse_query(query, self._limits)
        except InvalidField as error:
            return Failure(error)
