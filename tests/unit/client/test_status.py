"""Streams that a service ends while the asyncio client still sends."""

import asyncio

import grpc
import pytest
from animegan.upscaler.v1 import upscaler_pb2_grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from animegan_client import AsyncUpscalerClient, UnauthenticatedError


class Closed(upscaler_pb2_grpc.UpscalerServiceServicer):
    """Lets nobody in, and reads nothing."""

    async def UpscaleStream(self, requests, context):
        status = status_pb2.Status(code=code_pb2.UNAUTHENTICATED, message="no token")
        status.details.add().Pack(error_details_pb2.RequestInfo(request_id="abc123"))
        await context.abort_with_status(rpc_status.to_status(status))
        yield


async def enlarge(client: AsyncUpscalerClient) -> None:
    async for _ in client.upscale_stream([bytes(2**21)] * 4):
        pytest.fail("an answer")


async def test_the_service_has_the_first_word():
    """In nearly all of such calls grpc.aio by itself says INTERNAL, and no more."""
    server = grpc.aio.server()
    upscaler_pb2_grpc.add_UpscalerServiceServicer_to_server(Closed(), server)
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    async with AsyncUpscalerClient(target) as client:
        errors = await asyncio.gather(*(enlarge(client) for _ in range(20)), return_exceptions=True)
    await server.stop(grace=None)
    for error in errors:
        assert isinstance(error, UnauthenticatedError), error
        assert (str(error), error.request_id) == ("no token", "abc123")
