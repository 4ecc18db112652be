"""The layers around a call, in a real gRPC server."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2
from structlog.testing import capture_logs

from tests.unit.services.common.rpc.echo import ERRORS, Running, detail, failure, running


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running() as server:
        yield server


async def test_all_four_kinds_of_methods_answer(server):
    async def two():
        for text in ("a", "b"):
            yield StringValue(value=text)

    a = StringValue(value="a")
    assert await server.unary(a) == a
    assert [message async for message in server.stream(a)] == [a, a]
    assert (await server.collect(two())).value == "a b"
    assert [message.value async for message in server.chat(two())] == ["a", "b"]
    for method in ("Unary", "Stream", "Collect", "Chat"):
        await server.counted(method, "OK")


@pytest.mark.parametrize("kind", ["unary", "stream"])
@pytest.mark.parametrize(
    ("text", "code"),
    [("field", "INVALID_ARGUMENT"), ("busy", "RESOURCE_EXHAUSTED"), ("away", "UNAVAILABLE")],
)
async def test_errors_become_statuses(server, kind, text, code):
    error = await failure(getattr(server, kind)(StringValue(value=text)))
    assert error.code().name == code
    assert error.details() == str(ERRORS[text])
    await server.counted(kind.capitalize(), code)


async def test_details_travel_in_the_trailers(server):
    error = await failure(server.unary(StringValue(value="field")))
    (violation,) = detail(error, error_details_pb2.BadRequest).field_violations
    assert violation.field == "text"
    error = await failure(server.unary(StringValue(value="busy")))
    assert detail(error, error_details_pb2.RetryInfo).retry_delay.seconds == 2


@pytest.mark.parametrize("kind", ["unary", "stream"])
@pytest.mark.parametrize("text", ["ours", "bug"])
async def test_our_faults_are_logged_not_told(server, kind, text):
    metadata = (("x-request-id", "id-7"),)
    with capture_logs() as logs:
        error = await failure(getattr(server, kind)(StringValue(value=text), metadata=metadata))
        await server.counted(kind.capitalize(), "INTERNAL")
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == "internal error; please report request id id-7"
    assert detail(error, error_details_pb2.RequestInfo).request_id == "id-7"
    assert "secret" not in repr(tuple(error.trailing_metadata()))
    assert [line["event"] for line in logs] == ["internal error", "call"]


async def test_a_request_id_is_taken_over_or_made(server):
    async def id_of(*metadata) -> str:
        call = server.unary(StringValue(value="a"), metadata=metadata)
        await call
        return dict(await call.trailing_metadata())["x-request-id"]

    assert await id_of(("x-request-id", "from.caller-1")) == "from.caller-1"
    assert await id_of() != await id_of()
    for bad in ("", "x" * 129, 'a"b', "two words"):
        assert len(await id_of(("x-request-id", bad))) == 32


async def test_a_bearer_token_is_demanded():
    a = StringValue(value="a")
    async with running(auth_token="swordfish") as server:
        for given in ((), (("authorization", "Bearer sword"),), (("authorization", "swordfish"),)):
            error = await failure(server.unary(a, metadata=given))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            assert "swordfish" not in error.details()
        for given in ("Bearer swordfish", "bearer swordfish", "BEARER  swordfish "):
            assert await server.unary(a, metadata=(("authorization", given),)) == a
        rejected = {"reason": "unauthenticated"}
        assert server.registry.get_sample_value("animegan_test_rejected_total", rejected) == 3


async def test_services_that_are_not_ours_pass_untouched():
    async with running(auth_token="swordfish", max_message_bytes_in_flight=1000) as server:
        assert (await server.stranger(StringValue(value="a"))).value == "a"
        assert server.calls("Unary", "OK") is None


@pytest.mark.parametrize(
    ("request_bytes", "complaint"),
    [
        (b"\x0a\xff", "not a valid protobuf message"),
        (gzip.compress(bytes(10_000), mtime=0), "over 1000 bytes when it is unpacked"),
        (gzip.compress(b"\x0a\x01a", mtime=0)[:-2], "cut short"),
        (b"\x1f\x8b" + bytes(30), "compressed, but broken"),
    ],
    ids=["no message", "bomb", "cut short", "broken"],
)
async def test_messages_that_cannot_be_read_are_the_callers_fault(server, request_bytes, complaint):
    error = await failure(server.raw(request_bytes))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert complaint in error.details()


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
async def test_a_message_of_exactly_the_limit_is_read(server, compression):
    text = "x" * (1000 - 3)  # tag and a length of two bytes
    answer = await server.unary(StringValue(value=text), compression=compression)
    assert answer.value == text


async def test_a_message_over_the_limit_is_cut_off_by_grpc(server):
    error = await failure(server.raw(bytes(1001)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max (1001 vs. 1000)" in error.details()
    rejected = {"reason": "size"}
    assert server.registry.get_sample_value("animegan_test_rejected_total", rejected) == 1


@pytest.mark.parametrize(("kind", "seconds"), [("unary", 30), ("stream", 300)])
async def test_the_work_knows_its_deadline(server, kind, seconds):
    request = StringValue(value="remaining")
    by_default = await failure(getattr(server, kind)(request))
    given = await failure(getattr(server, kind)(request, timeout=20))
    remaining = [json.loads(e.details().removeprefix("remaining: ")) for e in (by_default, given)]
    assert seconds - 5 < remaining[0] <= seconds
    assert 15 < remaining[1] <= 20.2  # gRPC rounds deadlines up


@pytest.mark.parametrize("kind", ["unary", "stream"])
async def test_the_default_deadline_ends_the_work(kind):
    async with running(default_deadline_s=0.05, default_stream_deadline_s=0.05) as server:
        error = await failure(getattr(server, kind)(StringValue(value="wait")))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert server.echo.dropped.is_set()
        await server.counted(kind.capitalize(), "DEADLINE_EXCEEDED")


@pytest.mark.parametrize("kind", ["unary", "stream"])
async def test_the_callers_deadline_ends_the_work(server, kind):
    error = await failure(getattr(server, kind)(StringValue(value="wait"), timeout=0.5))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(5):
        await server.echo.dropped.wait()
    await server.counted(kind.capitalize(), "DEADLINE_EXCEEDED")


@pytest.mark.parametrize("kind", ["unary", "stream"])
async def test_a_caller_who_hangs_up_ends_the_work(server, kind):
    call = getattr(server, kind)(StringValue(value="wait"))
    async with asyncio.timeout(5):
        await server.echo.begun.wait()
        call.cancel()
        await server.echo.dropped.wait()
    await server.counted(kind.capitalize(), "CANCELLED")


async def test_a_reader_who_stops_reading_meets_the_deadline_too():
    """The deadline holds while a message waits for the caller, not only while we work."""
    async with running(default_stream_deadline_s=0.3) as server:
        call = server.stream(StringValue(value="flood"))  # more than flow control lets pass
        await call.read()
        async with asyncio.timeout(5):
            await server.echo.dropped.wait()
        await server.counted("Stream", "DEADLINE_EXCEEDED")
        assert not call.done()  # gRPC holds what was written, and the status behind it
        call.cancel()


async def test_of_streams_the_first_answer_is_timed_from_the_first_request(server):
    a = StringValue(value="a")

    async def late():
        await asyncio.sleep(0.3)  # not ours to answer for
        yield a
        yield a

    def answered(method: str, within: str) -> float | None:
        name = "animegan_test_first_answer_seconds_bucket"
        return server.registry.get_sample_value(name, {"method": method, "le": within})

    assert [message async for message in server.chat(late())] == [a, a]
    assert [message async for message in server.stream(a)] == [a, a]
    await server.unary(a)
    assert (answered("Chat", "0.2"), answered("Chat", "+Inf")) == (1, 1)
    assert answered("Stream", "+Inf") == 1
    assert answered("Unary", "+Inf") is None
