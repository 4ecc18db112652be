"""From no index to a damaged one; Tritons that go away; what an operator can look at."""

import asyncio
from pathlib import Path

import grpc
import numpy as np
import pytest
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from animegan.similarity.v1 import similarity_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.triton import LocalTriton
from tests.integration.generator.test_recovery import codes_around_a_crash
from tests.integration.generator.test_statuses import failure
from tests.integration.local.stopped import stopped
from tests.integration.similarity.material import COLOUR, SimilarityProcess, png
from tests.unit.search.ssim.index.material import write_dataset, write_index
from training.index.building import append

SERVICE = "animegan.similarity.v1.SimilarityService"
BEST = "animegan_similarity_best_ssim_count"
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def request(image: np.ndarray, **fields) -> pb.SearchRequest:
    return pb.SearchRequest(query=pb.SearchQuery(image=image_pb2.Image(data=png(image)), **fields))


async def test_an_index_that_comes_grows_and_breaks_while_we_serve(repository: Path, tmp_path):
    indexes = tmp_path / "indexes"
    with (
        LocalTriton(repository, indexes=indexes, log=tmp_path / "triton.log") as triton,
        SimilarityProcess(triton.http_url, tmp_path / "log", "--default-index", "new") as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
            await _none_yet(stub)
            await asyncio.to_thread(write_index, indexes / "new", COLOUR[:20])
            await _found_within(stub, COLOUR[7], 7, count=20)
            await _append_under_load(stub, indexes / "new")
            await _break(stub, indexes / "new")
        await asyncio.to_thread(triton.stop)
        health = health_pb2.HealthCheckRequest(service=SERVICE)
        async with grpc.aio.insecure_channel(service.target) as channel, asyncio.timeout(30):
            while (await health_pb2_grpc.HealthStub(channel).Check(health)).status != NOT_SERVING:
                await asyncio.sleep(0.05)
            stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
            error = await failure(stub.Search(request(COLOUR[0])))
            assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_calls_are_unavailable_while_triton_is_away(
    repository: Path, indexes: Path, tmp_path: Path
):
    """Nobody is told INTERNAL, or that an index or an image does not exist."""
    with (
        LocalTriton(repository, indexes=indexes, log=tmp_path / "triton.log") as triton,
        SimilarityProcess(
            triton.http_url, tmp_path / "log", "--default-index", "colour"
        ) as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
            codes = await codes_around_a_crash(
                triton,
                [
                    lambda: stub.Search(request(COLOUR[0], omit_thumbnails=True)),
                    lambda: stub.GetImage(pb.GetImageRequest(id=3)),
                ],
            )
    assert set(codes) == {"OK", "UNAVAILABLE"}


async def test_one_of_two_tritons_that_is_silent_costs_no_caller_an_answer(
    repository: Path, indexes: Path, tmp_path: Path
):
    """Nor readiness: each is asked for itself, and the other serves every shard."""
    with (
        LocalTriton(repository, indexes=indexes, log=tmp_path / "one.log") as one,
        LocalTriton(repository, indexes=indexes, log=tmp_path / "other.log") as other,
        SimilarityProcess(
            f"{one.http_url},{other.http_url}", tmp_path / "log", "--default-index", "colour"
        ) as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
            with stopped(one.pid):
                ends = asyncio.get_running_loop().time() + 8
                while asyncio.get_running_loop().time() < ends:
                    await asyncio.gather(
                        stub.Search(request(COLOUR[0]), timeout=5),
                        stub.Search(request(COLOUR[1], omit_thumbnails=True), timeout=5),
                        stub.GetImage(pb.GetImageRequest(id=3), timeout=5),
                    )
            await asyncio.to_thread(
                service.wait_for_event, "a Triton answers again", address=one.http_url
            )
            await stub.Search(request(COLOUR[0]), timeout=5)
        events = [event["event"] for event in service.events()]
        assert "not ready" not in events[events.index("ready") :]


async def _none_yet(stub) -> None:
    assert not (await stub.ListIndexes(pb.ListIndexesRequest())).indexes
    error = await failure(stub.Search(request(COLOUR[0])))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "`make index` builds the default one" in error.details()


async def _found_within(stub, image: np.ndarray, image_id: int, count: int) -> None:
    """The index is noticed with the next canary."""
    async with asyncio.timeout(30):
        while True:
            try:
                result = (await stub.Search(request(image))).result
                break
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.NOT_FOUND
                await asyncio.sleep(0.05)
    assert (result.matches[0].id, result.count) == (image_id, count)


async def _append_under_load(stub, index: Path) -> None:
    """No call fails, and each answers from one state of the index: before or after."""
    seen: dict[int, set[str]] = {}
    done = asyncio.Event()

    async def caller() -> None:
        while not done.is_set():
            result = (await stub.Search(request(COLOUR[3], omit_thumbnails=True))).result
            seen.setdefault(result.count, set()).add(result.index_digest)

    async def publish() -> None:
        more = write_dataset(index.parent.parent / "more", COLOUR[20:50])
        await until_seen(20)
        await asyncio.to_thread(append, index, more)
        await until_seen(50)
        done.set()

    async def until_seen(count: int) -> None:
        async with asyncio.timeout(30):
            while count not in seen:
                await asyncio.sleep(0.05)

    await asyncio.gather(publish(), *(caller() for _ in range(4)))
    assert seen.keys() == {20, 50}
    assert all(len(digests) == 1 for digests in seen.values())
    result = (await stub.Search(request(COLOUR[33]))).result
    assert result.matches[0].id == 33


async def _break(stub, index: Path) -> None:
    """A flipped bit is noticed when the index is opened the next time."""
    tiles = next(index.glob("tiles-*.npy"))
    content = bytearray(tiles.read_bytes())
    content[-1] ^= 1
    tiles.write_bytes(content)
    (index / "manifest.json").touch()
    error = await failure(stub.Search(request(COLOUR[0])))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert str(index) not in error.details()  # paths are for the log


async def test_metrics_health_and_reflection(stub, service):
    before = service.metric(BEST, model="stylegan", index="colour")
    await stub.Search(request(COLOUR[0], model="stylegan"))
    assert service.metric(BEST, model="stylegan", index="colour") == before + 1
    families = {f.name: f for f in text_string_to_metric_families(service.metrics_text())}
    prefix = "animegan_similarity_"
    assert families[prefix + "best_ssim"].type == "histogram"
    stages = {s.labels["stage"] for s in families[prefix + "stage_seconds"].samples}
    assert {"decode", "search", "images", "encode"} <= stages
    assert service.metric(prefix + "ready") == 1
    assert families["process_resident_memory_bytes"].samples[0].value < 200 * 2**20
    with grpc.insecure_channel(service.target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        file = database.FindFileContainingSymbol(SERVICE)
    assert [method.name for method in file.service[0].method] == [
        "Search", "SearchStream", "Explain", "ListIndexes", "GetImage"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["", SERVICE, "liveness"])
async def test_health(channel, name):
    health = health_pb2_grpc.HealthStub(channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_the_models_answer_the_supervisors_canary(tritons):
    """Zeros and empty strings: HEALTHY, so that nobody has to guess from an error."""
    for triton in tritons:
        with triton.admin() as admin:
            for model in ("ssim_search", "ssim_index"):
                health, message = admin.canary(model, admin.config(model), 10)
                assert (health.value, message) == ("healthy", "")
