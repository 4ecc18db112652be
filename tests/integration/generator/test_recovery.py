"""The processes behind a model die; the watchdog brings the model back; callers are told so."""

import asyncio
import collections
import threading
from pathlib import Path

import grpc
import psutil
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.triton import LocalTriton
from deploy.local.watchdog import Timing, Watchdog
from tests.integration.generator.service import ServiceProcess
from tests.integration.tiny_models import GRAY, STYLEGAN, write_model

HASTY = Timing(
    canary=0.2, canary_deadline=2.0, reload_pause=0.5, farewell=1.0, settled=2.0
)  # fmt: skip


def watch(triton: LocalTriton, over: threading.Event, watching: threading.Event) -> None:
    with triton.admin() as admin:
        dog = Watchdog(admin, psutil.Process(triton.pid), triton.settings.shm_prefix, HASTY)
        while not over.wait(HASTY.canary):
            dog.look()
            watching.set()


async def test_killed_stubs_make_calls_unavailable_until_they_are_replaced(tmp_path: Path):
    for model in (STYLEGAN, GRAY):
        write_model(tmp_path / "models", model)
    over, watching = threading.Event(), threading.Event()
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as triton,
        ServiceProcess(triton.http_url, tmp_path / "log") as service,
    ):
        service.wait_for_event("ready")
        watchdog = threading.Thread(target=watch, args=(triton, over, watching))
        watchdog.start()
        try:
            assert await asyncio.to_thread(watching.wait, 30)
            codes = await _call_while_stubs_die(service, triton)
        finally:
            over.set()
            watchdog.join()
    # Nobody hears NOT_FOUND while the model is reloaded, or INTERNAL while its process is dead.
    # A watchdog that is quick lets the service's own patience hide the gap: then all is OK.
    assert "OK" in codes
    assert set(codes) <= {"OK", "UNAVAILABLE"}


async def _call_while_stubs_die(service: ServiceProcess, triton: LocalTriton) -> dict[str, int]:
    """Count the codes of calls from the death of the stubs to the recovery of both models."""
    codes: dict[str, int] = collections.Counter()
    async with grpc.aio.insecure_channel(service.target) as channel:
        stub = generator_pb2_grpc.GeneratorServiceStub(channel)
        health = health_pb2_grpc.HealthStub(channel)
        stubs = psutil.Process(triton.pid).children()
        assert stubs
        for process in stubs:
            process.kill()
        recovered = 0
        async with asyncio.timeout(90):
            while recovered < 10:
                for model in (STYLEGAN.name, GRAY.name):
                    try:
                        await stub.Generate(pb.GenerateRequest(model=model, count=2))
                        codes["OK"] += 1
                        recovered += 1
                    except grpc.aio.AioRpcError as error:
                        codes[error.code().name] += 1
                        recovered = 0
                await asyncio.sleep(0.05)
            request = health_pb2.HealthCheckRequest()
            while (await health.Check(request)).status != health_pb2.HealthCheckResponse.SERVING:
                await asyncio.sleep(0.05)
    return codes
