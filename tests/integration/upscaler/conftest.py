"""A Triton with tiny networks, and one service over it, once per run."""

from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from animegan.upscaler.v1 import upscaler_pb2_grpc

from deploy.local.triton import LocalTriton
from tests.integration.upscaler.material import UpscalerProcess, write_repository


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalTriton]:
    repository = write_repository(tmp_path_factory.mktemp("upscalers"))
    log = tmp_path_factory.mktemp("upscaler-triton") / "triton.log"
    with LocalTriton(repository, log=log) as server:
        yield server


@pytest.fixture(scope="session")
def service(
    triton: LocalTriton, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[UpscalerProcess]:
    log = tmp_path_factory.mktemp("upscaler") / "service.log"
    with UpscalerProcess(triton.http_url, log) as process:
        process.wait_for_event("ready")
        yield process


@pytest.fixture
async def channel(service: UpscalerProcess) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(service.target, options=options) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> upscaler_pb2_grpc.UpscalerServiceStub:
    return upscaler_pb2_grpc.UpscalerServiceStub(channel)
