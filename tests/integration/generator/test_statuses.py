"""Every status code of the design, provoked for real over the wire."""

import asyncio
import socket
from pathlib import Path

import grpc
import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.triton import LocalTriton
from tests.integration.generator.service import ServiceProcess
from tests.integration.tiny_models import GRAY, NOISY, STYLEGAN, write_model
from tests.unit.services.common.rpc.echo import failure

TOKEN = "swordfish"


def detail(error: grpc.aio.AioRpcError, kind):
    """The detail of that kind in grpc-status-details-bin."""
    status = status_pb2.Status.FromString(
        dict(error.trailing_metadata())["grpc-status-details-bin"]
    )
    assert (status.code, status.message) == (error.code().value[0], error.details())
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            return kind.FromString(packed.value)
    raise AssertionError(f"no {kind.__name__} in {status}")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "count"),
        ({"count": 257}, "count"),
        ({"seeds": [1], "count": 1}, "count"),
        ({"count": 2, "base_seed": 2**64 - 1}, "base_seed"),
        ({"count": 1, "truncation": float("nan")}, "truncation"),
        ({"count": 1, "truncation": 2.5}, "truncation"),
        ({"count": 1, "truncation": 1.0, "model": GRAY.name}, "truncation"),
        ({"count": 1, "noise_mode": pb.NOISE_MODE_RANDOM}, "noise_mode"),
        ({"count": 1, "noise_mode": 99}, "noise_mode"),
        ({"count": 1, "format": 99}, "format"),
        ({"count": 1, "quality": 50}, "quality"),
    ],
)
async def test_invalid_argument_names_the_field(stub, fields, field):
    calls = [stub.Generate(pb.GenerateRequest(**fields))]
    if fields != {"count": 257}:
        calls.append(stub.GenerateStream(pb.GenerateStreamRequest(**fields)))
    for call in calls:
        error = await failure(call)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        (violation,) = detail(error, error_details_pb2.BadRequest).field_violations
        assert violation.field == field
        assert error.details() == f"{field}: {violation.description}"


async def test_a_message_over_the_limit_is_cut_off_by_grpc(stub):
    five_mib = pb.GenerateStreamRequest(seeds=[2**63] * (5 * 2**20 // 10))
    error = await failure(stub.GenerateStream(five_mib))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "vs. 1048576" in error.details()
    assert await stub.Generate(pb.GenerateRequest(count=1))


async def test_of_compressed_messages_the_unpacked_bytes_count(stub):
    small = pb.GenerateRequest(seeds=[7] * 200)
    compressed = await stub.Generate(small, compression=grpc.Compression.Gzip)
    assert [image.seed for image in compressed.images] == [7] * 200
    bomb = pb.GenerateRequest(model="x" * 50 * 2**20)  # 50 kB on the wire
    error = await failure(stub.Generate(bomb, compression=grpc.Compression.Gzip))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "over 1048576 bytes when it is unpacked" in error.details()
    error = await failure(stub.Generate(small, compression=grpc.Compression.Deflate))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_seeds_beyond_a_messages_limit_are_named_by_base_seed_and_count(stub):
    error = await failure(stub.GenerateStream(pb.GenerateStreamRequest(seeds=range(2**16 + 1))))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "over the limit of 65536 per call; use GenerateStream, with base_seed" in error.details()


async def test_garbage_is_an_invalid_argument(channel):
    raw = channel.unary_unary("/animegan.generator.v1.GeneratorService/Generate")
    assert (await failure(raw(b"\xff\xff\xff"))).code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_not_found_lists_the_models(stub):
    for call in (
        stub.Generate(pb.GenerateRequest(count=1, model="nobody")),
        stub.GenerateStream(pb.GenerateStreamRequest(count=1, model="nobody")),
    ):
        error = await failure(call)
        assert error.code() is grpc.StatusCode.NOT_FOUND
        names = ", ".join(sorted([STYLEGAN.name, NOISY.name, GRAY.name]))
        assert error.details() == f"no model 'nobody'; there are: {names}"


async def test_resource_exhausted_says_when_to_come_back(triton, tmp_path):
    flags = ("--max-images-in-flight", "264", "--retry-after-s", "0.25")
    with ServiceProcess(triton.http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            request = pb.GenerateRequest(count=256)
            calls = [asyncio.ensure_future(_settled(stub.Generate(request))) for _ in range(8)]
            results = await asyncio.gather(*calls)
        errors = [result for result in results if isinstance(result, grpc.aio.AioRpcError)]
        assert 1 <= len(errors) < len(results)
        for error in errors:
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert detail(error, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() == 250
        rejected = service.metric("animegan_generator_rejected_total", reason="busy")
        assert rejected == len(errors)
        assert service.metric("animegan_generator_in_flight") == 0


async def _settled(call):
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        return error


async def test_deadline_exceeded_by_the_callers_clock_and_by_the_default(stub, triton, tmp_path):
    error = await failure(stub.Generate(pb.GenerateRequest(count=256), timeout=0.001))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    flags = ("--default-deadline-s", "0.001", "--default-stream-deadline-s", "0.001")
    with ServiceProcess(triton.http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            impatient = generator_pb2_grpc.GeneratorServiceStub(channel)
            for call in (
                impatient.Generate(pb.GenerateRequest(count=256)),
                impatient.GenerateStream(pb.GenerateStreamRequest(count=256)),
            ):
                assert (await failure(call)).code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert await impatient.Generate(pb.GenerateRequest(count=1), timeout=30)


async def test_unauthenticated_without_the_token_but_health_is_open(triton, tmp_path):
    environment = {"ANIMEGAN_GENERATOR_AUTH_TOKEN": TOKEN}
    with ServiceProcess(triton.http_url, tmp_path / "log", **environment) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            for metadata in ((), (("authorization", "Bearer guess"),)):
                for call in (
                    stub.Generate(pb.GenerateRequest(count=1), metadata=metadata),
                    stub.GenerateStream(pb.GenerateStreamRequest(count=1), metadata=metadata),
                    stub.ListModels(pb.ListModelsRequest(), metadata=metadata),
                ):
                    assert (await failure(call)).code() is grpc.StatusCode.UNAUTHENTICATED
            metadata = (("authorization", f"Bearer {TOKEN}"),)
            assert await stub.Generate(pb.GenerateRequest(count=1), metadata=metadata)
            health = health_pb2_grpc.HealthStub(channel)
            answer = await health.Check(health_pb2.HealthCheckRequest())
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert TOKEN not in service.log_text()


async def test_unavailable_while_triton_is_away_and_well_again_after(tmp_path):
    write_model(tmp_path / "models", STYLEGAN)
    port = _free_port()
    triton = LocalTriton(tmp_path / "models", http_port=port, log=tmp_path / "triton.log")
    with ServiceProcess(f"127.0.0.1:{port}", tmp_path / "log") as service:
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            health = health_pb2_grpc.HealthStub(channel)

            async def status(name: str) -> int:
                return (await health.Check(health_pb2.HealthCheckRequest(service=name))).status

            async def away() -> None:
                for call in (
                    stub.Generate(pb.GenerateRequest(count=1)),
                    stub.GenerateStream(pb.GenerateStreamRequest(count=1)),
                ):
                    error = await failure(call)
                    assert error.code() is grpc.StatusCode.UNAVAILABLE
                    assert str(port) not in error.details()
                assert await status("") == health_pb2.HealthCheckResponse.NOT_SERVING
                assert await status("liveness") == health_pb2.HealthCheckResponse.SERVING

            async def turns(wanted: int) -> None:
                async with asyncio.timeout(30):
                    while await status("") != wanted:
                        await asyncio.sleep(0.05)

            await away()
            for _ in range(2):
                await asyncio.to_thread(triton.start)
                await turns(health_pb2.HealthCheckResponse.SERVING)
                assert await stub.Generate(pb.GenerateRequest(count=1))
                await asyncio.to_thread(triton.stop)
                await turns(health_pb2.HealthCheckResponse.NOT_SERVING)
                await away()


async def test_internal_tells_nothing_but_the_request_id(tmp_path):
    _write_model_that_fails(tmp_path / "models")
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as triton,
        ServiceProcess(triton.http_url, tmp_path / "log") as service,
    ):
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            metadata = (("x-request-id", "find-me"),)
            error = await failure(stub.Generate(pb.GenerateRequest(count=3), metadata=metadata))
        assert error.code() is grpc.StatusCode.INTERNAL
        assert error.details() == "internal error; please report request id find-me"
        assert detail(error, error_details_pb2.RequestInfo).request_id == "find-me"
        assert dict(error.trailing_metadata())["x-request-id"] == "find-me"
        assert "onnx" not in repr(error.trailing_metadata()).lower()
        logged = service.wait_for_event("internal error", request_id="find-me")
        assert logged["exception"][0]["exc_type"] == "Internal"
        service.wait_for_event("call", request_id="find-me", code="INTERNAL")


def _write_model_that_fails(repository: Path) -> None:
    """A model whose configuration promises another latent than its graph takes."""
    folder = write_model(repository, STYLEGAN)
    config = folder / "config.pbtxt"
    right = "dims: [128]"
    assert right in config.read_text()
    config.write_text(config.read_text().replace(right, "dims: [100]"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
