"""What one caller does stops no other: silent streams, slow uploads, the largest pictures."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO

import grpc
import pytest
from animegan.image.v1 import image_pb2
from animegan.upscaler.v1 import upscaler_pb2 as pb
from animegan.upscaler.v1 import upscaler_pb2_grpc
from PIL import Image

from tests.integration.upscaler.material import UpscalerProcess, noise, png
from tests.integration.upscaler.streams import parts, received
from tests.integration.upscaler.test_statuses import request


@pytest.fixture
async def stub(triton, tmp_path) -> AsyncIterator[upscaler_pb2_grpc.UpscalerServiceStub]:
    """Of a service with default settings, but for a room of two largest messages."""
    room = f"--max-message-bytes-in-flight={2 * 16 * 2**20}"
    with UpscalerProcess(triton.http_url, tmp_path / "log", room) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            yield upscaler_pb2_grpc.UpscalerServiceStub(channel)


async def test_silent_streams_lock_nobody_out(stub):
    async def silence() -> AsyncIterator[pb.UpscaleStreamRequest]:
        await asyncio.Event().wait()
        yield pb.UpscaleStreamRequest()

    async def interrupted() -> AsyncIterator[pb.UpscaleStreamRequest]:
        for part in list(parts(png(noise(9, 9)), chunk=10))[:3]:
            yield part
        await asyncio.Event().wait()

    silent = [stub.UpscaleStream(silence()), stub.UpscaleStream(interrupted())]
    await asyncio.gather(*(call.wait_for_connection() for call in silent))
    async with asyncio.timeout(30):
        for _ in range(3):
            assert await stub.Upscale(request(noise(9, 9)))
        answers = await received(stub.UpscaleStream(parts(png(noise(9, 9)), "a")))
    assert [answer.done for answer in answers] == [True]
    assert grpc.StatusCode.ABORTED in [await call.code() for call in silent if call.done()]
    for call in silent:
        call.cancel()


async def test_a_silent_stream_does_not_keep_a_service_from_its_end(tmp_path):
    flags = ("--drain-grace-s", "60")
    with UpscalerProcess("127.0.0.1:9", tmp_path / "log", *flags) as service:
        async with grpc.aio.insecure_channel(service.target) as channel:
            silent = upscaler_pb2_grpc.UpscalerServiceStub(channel).UpscaleStream()
            await silent.write(pb.UpscaleStreamRequest(start=pb.Start(id="a")))
            await asyncio.sleep(0.2)
            service.terminate()
            assert await asyncio.to_thread(service.process.wait, 30) == 0
            assert await silent.code() is grpc.StatusCode.ABORTED
            assert "is being stopped" in await silent.details()


async def test_an_answer_that_is_not_taken_holds_no_pixels(triton, tmp_path):
    """Of a JPEG nothing but its file is left, once it is encoded."""
    file = png(noise(2500, 2500))
    options = pb.UpscaleOptions(
        scale=1, format=image_pb2.IMAGE_FORMAT_JPEG, quality=100, method="lanczos"
    )
    with UpscalerProcess(triton.http_url, tmp_path / "log") as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            call = upscaler_pb2_grpc.UpscalerServiceStub(channel).UpscaleStream(
                parts(file, chunk=2**18, size_bytes=len(file), options=options)
            )
            while (await call.read()).WhichOneof("part") != "chunk":
                pass
            await asyncio.sleep(1)  # what flow control lets pass has come
            assert service.metric("animegan_upscaler_in_flight") == 1
            assert service.metric("animegan_upscaler_pixels_in_flight") == 0
            call.cancel()


async def test_the_largest_picture_starts_and_small_ones_go_on(stub):
    file = BytesIO()
    Image.new("RGB", (8192, 8192), (200, 100, 50)).save(file, "PNG")
    options = pb.UpscaleOptions(scale=1, format=image_pb2.IMAGE_FORMAT_JPEG, method="lanczos")
    large = asyncio.create_task(
        received(
            stub.UpscaleStream(
                parts(
                    file.getvalue(),
                    "large",
                    chunk=2**18,
                    size_bytes=file.getbuffer().nbytes,
                    options=options,
                )
            )
        )
    )
    others = 0
    while not large.done():
        assert await stub.Upscale(request(noise(9, 9)), timeout=30)
        small = await received(stub.UpscaleStream(parts(png(noise(9, 9)), "small"), timeout=60))
        assert small[0].done
        others += 1
    (answer,) = await large
    assert answer.done
    assert (answer.header.width, answer.header.height) == (8192, 8192)
    assert others
