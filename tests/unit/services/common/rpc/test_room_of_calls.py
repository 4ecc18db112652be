"""What calls hold, and who has to give way: callers that are silent, and those that do not read."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tests.unit.services.common.rpc.echo import (
    FLOOD_BYTES,
    SERVICE,
    Running,
    failure,
    running,
)


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running() as server:
        yield server


async def silence() -> AsyncIterator[StringValue]:
    """Messages of a caller who opens a stream and sends nothing."""
    await asyncio.Event().wait()
    yield StringValue()


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Calls that wait for their callers are ended sooner, so that tests need not wait long."""
    monkeypatch.setattr("services.common.rpc.admission.PATIENCE_S", 0.2)
    monkeypatch.setattr("services.common.rpc.admission._LOOK_SECONDS", 0.02)
    monkeypatch.setattr("services.common.rpc.deadline._SWEEP_SECONDS", 0.02)


@pytest.mark.usefixtures("impatient")
async def test_silent_streams_give_way_to_those_who_send():
    async with running(max_calls=50) as server:
        silent = [server.chat(silence()) for _ in range(50)]  # as many as may be open
        await asyncio.gather(*(call.wait_for_connection() for call in silent))
        await asyncio.sleep(0.3)
        for text in "abc":
            assert (await server.unary(StringValue(value=text), timeout=5)).value == text
        ended = [call for call in silent if call.done()]
        assert 1 <= len(ended) <= 3  # no more than had to
        assert await ended[0].code() is grpc.StatusCode.ABORTED
        assert "had waited" in await ended[0].details()
        for call in silent:
            call.cancel()


@pytest.mark.usefixtures("impatient")
async def test_a_stream_whose_work_takes_long_is_not_taken_for_silent():
    async def asks() -> AsyncIterator[StringValue]:
        yield StringValue(value="wait")
        async for message in silence():
            yield message

    async with running(max_message_bytes_in_flight=1000) as server:
        working = server.chat(asks())
        await server.echo.begun.wait()
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await server.unary(StringValue(value="a"), timeout=0.7)
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert not working.done()
        working.cancel()


@pytest.mark.usefixtures("impatient")
async def test_silent_calls_end_by_themselves_in_the_end():
    async with running(idle_timeout_s=0.1) as server:
        error = await failure(server.chat(silence()))
        assert error.code() is grpc.StatusCode.ABORTED
        assert "idle for too long" in error.details()
        flooded = server.stream(StringValue(value="flood"))
        await flooded.read()
        await server.counted("Stream", "ABORTED")
        assert server.echo.dropped.is_set()
        flooded.cancel()
        slow = server.stream(StringValue(value="wait"))  # our work, not the caller's delay
        await asyncio.sleep(0.4)
        assert not slow.done()
        slow.cancel()


async def test_one_call_too_many_is_refused():
    async with running(max_calls=2) as server:
        open_ = [server.chat(silence()) for _ in range(2)]
        await asyncio.gather(*(call.wait_for_connection() for call in open_))
        error = await failure(server.unary(StringValue(value="a")))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "2 of at most 2 calls" in error.details()
        assert dict(error.trailing_metadata())["grpc-retry-pushback-ms"] == "500"
        for one in open_:
            one.cancel()


@pytest.mark.usefixtures("impatient")
async def test_messages_wait_for_those_that_are_read():
    async with running(max_message_bytes_in_flight=1999) as server:  # one largest at a time
        silent = server.chat(silence())
        await silent.wait_for_connection()
        assert (await server.unary(StringValue(value="a"), timeout=5)).value == "a"
        assert await silent.code() is grpc.StatusCode.ABORTED


async def test_deadlines_have_a_limit():
    async with running(max_deadline_s=0.2) as server:
        call = server.unary(StringValue(value="wait"), timeout=10 * 365 * 86400)
        error = await failure(call)
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert server.echo.dropped.is_set()


async def test_of_a_stranger_no_message_is_read():
    async with running(auth_token="swordfish", max_message_bytes_in_flight=1000) as server:
        silent = server.chat(silence(), metadata=(("authorization", "Bearer swordfish"),))
        await silent.wait_for_connection()  # and now there is no room for another message
        error = await failure(server.unary(StringValue(value="a"), timeout=5))
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        silent.cancel()


async def test_large_answers_take_room_until_they_are_taken(server):
    codec = {
        "request_serializer": StringValue.SerializeToString,
        "response_deserializer": StringValue.FromString,
    }
    not_reading = server.channel.unary_stream(f"/{SERVICE}/Unary", **codec)
    large = StringValue(value="flood")  # there is room for two
    unread = [not_reading(large) for _ in range(2)]
    await asyncio.sleep(0.2)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await server.unary(large, timeout=0.3)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert (await server.unary(StringValue(value="small"), timeout=5)).value == "small"
    unread[0].cancel()
    assert len((await server.unary(large, timeout=5)).value) == FLOOD_BYTES
    unread[1].cancel()
    async with asyncio.timeout(5):  # gRPC tells us a moment after its caller has it
        while server.registry.get_sample_value("animegan_test_answer_bytes"):
            await asyncio.sleep(0.01)
