"""Start, readiness, what an operator can look at, new model versions, and the end."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.triton import LocalTriton
from tests.integration.generator.service import PROJECT, ServiceProcess
from tests.integration.tiny_models import STYLEGAN, write_model, write_version

SERVICE = "animegan.generator.v1.GeneratorService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("name", ["", SERVICE, "liveness"])
async def test_health(channel, name):
    health = health_pb2_grpc.HealthStub(channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
    assert answer.status == SERVING


def test_reflection_describes_the_api(service):
    with grpc.insecure_channel(service.target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert {SERVICE, "grpc.health.v1.Health"} <= set(database.get_services())
        file = database.FindFileContainingSymbol(SERVICE)
        assert [m.name for m in file.service[0].method] == [
            "Generate",
            "GenerateStream",
            "ListModels",
        ]


async def test_metrics_are_those_of_the_design(stub, service):
    before = service.metric("animegan_generator_images_total", model="stylegan")
    await stub.Generate(pb.GenerateRequest(count=40))
    families = {f.name: f for f in text_string_to_metric_families(service.metrics_text())}
    prefix = "animegan_generator_"
    kinds = {name.removeprefix(prefix): f.type for name, f in families.items() if prefix in name}
    assert kinds == {
        "requests": "counter",
        "request_seconds": "histogram",
        "first_answer_seconds": "histogram",
        "stage_seconds": "histogram",
        "in_flight": "gauge",
        "open_calls": "gauge",
        "message_bytes": "gauge",
        "answer_bytes": "gauge",
        "rejected": "counter",
        "images": "counter",
        "ready": "gauge",
        "canaries": "counter",
        "version_seconds": "histogram",
        "version_failures": "counter",
    }
    assert all(family.documentation.endswith(".") for name, family in families.items()
               if prefix in name)  # fmt: skip
    stages = {s.labels["stage"] for s in families[prefix + "stage_seconds"].samples}
    assert stages == {"latents", "infer", "encode"}
    assert service.metric(prefix + "images_total", model="stylegan") == before + 40
    assert service.metric(prefix + "ready") == 1
    assert families["process_resident_memory_bytes"].samples[0].value < 150 * 2**20


async def test_every_call_leaves_one_log_line_with_its_id(stub, service):
    call = stub.Generate(pb.GenerateRequest(count=2), metadata=(("x-request-id", "log-me"),))
    await call
    assert ("x-request-id", "log-me") in tuple(await call.trailing_metadata())
    line = service.wait_for_event("call", request_id="log-me")
    assert (line["method"], line["code"], line["service"]) == ("Generate", "OK", "generator")
    assert 0 < line["seconds"] < 60


async def test_sigterm_under_load_loses_nothing(triton, tmp_path):
    """Calls are in flight when SIGTERM comes, and more come while balancers still send them."""
    flags = ("--drain-wait-s", "1")
    with ServiceProcess(triton.http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        options = [("grpc.max_receive_message_length", -1)]
        async with grpc.aio.insecure_channel(service.target, options=options) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            health = health_pb2_grpc.HealthStub(channel)
            unary = [_generate(stub, 200) for _ in range(4)]
            streams = [_stream(stub, 2000) for _ in range(2)]
            load = asyncio.gather(*unary, *streams)
            await asyncio.sleep(0.2)
            assert not load.done()
            service.terminate()
            service.wait_for_event("draining")
            answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))
            assert answer.status == NOT_SERVING
            assert await _generate(stub, 3) == 3  # still welcome
            assert await load == [200] * 4 + [2000] * 2
        assert await asyncio.to_thread(service.process.wait, 30) == 0
        assert service.events()[-1]["event"] == "stopped"


async def _generate(stub, count: int) -> int:
    return len((await stub.Generate(pb.GenerateRequest(count=count))).images)


async def _stream(stub, count: int) -> int:
    request = pb.GenerateStreamRequest(count=count)
    return sum([len(message.images) async for message in stub.GenerateStream(request)])


async def test_calls_that_outlast_the_grace_period_are_cut(triton, tmp_path):
    flags = ("--drain-grace-s", "0.5")
    with ServiceProcess(triton.http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            call = stub.GenerateStream(pb.GenerateStreamRequest(count=2**32 - 1))
            await call.read()
            service.terminate()
            assert await asyncio.to_thread(service.process.wait, 30) == 0
            with pytest.raises(grpc.aio.AioRpcError):
                while await call.read():
                    pass


async def test_a_new_version_takes_over_without_a_failed_call(tmp_path: Path):
    """Triton loads version 2 and drops 1 while callers keep calling."""
    folder = write_model(tmp_path / "models", STYLEGAN, instances=2)
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as triton,
        ServiceProcess(
            triton.http_url,
            tmp_path / "log",
            "--canary-interval-s",
            "5",
            "--canary-patience-s",
            "9",
        ) as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            seen: dict[int, set[bytes]] = {}
            done = asyncio.Event()

            async def caller() -> None:
                while not done.is_set():
                    answer = await stub.Generate(pb.GenerateRequest(count=40))
                    data = b"".join(image.image.data for image in answer.images)
                    seen.setdefault(answer.model_version, set()).add(data)

            async def publish() -> None:
                await asyncio.sleep(0.5)
                await asyncio.to_thread(_publish_version_2, folder, triton)
                async with asyncio.timeout(30):
                    while 2 not in seen:
                        await asyncio.sleep(0.05)
                await asyncio.sleep(0.5)
                done.set()

            await asyncio.gather(publish(), *(caller() for _ in range(4)))
    assert {version: len(answers) for version, answers in seen.items()} == {1: 1, 2: 1}
    assert not seen[1] & seen[2]


def _publish_version_2(folder: Path, triton: LocalTriton) -> None:
    """As a publisher does: the config learns the new card, then Triton is told to load."""
    _rewritten = folder.parent.parent / "staged"
    staged = write_model(_rewritten, STYLEGAN, versions=(1, 2), instances=2)
    (staged / "config.pbtxt").replace(folder / "config.pbtxt")
    write_version(folder, STYLEGAN, 2)
    with triton.admin() as admin:
        admin.load(STYLEGAN.name)


@pytest.mark.parametrize("taken", ["port", "metrics_port"])
def test_a_port_that_is_taken_is_an_error_at_start(service, triton, taken):
    command = [sys.executable, "-m", "services.generator", "--triton-url", triton.http_url]
    for name in ("port", "metrics_port"):
        port = service.ports[name] if name == taken else 0
        command += [f"--{name.replace('_', '-')}", str(port)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=PROJECT
    )
    assert result.returncode == 1
    last = json.loads(result.stdout.splitlines()[-1])
    assert (last["level"], last["event"][:13]) == ("error", "cannot listen")
    assert "Traceback" not in result.stderr
