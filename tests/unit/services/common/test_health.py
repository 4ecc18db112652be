"""Readiness follows the probe; liveness follows nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from services.common.errors import Unavailable
from services.common.health import LIVENESS, Health
from services.common.metrics import Metrics

NAME = "animegan.test.v1.EchoService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass
class Running:
    health: Health
    registry: CollectorRegistry
    stub: health_pb2_grpc.HealthStub
    probe: SimpleNamespace

    async def status(self, name: str) -> int:
        return (await self.stub.Check(health_pb2.HealthCheckRequest(service=name))).status

    async def turns(self, status: int) -> None:
        async with asyncio.timeout(10):
            while await self.status("") != status:
                await asyncio.sleep(0.01)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    registry = CollectorRegistry()
    health = Health(NAME, Metrics("test", registry))
    server = grpc.aio.server()
    await health.attach(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    probe = SimpleNamespace(error=Unavailable("Triton is away"), hangs=False)

    async def canary() -> None:
        if probe.hangs:
            await asyncio.Event().wait()
        if probe.error:
            raise probe.error

    watch = asyncio.create_task(health.watch(canary, interval_s=0.01, patience_s=0.2))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Running(health, registry, health_pb2_grpc.HealthStub(channel), probe)
    watch.cancel()
    await server.stop(None)


async def test_ready_only_while_the_canary_lives(running):
    assert await running.status("") == NOT_SERVING
    running.probe.error = None
    await running.turns(SERVING)
    assert await running.status(NAME) == SERVING
    assert running.registry.get_sample_value("animegan_test_ready") == 1
    running.probe.error = Unavailable("Triton is away")
    await running.turns(NOT_SERVING)
    assert await running.status(NAME) == NOT_SERVING
    assert running.registry.get_sample_value("animegan_test_ready") == 0


async def test_canaries_are_counted_by_outcome(running):
    def counted(outcome: str) -> float:
        labels = {"outcome": outcome}
        return running.registry.get_sample_value("animegan_test_canaries_total", labels)

    assert counted("success") == 0
    await running.turns(NOT_SERVING)
    running.probe.error = None
    await running.turns(SERVING)
    assert counted("success") >= 1
    assert counted("failure") >= 1


async def test_a_service_that_waits_for_its_first_success_looks_often_and_says_so_once():
    health, calls = Health(NAME, Metrics("waiting", CollectorRegistry())), 0
    server = grpc.aio.server()
    await health.attach(server)

    async def canary() -> None:
        nonlocal calls
        calls += 1
        raise Unavailable("Triton is away")

    with capture_logs() as events:
        watch = asyncio.create_task(health.watch(canary, interval_s=60, patience_s=60))
        await asyncio.sleep(1)
        watch.cancel()
    assert 3 <= calls <= 20
    assert [event["event"] for event in events].count("canary failed") == 1


async def test_a_canary_that_hangs_has_failed(running):
    running.probe.error = None
    await running.turns(SERVING)
    running.probe.hangs = True
    await running.turns(NOT_SERVING)


async def test_the_process_is_alive_whatever_the_canary_says(running):
    assert await running.status(LIVENESS) == SERVING
    assert await running.status("") == NOT_SERVING


async def test_draining_is_final(running):
    running.probe.error = None
    await running.turns(SERVING)
    await running.health.drain()
    await asyncio.sleep(0.05)  # several canaries succeed meanwhile
    assert await running.status("") == NOT_SERVING
    assert await running.status(LIVENESS) == SERVING


async def test_unknown_services_are_not_found(running):
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await running.status("nobody")
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND
