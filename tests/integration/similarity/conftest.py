"""Two Tritons that serve every second shard each, and one service over both, once per run."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from animegan.similarity.v1 import similarity_pb2_grpc

from animegan_search.ssim.definition import GAUSSIAN
from deploy.local.triton import LocalTriton
from tests.integration.similarity.material import (
    COLOUR,
    GREY,
    HELDOUT,
    SHARD_IMAGES,
    SimilarityProcess,
    write_repository,
)
from tests.unit.search.ssim.index.material import write_index


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_repository(tmp_path_factory.mktemp("search-models"))


@pytest.fixture(scope="session")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`colour`: uniform7, RGB, seven shards, calibrated. `grey`: gaussian, one shard."""
    folder = tmp_path_factory.mktemp("indexes")
    write_index(folder / "colour", COLOUR, HELDOUT, shard_images=SHARD_IMAGES)
    write_index(folder / "grey", GREY, definition=GAUSSIAN)
    return folder


@pytest.fixture(scope="session")
def tritons(
    repository: Path, indexes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LocalTriton, LocalTriton]]:
    logs = tmp_path_factory.mktemp("search-tritons")
    with (
        LocalTriton(repository, indexes=indexes, shards="0/2", log=logs / "even.log") as even,
        LocalTriton(repository, indexes=indexes, shards="1/2", log=logs / "odd.log") as odd,
    ):
        yield even, odd


@pytest.fixture(scope="session")
def service(
    tritons: tuple[LocalTriton, LocalTriton], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimilarityProcess]:
    log = tmp_path_factory.mktemp("similarity") / "service.log"
    urls = ",".join(triton.http_url for triton in tritons)
    with SimilarityProcess(urls, log, "--default-index", "colour") as process:
        process.wait_for_event("ready")
        yield process


@pytest.fixture
async def channel(service: SimilarityProcess) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(service.target) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> similarity_pb2_grpc.SimilarityServiceStub:
    return similarity_pb2_grpc.SimilarityServiceStub(channel)
