"""Releases on a real Triton with real callers: whatever happens, no call fails."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc

from deploy.local.triton import LocalTriton
from services.common.triton.traffic import bucket
from tests.integration.generator.service import ServiceProcess
from tests.integration.tiny_models import STYLEGAN, at_version, write_model, write_version
from training.export.model import ServedModel, TensorSpec
from training.export.repository import publish as export
from training.release.actions import canary, load, promote, rollback
from training.release.errors import ReleaseError
from training.release.publish import publish
from training.release.store import Store
from training.release.traffic import Traffic
from training.release.tritons import Address, Tritons

SEEDS = 40
NAME = STYLEGAN.name


@dataclass
class Platform:
    """Triton, the generator service, and what is released into them."""

    candidate: Store
    models: Store
    triton: LocalTriton
    tritons: Tritons
    service: ServiceProcess

    def publish_another(self, version: int) -> None:
        """Export one more version and publish it."""
        write_version(Path(self.candidate.url) / NAME, STYLEGAN, version)
        publish(self.candidate, self.models, NAME)


@dataclass
class Seen:
    """What callers got: for every version and seed the different pictures, and the last answers."""

    pictures: dict[tuple[int, int], set[bytes]] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    calls: int = 0

    def add(self, answer: pb.GenerateResponse) -> None:
        for image in answer.images:
            key = image.model_version, image.seed
            self.pictures.setdefault(key, set()).add(image.image.data)
        self.last = {image.seed: image.model_version for image in answer.images}
        self.calls += 1


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Version 1, released and loaded."""
    write_model(tmp_path / "candidate", STYLEGAN)
    candidate, models = Store(tmp_path / "candidate"), Store(tmp_path / "models")
    publish(candidate, models, NAME)
    with LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as triton:
        address = Address(triton.grpc_url, triton.settings.admin_key)
        with (
            Tritons([address]) as tritons,
            ServiceProcess(triton.http_url, tmp_path / "service.log") as service,
        ):
            service.wait_for_event("ready")
            yield Platform(candidate, models, triton, tritons, service)


@asynccontextmanager
async def callers(platform: Platform, count: int = 4) -> AsyncIterator[Seen]:
    """Callers who call all the time; one failed call fails the test."""
    seen, done = Seen(), asyncio.Event()

    async def call(stub: generator_pb2_grpc.GeneratorServiceStub) -> None:
        while not done.is_set():
            seen.add(await stub.Generate(pb.GenerateRequest(count=SEEDS)))

    async with grpc.aio.insecure_channel(platform.service.target) as channel:
        stub = generator_pb2_grpc.GeneratorServiceStub(channel)
        tasks = [asyncio.create_task(call(stub)) for _ in range(count)]
        try:
            yield seen
        finally:
            done.set()
            await asyncio.gather(*tasks)


async def until(seen: Seen, condition: Callable[[dict[int, int]], bool]) -> None:
    """Wait for an answer whose versions, by seed, fulfil the condition."""
    async with asyncio.timeout(30):
        while not condition(seen.last):
            await asyncio.sleep(0.02)


def all_by(version: int) -> Callable[[dict[int, int]], bool]:
    return lambda versions: set(versions.values()) == {version}


async def test_from_canary_to_rollback_under_load(platform: Platform):
    expected = {seed: 2 if bucket(seed) < 0.25 else 1 for seed in range(SEEDS)}
    assert set(expected.values()) == {1, 2}
    platform.publish_another(2)
    async with callers(platform) as seen:
        await until(seen, all_by(1))
        await asyncio.to_thread(load, platform.models, platform.tritons, NAME)
        calls = seen.calls
        while seen.calls < calls + 8:  # loaded, but without a share
            await asyncio.sleep(0.02)
        assert {version for version, _ in seen.pictures} == {1}
        canary(platform.models, platform.tritons, NAME, 0.25)
        await until(seen, lambda versions: versions == expected)
        promote(platform.models, platform.tritons, NAME)
        await until(seen, all_by(2))
        rollback(platform.models, platform.tritons, NAME)
        await until(seen, all_by(1))
    assert all(len(different) == 1 for different in seen.pictures.values())
    one, two = (seen.pictures[version, 0] for version in (1, 2))
    assert one != two
    for version in ("1", "2"):
        labels = {"model": NAME, "version": version}
        assert platform.service.metric("animegan_generator_version_seconds_count", **labels) > 0
        assert platform.service.metric("animegan_generator_version_failures_total", **labels) == 0


async def test_an_export_into_the_repository_of_a_released_model_changes_nothing(
    platform: Platform,
):
    """The pointer names what serves: without that version, Triton would come up with nothing."""
    graph = at_version(STYLEGAN, 2).graph().SerializeToString()
    inputs, outputs = (
        tuple(TensorSpec(name, dtype, tuple(dims)) for name, (dtype, dims) in tensors.items())
        for tensors in (STYLEGAN.inputs, STYLEGAN.outputs)
    )
    story = STYLEGAN.card(2, graph)
    models = Path(platform.models.url)
    export(models, [(ServedModel(NAME, "generator", graph, inputs, outputs, 1), story)])
    with LocalTriton(models, log=models.parent / "again.log") as triton, triton.admin() as admin:
        ready = {(model.name, model.version) for model in admin.index() if model.ready}
    assert ready == {(NAME, "1"), (f"{NAME}_traffic", "1")}
    publish(Store(models), platform.models, NAME)  # as the exporter advises
    await asyncio.to_thread(load, platform.models, platform.tritons, NAME)
    promote(platform.models, platform.tritons, NAME)
    async with callers(platform) as seen:
        await until(seen, all_by(3))


async def test_a_candidate_that_is_no_graph_never_takes_traffic(platform: Platform):
    graph = b"this is no graph, though its checksum is right"
    write_version(Path(platform.candidate.url) / NAME, STYLEGAN, 2)
    folder = Path(platform.candidate.url) / NAME / "2"
    (folder / "model.onnx").write_bytes(graph)
    card = json.loads((folder / "model_card.json").read_text())
    card["files"]["model.onnx"]["sha256"] = hashlib.sha256(graph).hexdigest()
    (folder / "model_card.json").write_text(json.dumps(card))
    publish(platform.candidate, platform.models, NAME)
    async with callers(platform) as seen:
        await until(seen, all_by(1))
        with pytest.raises(ReleaseError, match=r"cannot load stylegan"):
            await asyncio.to_thread(load, platform.models, platform.tritons, NAME)
        with pytest.raises(ReleaseError, match="no candidate"):
            canary(platform.models, platform.tritons, NAME, 1.0)
        platform.publish_another(3)  # a sound one, after all
        entry = await asyncio.to_thread(load, platform.models, platform.tritons, NAME)
        assert entry.traffic == Traffic(1, candidate=3)
        promote(platform.models, platform.tritons, NAME)
        await until(seen, all_by(3))
    assert {version for version, _ in seen.pictures} == {1, 3}


async def test_a_restarted_service_learns_the_share_from_triton(platform: Platform, tmp_path: Path):
    platform.publish_another(2)
    load(platform.models, platform.tritons, NAME)
    canary(platform.models, platform.tritons, NAME, 0.5)
    with ServiceProcess(platform.triton.http_url, tmp_path / "another.log") as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            answer = await stub.Generate(pb.GenerateRequest(count=SEEDS))
            assert answer.model_version == 1
            versions = {image.seed: image.model_version for image in answer.images}
            stream = stub.GenerateStream(pb.GenerateStreamRequest(count=SEEDS))
            streamed = [image async for message in stream for image in message.images]
    assert versions == {seed: 2 if bucket(seed) < 0.5 else 1 for seed in range(SEEDS)}
    assert [(image.seed, image.model_version) for image in streamed] == list(versions.items())
