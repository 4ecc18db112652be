"""Streams cost what their reader takes: no more when it is slow, nothing once it has gone."""

import asyncio

import grpc
import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.image.v1 import image_pb2

IMAGES = "animegan_generator_images_total"
ENDLESS = 2**32 - 1


def made(service) -> float:
    return service.metric(IMAGES, model="stylegan")


def calls(service, code: str) -> float:
    return service.metric("animegan_generator_requests_total", method="GenerateStream", code=code)


def endless(stub, **fields):
    """A stream of raw pictures that nobody can read to its end."""
    fields |= {"count": ENDLESS, "format": image_pb2.IMAGE_FORMAT_RAW}
    return stub.GenerateStream(pb.GenerateStreamRequest(**fields))


async def settled(service) -> float:
    """Images made, once their number has stopped growing for a while."""
    async with asyncio.timeout(60):
        before = -1.0
        while (now := made(service)) != before:
            before = now
            await asyncio.sleep(1)
    return before


async def test_a_reader_who_pauses_pauses_the_work(stub, service):
    before = made(service)
    call = endless(stub)
    await call.read()
    paused = await settled(service) - before
    # What HTTP/2 and gRPC buffer, and the window of sub-batches; the rest of 4 billion waits.
    assert paused * 64 * 64 * 3 < 32 * 2**20
    while (message := await call.read()).images[0].seed < paused + 100:
        assert message.images
    assert made(service) - before > paused
    call.cancel()
    await settled(service)


@pytest.mark.parametrize("reads", [0, 3])
async def test_a_cancelled_stream_stops_costing(stub, service, reads):
    cancelled = calls(service, "CANCELLED")
    call = endless(stub)
    for _ in range(reads):
        await call.read()
    async with asyncio.timeout(30):
        while service.metric("animegan_generator_in_flight") == 0:
            await asyncio.sleep(0.01)
    call.cancel()
    async with asyncio.timeout(30):
        while calls(service, "CANCELLED") == cancelled:
            await asyncio.sleep(0.01)
    assert service.metric("animegan_generator_in_flight") == 0
    now = made(service)
    await asyncio.sleep(1)
    assert made(service) == now


async def test_an_expired_stream_stops_costing(stub, service):
    expired = calls(service, "DEADLINE_EXCEEDED")
    request = pb.GenerateStreamRequest(count=ENDLESS)
    received = 0
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        async for message in stub.GenerateStream(request, timeout=2):
            received += len(message.images)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert received > 0
    async with asyncio.timeout(30):
        while calls(service, "DEADLINE_EXCEEDED") == expired:
            await asyncio.sleep(0.01)
    assert service.metric("animegan_generator_in_flight") == 0


async def test_streams_share_triton_with_unary_calls(stub):
    call = endless(stub)
    await call.read()
    answers = await asyncio.gather(*(stub.Generate(pb.GenerateRequest(count=5)) for _ in range(5)))
    assert all(len(answer.images) == 5 for answer in answers)
    call.cancel()
