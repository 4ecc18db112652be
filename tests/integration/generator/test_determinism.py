"""Same seed, same bytes: alone, in any batch, and whatever else Triton computes at the time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc

from deploy.local.triton import LocalTriton
from tests.integration.generator import reference
from tests.integration.generator.float_model import write_float_model
from tests.integration.generator.service import PROJECT, ServiceProcess
from tests.requires import require_folder

DEFAULT_MODELS = PROJECT / "models"
SEEDS = range(2**40, 2**40 + 500)


@pytest.fixture(scope="module", params=["real weights", "default models"])
def repository(request: pytest.FixtureRequest, tmp_path_factory) -> Path:
    if request.param == "default models":
        return require_folder(DEFAULT_MODELS / "stylegan").parent
    folder = tmp_path_factory.mktemp("float")
    write_float_model(folder)
    return folder


@pytest.fixture(scope="module")
def service(repository: Path, tmp_path_factory) -> Iterator[ServiceProcess]:
    logs = tmp_path_factory.mktemp("logs")
    with (
        LocalTriton(repository, log=logs / "triton.log") as triton,
        ServiceProcess(triton.http_url, logs / "service.log") as process,
    ):
        process.wait_for_event("ready")
        yield process


@pytest.fixture
async def stub(service) -> AsyncIterator[generator_pb2_grpc.GeneratorServiceStub]:
    async with grpc.aio.insecure_channel(service.target) as channel:
        yield generator_pb2_grpc.GeneratorServiceStub(channel)


async def by_calls_of(stub, size: int, concurrency: int) -> dict[int, bytes]:
    """All SEEDS, in calls of `size` seeds, `concurrency` calls at a time."""
    free = asyncio.Semaphore(concurrency)

    async def call(start: int) -> list[pb.GeneratedImage]:
        async with free:
            answer = await stub.Generate(pb.GenerateRequest(seeds=SEEDS[start : start + size]))
            return list(answer.images)

    answers = await asyncio.gather(*(call(start) for start in range(0, len(SEEDS), size)))
    return {image.seed: image.image.data for images in answers for image in images}


async def test_500_seeds_alone_and_in_batches_give_the_same_bytes(stub):
    alone = await by_calls_of(stub, 1, concurrency=1)
    assert len(set(alone.values())) == len(SEEDS)
    for size, concurrency in ((1, 32), (2, 5), (7, 9), (64, 1), (64, 8)):
        assert await by_calls_of(stub, size, concurrency) == alone, (size, concurrency)


async def test_those_bytes_are_onnx_runtimes(stub, repository):
    model = max((repository / "stylegan").glob("[0-9]*"), key=lambda path: int(path.name))
    answer = await stub.Generate(pb.GenerateRequest(count=16, truncation=0.5))
    expected = reference.images(
        model / "model.onnx", list(range(16)), truncation=np.full((16, 1), 0.5, np.float32)
    )
    assert np.array_equal([reference.decoded(image) for image in answer.images], expected)
