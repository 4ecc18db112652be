"""Search with `find_copies`: two Triton models behind the service, against them in this process.

The detector is untrained: these tests are about the way of the numbers, not about their quality.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from animegan.similarity.v1 import similarity_pb2_grpc

from animegan_search.copies import CopyIndex
from deploy.local.triton import LocalTriton
from tests.integration.generator.service import PROJECT
from tests.integration.similarity.material import (
    COLOUR,
    HELDOUT,
    SimilarityProcess,
    png,
    write_repository,
)
from tests.unit.search.ssim.index.material import write_index
from tests.unit.training.copies.conftest import STORY, tiny_detector
from training.copies.building import build
from training.copies.embedding import Embedder
from training.copies.export import publish_detector
from training.index.changing import remove

K, RATE = 7, 0.05


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search models, and a tiny detector for the indexes' 16 pixels."""
    repository = write_repository(tmp_path_factory.mktemp("copy-models"))
    shutil.copytree(PROJECT / "models" / "copy_search", repository / "copy_search")
    publish_detector(repository, tiny_detector(), STORY, "Apache-2.0")
    return repository


@pytest.fixture(scope="module")
def indexes(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`embedded` and `changed`, which lost an image since; `plain` was never embedded.

    And `few`, whose 20 held-out images carry no false-alarm rate below 1 in 21.
    """
    folder = tmp_path_factory.mktemp("copy-indexes")
    for name in ("embedded", "changed", "plain"):
        index = write_index(folder / name, COLOUR, HELDOUT)
        if name != "plain":
            build(Embedder(models), index)
    remove(folder / "changed", [0])
    build(Embedder(models), write_index(folder / "few", COLOUR, HELDOUT[:20]))
    return folder


@pytest.fixture(scope="module")
def service(
    models: Path, indexes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimilarityProcess]:
    logs = tmp_path_factory.mktemp("copy-logs")
    with (
        LocalTriton(models, indexes=indexes, log=logs / "triton.log") as triton,
        SimilarityProcess(
            triton.http_url, logs / "service.log", "--default-index", "embedded"
        ) as process,
    ):
        process.wait_for_event("ready")
        yield process


@pytest.fixture
async def stub(
    service: SimilarityProcess,
) -> AsyncIterator[similarity_pb2_grpc.SimilarityServiceStub]:
    async with grpc.aio.insecure_channel(service.target) as channel:
        yield similarity_pb2_grpc.SimilarityServiceStub(channel)


async def search(stub, picture: np.ndarray, **fields) -> pb.SearchResult:
    query = pb.SearchQuery(image=image_pb2.Image(data=png(picture)), **fields)
    return (await stub.Search(pb.SearchRequest(query=query))).result


async def test_the_answer_is_that_of_the_same_models_here(stub, models: Path, indexes: Path):
    copies = CopyIndex.open(indexes / "embedded")
    for picture in (HELDOUT[3], COLOUR[41][:, ::-1]):
        (expected,) = copies.search(Embedder(models)(picture[np.newaxis]), K, RATE)
        found = await search(stub, picture, k=K, false_alarm_rate=RATE, find_copies=True)
        assert [match.id for match in found.copies.matches] == expected.ids.tolist()
        similarities = [match.similarity for match in found.copies.matches]
        np.testing.assert_allclose(similarities, expected.similarity, atol=1e-6)
        assert found.copies.p_value == expected.p_value
        assert found.copies.threshold == expected.threshold
        assert found.copies.false_alarm_rate == RATE
        assert found.copies.copied == expected.copied
        assert len(found.matches) == K, "the exact search is answered as well"


async def test_an_image_of_the_index_is_a_copy_of_itself(stub):
    found = await search(stub, COLOUR[17], find_copies=True)
    assert (found.copies.matches[0].id, found.copies.copied) == (17, True)
    assert found.copies.matches[0].similarity == pytest.approx(1, abs=1e-6)


async def test_a_default_search_has_the_rate_that_few_heldout_images_carry(stub):
    copy = await search(stub, COLOUR[17], index="few", find_copies=True)
    for verdict in (copy.verdict, copy.copies):
        assert verdict.false_alarm_rate == verdict.p_value == pytest.approx(1 / 21)
    assert copy.copies.copied and not copy.verdict.original
    listed = (await stub.ListIndexes(pb.ListIndexesRequest())).indexes
    (calibration,) = [index.calibration for index in listed if index.name == "few"]
    assert calibration.false_alarm_rate == copy.verdict.false_alarm_rate
    assert calibration.threshold == copy.verdict.threshold
    assert calibration.false_alarm_low < calibration.false_alarm_rate < calibration.false_alarm_high

    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await search(stub, COLOUR[17], index="few", false_alarm_rate=0.01)
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    message = failure.value.details()
    assert "query.false_alarm_rate" in message and "20 held-out images" in message
    assert "ask for 0.0477 or more, or calibrate with more images" in message


async def test_who_does_not_ask_pays_nothing(stub):
    assert not (await search(stub, COLOUR[17])).HasField("copies")


@pytest.mark.parametrize(
    ("index", "code", "message"),
    [
        ("plain", grpc.StatusCode.INVALID_ARGUMENT, "query.find_copies"),
        ("changed", grpc.StatusCode.UNAVAILABLE, "the embeddings of 'changed'"),
    ],
)
async def test_an_index_without_its_embeddings_is_told(
    stub, index: str, code: grpc.StatusCode, message: str
):
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await search(stub, COLOUR[17], index=index, find_copies=True)
    assert failure.value.code() == code
    assert message in failure.value.details()
