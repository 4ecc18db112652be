"""Every status of the API, provoked over the wire: what callers do wrong, and what breaks."""

import asyncio

import grpc
import pytest
from animegan.image.v1 import image_pb2
from animegan.upscaler.v1 import upscaler_pb2 as pb
from animegan.upscaler.v1 import upscaler_pb2_grpc
from google.rpc import error_details_pb2

from tests.integration.generator.test_statuses import detail, failure
from tests.integration.upscaler.material import UpscalerProcess, noise, png, request
from tests.integration.upscaler.streams import parts, received, refusal

FILE = png(noise(9, 9))
IMAGE = image_pb2.Image(data=FILE)


def raw(data: bytes, *size: int) -> image_pb2.Image:
    width, height, channels = size
    return image_pb2.Image(
        format=image_pb2.IMAGE_FORMAT_RAW, width=width, height=height, channels=channels, data=data
    )


@pytest.mark.parametrize(
    ("image", "options", "field"),
    [
        (None, {}, "image.data"),
        (image_pb2.Image(data=b"GIF89a, they said"), {}, "image.data"),
        (image_pb2.Image(data=FILE[:-30]), {}, "image.data"),
        (image_pb2.Image(data=FILE, format=99), {}, "image.format"),
        (raw(b"ab", 1, 1, 3), {}, "image.data"),
        (raw(b"12345", 1, 1, 5), {}, "image.data"),
        (IMAGE, {"method": "x" * 65}, "options.method"),
        (IMAGE, {"scale": 0.5}, "options.scale"),
        (IMAGE, {"scale": 8.1}, "options.scale"),
        (IMAGE, {"scale": float("nan")}, "options.scale"),
        (IMAGE, {"noise": -2}, "options.noise"),
        (IMAGE, {"noise": 4}, "options.noise"),
        (IMAGE, {"noise": 0}, "options.noise"),  # a level that the default method lacks
        (IMAGE, {"noise": 0, "method": "lanczos"}, "options.noise"),
        (IMAGE, {"test_time_augmentation": True, "method": "bicubic"},
         "options.test_time_augmentation"),
        (IMAGE, {"format": 99}, "options.format"),
        (IMAGE, {"quality": 50}, "options.quality"),
        (IMAGE, {"format": 3, "quality": 0}, "options.quality"),
        (IMAGE, {"format": 4, "keep_metadata": True}, "options.keep_metadata"),
        (image_pb2.Image(data=png(noise(9, 9, 4))), {"format": 3}, "options.format"),
    ],
)  # fmt: skip
async def test_invalid_argument_names_the_field(stub, image, options, field):
    message = pb.UpscaleRequest(image=image, options=pb.UpscaleOptions(**options))
    error = await failure(stub.Upscale(message))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    (violation,) = detail(error, error_details_pb2.BadRequest).field_violations
    assert violation.field == field
    assert violation.description


async def test_an_answer_that_is_too_large_for_a_message_names_the_stream(stub):
    error = await failure(stub.Upscale(request(noise(1025, 1025))))
    assert error.details() == (
        "options.scale: 2050x2050 pixels would be over the limit of 4194304; use UpscaleStream"
    )


async def test_not_found_lists_the_methods(stub):
    error = await failure(stub.Upscale(request(noise(9, 9), method="magic")))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == (
        "no method 'magic'; there are: other, tiny, nearest, bilinear, bicubic, lanczos"
    )


async def test_unauthenticated_without_the_token(triton, tmp_path):
    environment = {"ANIMEGAN_UPSCALER_AUTH_TOKEN": "swordfish"}
    with UpscalerProcess(triton.http_url, tmp_path / "log", **environment) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = upscaler_pb2_grpc.UpscalerServiceStub(channel)
            errors = [
                await failure(stub.Upscale(request(noise(9, 9)))),
                await asyncio.to_thread(refusal, service.target, parts(FILE)),
                await failure(stub.ListModels(pb.ListModelsRequest())),
            ]
        assert {error.code() for error in errors} == {grpc.StatusCode.UNAUTHENTICATED}


async def test_a_service_with_little_room(triton, tmp_path):
    """Unary calls are refused at once; pictures of streams wait."""
    flags = ["--max-input-pixels=10000", "--max-unary-pixels=40000", "--max-output-pixels=300000"]
    flags += ["--max-collected-pixels=20000", "--max-pixels-in-flight=190000"]
    flags += ["--max-picture-bytes=20000", "--retry-after-s=0.25"]
    with UpscalerProcess(triton.http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = upscaler_pb2_grpc.UpscalerServiceStub(channel)
            await _unary_calls_are_refused(stub, service)
            await _pictures_of_a_stream_wait(stub)
            await _limits_hold_before_anything_is_sent(stub)
            assert service.metric("animegan_upscaler_pixels_in_flight") == 0


async def _unary_calls_are_refused(stub, service) -> None:
    calls = [stub.Upscale(request(noise(90, 90), test_time_augmentation=True)) for _ in range(12)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    errors = [result for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert 1 <= len(errors) < len(results)
    for error in errors:
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "of at most 190000 pixels are in flight" in error.details()
        assert detail(error, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() == 250
    assert service.metric("animegan_upscaler_rejected_total", reason="busy") == len(errors)


async def _pictures_of_a_stream_wait(stub) -> None:
    options = pb.UpscaleOptions(format=image_pb2.IMAGE_FORMAT_WEBP)
    pictures = [part for i in range(6) for part in parts(png(noise(70, 70, seed=i)), str(i),
                options=options)]  # fmt: skip
    answers = await received(stub.UpscaleStream(iter(pictures)))
    assert [(answer.id, answer.done) for answer in answers] == [(str(i), True) for i in range(6)]


async def _limits_hold_before_anything_is_sent(stub) -> None:
    wrong = [
        (parts(b"", size_bytes=20001), "size_bytes"),
        (parts(b"x" * 20001), "chunk"),
        (parts(b"", format=4, width=101, height=100, channels=1), "width"),
        (parts(FILE, options=pb.UpscaleOptions(scale=8), chunk=7), ""),
        (parts(png(noise(80, 80)), options=pb.UpscaleOptions(scale=8)), "options.scale"),
    ]
    answers = await received(stub.UpscaleStream(part for one, _ in wrong for part in one))
    fields = [answer.failure.field if answer.failure else "" for answer in answers]
    assert fields == [field for _, field in wrong]


async def test_deadlines(stub, triton, tmp_path):
    slow = request(noise(300, 300), scale=4, test_time_augmentation=True)
    error = await failure(stub.Upscale(slow, timeout=0.01))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    flags = ("--default-deadline-s", "0.01", "--default-stream-deadline-s", "0.01")
    with UpscalerProcess(triton.http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            impatient = upscaler_pb2_grpc.UpscalerServiceStub(channel)
            error = await failure(impatient.Upscale(slow))
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            pieces = parts(slow.image.data, options=slow.options)
            error = await asyncio.to_thread(refusal, service.target, pieces)
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert await impatient.Upscale(request(noise(3, 3)), timeout=30)


async def test_a_default_method_that_is_away_is_unavailable_but_filters_serve(triton, tmp_path):
    with UpscalerProcess(
        triton.http_url, tmp_path / "log", "--default-method", "absent"
    ) as service:
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = upscaler_pb2_grpc.UpscalerServiceStub(channel)
            error = await failure(stub.Upscale(request(noise(3, 3))))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert "'absent' is not being served just now" in error.details()
            (answer,) = await received(
                stub.UpscaleStream(parts(FILE, options=pb.UpscaleOptions(method="lanczos")))
            )
            assert answer.done
        assert not [event for event in service.events() if event["event"] == "ready"]
