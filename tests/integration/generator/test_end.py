"""What lasts for ever does not keep a service from its end. No Triton is needed for that."""

import asyncio
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.integration.generator.service import ServiceProcess

NOBODY = "127.0.0.1:9"  # the port of "discard": no Triton listens there
GRACE_S = 60.0
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("wait_s", ["0", "0.5"])
async def test_a_service_ends_while_watches_and_reflection_streams_are_open(tmp_path, wait_s):
    flags = ("--drain-grace-s", str(GRACE_S), "--drain-wait-s", wait_s)
    with ServiceProcess(NOBODY, tmp_path / "log", *flags) as service:
        async with grpc.aio.insecure_channel(service.target) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(
                health_pb2.HealthCheckRequest(service="liveness")
            )
            await watch.read()
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            reflection = stub.ServerReflectionInfo()
            await reflection.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            assert (await reflection.read()).HasField("list_services_response")
            started = time.monotonic()
            service.terminate()
            assert await asyncio.to_thread(service.process.wait, GRACE_S / 2) == 0
            assert time.monotonic() - started < GRACE_S / 2
            for call in (watch, reflection):
                assert await call.code() is grpc.StatusCode.UNAVAILABLE
        assert service.events()[-1]["event"] == "stopped"
