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

from services.common.rpc.errors import Unavailable
from services.common.rpc.health import LIVENESS, Health
from services.common.rpc.lasting_calls import LastingCalls
from services.common.rpc.metrics import Metrics
from tests.unit.services.common.rpc.raw_http2 import connected

NAME = "animegan.test.v1.EchoService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@dataclass
class Running:
    health: Health
    registry: CollectorRegistry
    stub: health_pb2_grpc.HealthStub
    probe: SimpleNamespace
    port: int
    lasting: LastingCalls

    async def status(self, name: str) -> int:
        return (await self.stub.Check(health_pb2.HealthCheckRequest(service=name))).status

    async def turns(self, status: int) -> None:
        async with asyncio.timeout(10):
            while await self.status("") != status:
                await asyncio.sleep(0.01)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    registry, lasting = CollectorRegistry(), LastingCalls()
    health = Health(NAME, Metrics("test", registry), lasting)
    server = grpc.aio.server()
    health.attach(server)
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
        stub = health_pb2_grpc.HealthStub(channel)
        yield Running(health, registry, stub, probe, port, lasting)
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
    health, calls = Health(NAME, Metrics("waiting", CollectorRegistry()), LastingCalls()), 0
    server = grpc.aio.server()
    health.attach(server)

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
    running.health.drain()
    await asyncio.sleep(0.05)  # several canaries succeed meanwhile
    assert await running.status("") == NOT_SERVING
    assert await running.status(LIVENESS) == SERVING


async def test_unknown_services_are_not_found(running):
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await running.status("nobody")
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    "fault", [KeyError("format 2"), asyncio.CancelledError(), TimeoutError(), MemoryError()]
)
async def test_a_fault_of_ours_is_a_failed_canary(running, fault):
    running.probe.error = None
    await running.turns(SERVING)
    with capture_logs() as events:
        running.probe.error = fault
        await running.turns(NOT_SERVING)
        await asyncio.sleep(0.1)  # some more canaries fail
    (complaint,) = [event for event in events if event["event"] == "canary failed"]
    assert complaint["log_level"] == "error"
    assert complaint["exc_info"] is fault
    assert type(fault).__name__ in complaint["reason"]
    running.probe.error = None
    await running.turns(SERVING)


async def test_a_canary_can_be_cancelled():
    health = Health(NAME, Metrics("cancelled", CollectorRegistry()), LastingCalls())
    begun = asyncio.Event()

    async def canary() -> None:
        begun.set()
        await asyncio.Event().wait()

    watch = asyncio.create_task(health.watch(canary, interval_s=0.01, patience_s=60))
    await begun.wait()
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


def watching(running: Running, name: str = ""):
    return running.stub.Watch(health_pb2.HealthCheckRequest(service=name))


async def test_a_watch_tells_each_change(running):
    calls = [watching(running, name) for name in ("", NAME, LIVENESS, "nobody")]
    first = [(await call.read()).status for call in calls]
    assert first == [NOT_SERVING, NOT_SERVING, SERVING, SERVICE_UNKNOWN]
    running.probe.error = None
    assert [(await call.read()).status for call in calls[:2]] == [SERVING, SERVING]
    running.health.drain()
    assert [(await call.read()).status for call in calls[:2]] == [NOT_SERVING, NOT_SERVING]


async def test_those_who_stay_are_told_when_another_has_left(running):
    """The servicer of grpcio-health-checking 1.81 forgets all watchers of the name."""
    leaves, stays = watching(running), watching(running)
    assert [(await call.read()).status for call in (leaves, stays)] == [NOT_SERVING] * 2
    leaves.cancel()
    await asyncio.sleep(0.1)
    running.probe.error = None
    async with asyncio.timeout(5):
        assert (await stays.read()).status == SERVING


async def test_watches_end_when_told_to(running):
    call = watching(running)
    await call.read()
    running.lasting.end()
    late = watching(running)
    for ended in (call, late):
        async with asyncio.timeout(5):
            assert await ended.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_watcher_that_does_not_read_holds_up_nobody(running):
    """Its window is shut: with the servicer of grpcio-health-checking 1.81 no other is told."""
    with connected(running.port, window=0) as caller:
        caller.call(b"/grpc.health.v1.Health/Watch", b"")
        await asyncio.sleep(0.2)
        running.probe.error = None
        await running.turns(SERVING)
        running.health.drain()
        assert await running.status("") == NOT_SERVING


async def test_watches_are_limited_on_a_connection(running):
    calls = [watching(running) for _ in range(17)]
    firsts = await asyncio.gather(*(call.read() for call in calls), return_exceptions=True)
    (refused,) = [first for first in firsts if isinstance(first, grpc.aio.AioRpcError)]
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    options = [("grpc.use_local_subchannel_pool", 1)]  # a connection of its own
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}", options) as channel:
        other = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await other.read()).status == NOT_SERVING
    for call in calls:
        call.cancel()
    await asyncio.sleep(0.2)
    assert (await watching(running).read()).status == NOT_SERVING  # there is room again


async def test_a_watched_name_is_no_message(running):
    """A watch holds its request."""
    call = watching(running, "x" * 1000)
    assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_watchers_are_told_of_the_end_before_it_comes(running):
    running.probe.error = None
    await running.turns(SERVING)
    call = watching(running)
    await call.read()
    running.health.drain()
    await asyncio.sleep(0)  # a drain that waits for nobody
    running.lasting.end()
    assert (await call.read()).status == NOT_SERVING
    assert await call.code() is grpc.StatusCode.UNAVAILABLE
