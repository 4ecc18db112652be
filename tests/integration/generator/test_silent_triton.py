"""One of two Tritons, or the only one, is stopped while callers go on."""

import asyncio
import collections
from pathlib import Path

import grpc
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc

from deploy.local.triton import LocalTriton
from tests.integration.generator.service import ServiceProcess
from tests.integration.local.stopped import stopped
from tests.integration.tiny_models import STYLEGAN, write_model

CALLERS, SECONDS = 8, 8.0
DEADLINE_S = 5.0  # silence is noticed within two
IN_FLIGHT = "animegan_generator_in_flight"


async def codes_for(seconds: float, stub) -> dict[str, int]:
    """How the calls of some callers end that call for so long."""
    codes: dict[str, int] = collections.Counter()
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def caller() -> None:
        while loop.time() < end:
            try:
                await stub.Generate(pb.GenerateRequest(count=4), timeout=DEADLINE_S)
                codes["OK"] += 1
            except grpc.aio.AioRpcError as error:
                codes[error.code().name] += 1
            await asyncio.sleep(0.05)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return codes


async def test_one_of_two_tritons_that_is_silent_costs_no_caller_an_answer(tmp_path: Path):
    write_model(tmp_path / "models", STYLEGAN)
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "one.log") as one,
        LocalTriton(tmp_path / "models", log=tmp_path / "other.log") as other,
        ServiceProcess(f"{one.http_url},{other.http_url}", tmp_path / "log") as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            with stopped(one.pid):
                codes = await codes_for(SECONDS, stub)
            await asyncio.to_thread(
                service.wait_for_event, "a Triton answers again", address=one.http_url
            )
            later = await codes_for(1, stub)
        assert codes.keys() == {"OK"}
        assert later.keys() == {"OK"}
        # More than four requests, which is what the service has under way at a time, were caught.
        assert codes["OK"] > 2 * CALLERS
        assert service.metric(IN_FLIGHT) == 0


async def test_while_the_only_triton_is_silent_callers_are_told_and_it_is_used_again(
    tmp_path: Path,
):
    write_model(tmp_path / "models", STYLEGAN)
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as triton,
        ServiceProcess(triton.http_url, tmp_path / "log") as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            with stopped(triton.pid):
                codes = await codes_for(SECONDS, stub)
            await asyncio.to_thread(service.wait_for_event, "a Triton answers again")
            later = await codes_for(1, stub)
        assert codes.keys() == {"UNAVAILABLE"}
        assert later.keys() == {"OK"}
        assert service.metric(IN_FLIGHT) == 0
