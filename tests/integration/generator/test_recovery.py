"""Triton dies and comes back; callers hear that the models are away, and nothing else."""

import asyncio
import collections
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import psutil
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.triton import LocalTriton
from tests.integration.generator.service import ServiceProcess
from tests.integration.tiny_models import GRAY, STYLEGAN, write_model


async def codes_around_a_crash(
    triton: LocalTriton, calls: list[Callable[[], Awaitable[object]]]
) -> dict[str, int]:
    """Kill Triton, start it again when calls have failed, and count codes until they succeed."""
    codes: dict[str, int] = collections.Counter()
    recovered = 0
    psutil.Process(triton.pid).kill()
    async with asyncio.timeout(90):
        while recovered < 10:
            for call in calls:
                try:
                    await call()
                    codes["OK"] += 1
                    recovered += 1
                except grpc.aio.AioRpcError as error:
                    codes[error.code().name] += 1
                    recovered = 0
            if sum(codes.values()) == 4 * len(calls):
                await asyncio.to_thread(triton.start)
            await asyncio.sleep(0.05)
    return codes


async def test_calls_are_unavailable_while_triton_is_away(tmp_path: Path):
    for model in (STYLEGAN, GRAY):
        write_model(tmp_path / "models", model)
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as triton,
        ServiceProcess(triton.http_url, tmp_path / "log") as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            codes = await codes_around_a_crash(
                triton,
                [
                    lambda name=model.name: stub.Generate(pb.GenerateRequest(model=name, count=2))
                    for model in (STYLEGAN, GRAY)
                ],
            )
            health, serving = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckResponse
            async with asyncio.timeout(30):
                while True:
                    answer = await health.Check(health_pb2.HealthCheckRequest())
                    if answer.status == serving.SERVING:
                        break
                    await asyncio.sleep(0.05)
    # Nobody hears NOT_FOUND while models are loaded, or INTERNAL while Triton is dead.
    assert set(codes) == {"OK", "UNAVAILABLE"}
