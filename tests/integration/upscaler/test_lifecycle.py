"""Readiness, what an operator can look at, new model versions, a Triton that goes away, the end."""

import asyncio
import shutil
from pathlib import Path

import grpc
import numpy as np
import onnxruntime
import pytest
from animegan.upscaler.v1 import upscaler_pb2 as pb
from animegan.upscaler.v1 import upscaler_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.triton import LocalTriton
from tests.integration.generator.service import PROJECT
from tests.integration.generator.test_statuses import failure
from tests.integration.local.stopped import stopped
from tests.integration.tiny_upscalers import TinyUpscaler, write_upscaler
from tests.integration.upscaler.material import (
    FILTERS,
    MADE,
    UpscalerProcess,
    noise,
    pixels,
    png,
    request,
    run,
)
from tests.integration.upscaler.streams import parts, received

SERVICE = "animegan.upscaler.v1.UpscalerService"
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
        file = database.FindFileContainingSymbol(SERVICE)
    methods = [method.name for method in file.service[0].method]
    assert methods == ["Upscale", "UpscaleStream", "ListModels"]


async def test_list_models_tells_what_the_cards_tell(stub):
    methods = (await stub.ListModels(pb.ListModelsRequest())).methods
    assert [method.name for method in methods] == ["other", "tiny", *FILTERS]
    assert [method.is_default for method in methods] == [False, True, *[False] * 4]
    assert [method.is_filter for method in methods] == [False, False, *[True] * 4]
    (model,) = [model for model in methods[1].models if (model.scale, model.noise) == (2, 1)]
    assert len(model.model_sha256) == 64
    model.model_sha256 = ""
    assert model == pb.Model(
        name="upscale_tiny_2x_noise1", version=1, description="a kernel for tests", scale=2,
        noise=1, margin=1, licence="Apache-2.0", metrics={"psnr": 30.5},
    )  # fmt: skip


async def test_metrics_count_pixels_and_time_stages(stub, service):
    made = service.metric(MADE, model="upscale_tiny_2x")
    answers = service.metric("animegan_upscaler_images_total", model="tiny")
    large = service.metric("animegan_upscaler_output_pixels_total", method="tiny")
    await stub.Upscale(request(noise(30, 40), scale=4))
    assert service.metric(MADE, model="upscale_tiny_2x") == made + 30 * 40 * (4 + 16)
    assert service.metric("animegan_upscaler_images_total", model="tiny") == answers + 1
    after = service.metric("animegan_upscaler_output_pixels_total", method="tiny")
    assert after == large + 30 * 40 * 16
    families = {f.name: f for f in text_string_to_metric_families(service.metrics_text())}
    stages = {s.labels["stage"] for s in families["animegan_upscaler_stage_seconds"].samples}
    assert stages == {"read", "infer", "encode"}
    assert service.metric("animegan_upscaler_ready") == 1
    assert families["process_resident_memory_bytes"].samples[0].value < 300 * 2**20


async def test_sigterm_under_load_loses_nothing(triton, tmp_path):
    """Calls are in flight when SIGTERM comes, and more come while balancers still send them."""
    image = noise(200, 200)
    expected = run(TinyUpscaler("tiny"), image)
    with UpscalerProcess(triton.http_url, tmp_path / "log", "--drain-wait-s", "1") as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = upscaler_pb2_grpc.UpscalerServiceStub(channel)
            pictures = [part for _ in range(20) for part in parts(png(image), chunk=2**18)]
            load = asyncio.gather(*(received(stub.UpscaleStream(iter(pictures))) for _ in range(2)))
            await asyncio.sleep(0.2)
            assert not load.done()
            service.terminate()
            service.wait_for_event("draining")
            health = health_pb2.HealthCheckRequest(service=SERVICE)
            answer = await health_pb2_grpc.HealthStub(channel).Check(health)
            assert answer.status == NOT_SERVING
            assert await stub.Upscale(request(noise(3, 3)))  # still welcome
            for answers in await load:
                assert len(answers) == 20
                assert all(np.array_equal(pixels(one.data), expected) for one in answers)
        assert await asyncio.to_thread(service.process.wait, 30) == 0
        assert service.events()[-1]["event"] == "stopped"


async def test_a_new_version_takes_over_without_a_failed_call_and_triton_comes_back(
    tmp_path: Path,
):
    old, new = TinyUpscaler("tiny"), TinyUpscaler("tiny", seed=9)
    image = noise(20, 20)
    expected = {1: run(old, image), 2: run(new, image)}
    folder = write_upscaler(tmp_path / "models", old)
    flags = ("--canary-interval-s", "5", "--canary-patience-s", "9")
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as triton,
        UpscalerProcess(triton.http_url, tmp_path / "log", *flags) as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = upscaler_pb2_grpc.UpscalerServiceStub(channel)
            seen: set[int] = set()

            async def caller() -> None:
                while 2 not in seen:
                    answer = await stub.Upscale(request(image))
                    (step,) = answer.provenance.passes
                    assert np.array_equal(pixels(answer.image.data), expected[step.version])
                    seen.add(step.version)

            async def publish() -> None:
                while not seen:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(_publish, folder, new, triton)

            async with asyncio.timeout(60):
                await asyncio.gather(publish(), *(caller() for _ in range(4)))
            assert seen == {1, 2}
            await asyncio.to_thread(triton.stop)
            for call in (
                stub.Upscale(request(image)),
                stub.UpscaleStream(parts(png(image))),
            ):
                assert (await failure(call)).code() is grpc.StatusCode.UNAVAILABLE
            await asyncio.to_thread(triton.start)
            async with asyncio.timeout(30):
                answer = await _once_available(stub, image)
            assert np.array_equal(pixels(answer.image.data), expected[2])


async def _once_available(stub, image: np.ndarray) -> pb.UpscaleResponse:
    while True:
        try:
            return await stub.Upscale(request(image))
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            await asyncio.sleep(0.05)


def _publish(folder: Path, model: TinyUpscaler, triton: LocalTriton) -> None:
    """As a publisher does: the config learns the new card, then Triton is told to load."""
    staged = write_upscaler(folder.parents[1] / "staged", model, version=2)
    shutil.move(staged / "2", folder / "2")
    (staged / "config.pbtxt").replace(folder / "config.pbtxt")
    with triton.admin() as admin:
        admin.load(model.name)


async def test_one_of_two_tritons_that_is_silent_costs_no_caller_an_answer(tmp_path: Path):
    write_upscaler(tmp_path / "models", TinyUpscaler("tiny"))
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "one.log") as one,
        LocalTriton(tmp_path / "models", log=tmp_path / "other.log") as other,
        UpscalerProcess(f"{one.http_url},{other.http_url}", tmp_path / "log") as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = upscaler_pb2_grpc.UpscalerServiceStub(channel)
            with stopped(one.pid):
                for _ in range(3):  # more of them at a time than the service asks Triton for
                    await asyncio.gather(
                        *(stub.Upscale(request(noise(40 + n, 40)), timeout=5) for n in range(12))
                    )
                assert "a Triton is silent" in [event["event"] for event in service.events()]
            await asyncio.to_thread(service.wait_for_event, "a Triton answers again")
            await stub.Upscale(request(noise(40, 40)), timeout=5)


async def test_the_default_network_equals_in_process_onnx_runtime(tmp_path: Path):
    """At a face's size, which goes in one piece, exactly; in tiles within a level."""
    folder = PROJECT / "models" / "upscale_compact_2x"
    shutil.copytree(folder, tmp_path / "models" / folder.name)
    version = max((path.name for path in folder.iterdir() if path.is_dir()), key=int)
    session = onnxruntime.InferenceSession(folder / version / "model.onnx")
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as triton,
        UpscalerProcess(
            triton.http_url, tmp_path / "log", "--default-method", "compact"
        ) as service,
    ):
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = upscaler_pb2_grpc.UpscalerServiceStub(channel)
            for size in (64, 300):
                image = noise(size, size)
                answer = await stub.Upscale(request(image), timeout=60)
                whole = session.run(None, {"image": image[np.newaxis]})[0][0]
                difference = abs(pixels(answer.image.data).astype(int) - whole)
                assert difference.max() <= 1
