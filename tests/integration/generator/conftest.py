"""One generator service for all tests that do not need one of their own."""

from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from animegan.generator.v1 import generator_pb2_grpc

from deploy.local.triton import LocalTriton
from tests.integration.generator.service import ServiceProcess


@pytest.fixture(scope="session")
def service(
    triton: LocalTriton, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    log = tmp_path_factory.mktemp("generator") / "service.log"
    with ServiceProcess(triton.http_url, log) as process:
        process.wait_for_event("ready")
        yield process


@pytest.fixture
async def channel(service: ServiceProcess) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(service.target, options=options) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> generator_pb2_grpc.GeneratorServiceStub:
    return generator_pb2_grpc.GeneratorServiceStub(channel)
