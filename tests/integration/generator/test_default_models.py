"""The generators that the repository ships, side by side in one Triton."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path

import grpc
import numpy as np
import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc
from PIL import Image

from deploy.local.triton import LocalTriton
from tests.integration.generator import reference
from tests.integration.generator.service import PROJECT, ServiceProcess
from tests.requires import require_folder

MODELS = PROJECT / "models"
CHANNELS = {"dcgan_color": 3, "dcgan_gray": 1, "stylegan": 3, "stylegan_faces": 3}
DCGANS = ["dcgan_color", "dcgan_gray"]
SEEDS = list(range(2**40, 2**40 + 64))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    for name in CHANNELS:
        require_folder(MODELS / name)
    logs = tmp_path_factory.mktemp("logs")
    with (
        LocalTriton(MODELS, log=logs / "triton.log") as triton,
        ServiceProcess(triton.http_url, logs / "service.log") as process,
    ):
        process.wait_for_event("ready")
        yield process


@pytest.fixture
async def stub(
    service: ServiceProcess,
) -> AsyncIterator[generator_pb2_grpc.GeneratorServiceStub]:
    async with grpc.aio.insecure_channel(service.target) as channel:
        yield generator_pb2_grpc.GeneratorServiceStub(channel)


def newest(model: str) -> Path:
    version = max((MODELS / model).glob("[0-9]*"), key=lambda path: int(path.name))
    return version / "model.onnx"


async def test_all_are_listed_and_nothing_else(stub) -> None:
    answer = await stub.ListModels(pb.ListModelsRequest())
    listed = {model.name: model for model in answer.models}
    assert {name: model.channels for name, model in listed.items()} == CHANNELS
    assert {name: listed[name].kind for name in CHANNELS} == {
        "dcgan_color": "dcgan",
        "dcgan_gray": "dcgan",
        "stylegan": "stylegan2",
        "stylegan_faces": "stylegan2",
    }
    for name in DCGANS:
        assert not listed[name].supports_truncation
        assert listed[name].metrics["kid_x1000"] > 0


@pytest.mark.parametrize("model", DCGANS)
async def test_pictures_are_onnx_runtimes(stub, model: str) -> None:
    answer = await stub.Generate(pb.GenerateRequest(model=model, seeds=SEEDS[:16]))
    pictures = [reference.decoded(image) for image in answer.images]
    assert np.array_equal(pictures, reference.images(newest(model), SEEDS[:16]))
    with Image.open(BytesIO(answer.images[0].image.data)) as picture:
        assert picture.mode == {1: "L", 3: "RGB"}[CHANNELS[model]]


@pytest.mark.parametrize("model", DCGANS)
async def test_alone_and_in_batches_a_seed_gives_the_same_bytes(stub, model: str) -> None:
    async def pictures(size: int) -> list[bytes]:
        calls = (
            stub.Generate(pb.GenerateRequest(model=model, seeds=SEEDS[start : start + size]))
            for start in range(0, len(SEEDS), size)
        )
        answers = await asyncio.gather(*calls)
        return [image.image.data for answer in answers for image in answer.images]

    alone = await pictures(1)
    assert len(set(alone)) == len(SEEDS)
    for size in (7, 64):
        assert await pictures(size) == alone, size


@pytest.mark.parametrize("model", DCGANS)
async def test_a_truncation_is_refused_by_name(stub, model: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=f"{model} has none; leave it out") as refused:
        await stub.Generate(pb.GenerateRequest(model=model, count=1, truncation=0.7))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
