"""The layers around a call, in a real gRPC server, with a method that does what it is told."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from services.common import deadline
from services.common.errors import Busy, Internal, InvalidField, Unavailable
from services.common.interceptor import AroundCalls, Bounds
from services.common.metrics import Metrics

FLOOD_BYTES = 40_000_000  # more than flow control lets pass
SERVICE = "animegan.test.v1.EchoService"
ERRORS = {
    "field": InvalidField("text", "is odd; use another"),
    "busy": Busy("full", retry_after_s=2),
    "away": Unavailable("away"),
    "ours": Internal("the secret of /etc/shadow"),
    "bug": KeyError("secret"),
}


class Echo:
    """Answers with the request; some texts are orders."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.dropped = asyncio.Event()

    async def unary(self, request: StringValue, _) -> StringValue:
        await self._obey(request.value)
        return StringValue(value="x" * FLOOD_BYTES) if request.value == "flood" else request

    async def stream(self, request: StringValue, _) -> AsyncIterator[StringValue]:
        for _ in range(2):
            yield request
        try:
            while request.value == "flood":
                yield StringValue(value="x" * 2**20)
        finally:
            self.dropped.set()
        await self._obey(request.value)

    async def collect(self, requests: AsyncIterator[StringValue], _) -> StringValue:
        return StringValue(value=" ".join([request.value async for request in requests]))

    async def chat(self, requests: AsyncIterator[StringValue], _) -> AsyncIterator[StringValue]:
        async for request in requests:
            await self._obey(request.value)
            yield request

    async def _obey(self, text: str) -> None:
        if text in ERRORS:
            raise ERRORS[text]
        if text == "remaining":
            raise InvalidField("remaining", json.dumps(deadline.remaining()))
        if text == "wait":
            self.begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                self.dropped.set()


class Running:
    """A server with the interceptor, a channel to it, and its metrics."""

    def __init__(self, echo: Echo, registry: CollectorRegistry, channel: grpc.aio.Channel) -> None:
        codec = {
            "request_serializer": StringValue.SerializeToString,
            "response_deserializer": StringValue.FromString,
        }
        self.echo, self.registry, self.channel = echo, registry, channel
        self.unary = channel.unary_unary(f"/{SERVICE}/Unary", **codec)
        self.stream = channel.unary_stream(f"/{SERVICE}/Stream", **codec)
        self.collect = channel.stream_unary(f"/{SERVICE}/Collect", **codec)
        self.chat = channel.stream_stream(f"/{SERVICE}/Chat", **codec)
        self.raw = channel.unary_unary(f"/{SERVICE}/Unary")
        self.stranger = channel.unary_unary("/other.Service/Unary", **codec)

    def calls(self, method: str, code: str) -> float | None:
        labels = {"method": method, "code": code}
        return self.registry.get_sample_value("animegan_test_requests_total", labels)

    async def counted(self, method: str, code: str) -> None:
        """Wait until the server has counted such a call: it may end after its caller."""
        async with asyncio.timeout(5):
            while self.calls(method, code) != 1:
                await asyncio.sleep(0.005)


BOUNDS = Bounds(
    default_deadline_s=30,
    default_stream_deadline_s=300,
    max_deadline_s=600,
    idle_timeout_s=60,
    max_request_bytes=1000,
    max_message_bytes_in_flight=100_000,
    max_answer_bytes_in_flight=100_000_000,
    max_calls=100,
    retry_after_s=0.5,
)


@asynccontextmanager
async def running(token: str | None = None, **changes) -> AsyncIterator[Running]:
    bounds = replace(BOUNDS, **changes)
    registry, echo = CollectorRegistry(), Echo()
    codec = {
        "request_deserializer": StringValue.FromString,
        "response_serializer": StringValue.SerializeToString,
    }
    methods = {
        "Unary": grpc.unary_unary_rpc_method_handler(echo.unary, **codec),
        "Stream": grpc.unary_stream_rpc_method_handler(echo.stream, **codec),
        "Collect": grpc.stream_unary_rpc_method_handler(echo.collect, **codec),
        "Chat": grpc.stream_stream_rpc_method_handler(echo.chat, **codec),
    }
    around_calls = AroundCalls(Metrics("test", registry), token=token, bounds=bounds)
    server = grpc.aio.server(
        interceptors=[around_calls],
        options=[
            ("grpc.max_receive_message_length", bounds.max_request_bytes),
            ("grpc.per_message_decompression", 0),
        ],
    )
    for name in (SERVICE, "other.Service"):
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sweep = asyncio.create_task(around_calls.sweep())
    unlimited = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", unlimited) as channel:
        yield Running(echo, registry, channel)
    sweep.cancel()
    await server.stop(None)


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running() as server:
        yield server


async def failure(call) -> grpc.aio.AioRpcError:
    """The error of a call, of whatever kind."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        if hasattr(call, "__aiter__"):
            _ = [message async for message in call]
        else:
            await call
    return failed.value


def detail(error: grpc.aio.AioRpcError, kind):
    for packed in rpc_status.from_call(_Metadata(error)).details:
        if packed.Is(kind.DESCRIPTOR):
            return kind.FromString(packed.value)
    return None


class _Metadata:
    """What grpc_status reads: the sync API's view of a failed call."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code, self.details = error.code, error.details
        self._trailers = tuple(error.trailing_metadata())

    def trailing_metadata(self):
        return self._trailers


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
    async with running(token="swordfish") as server:
        for given in ((), (("authorization", "Bearer sword"),), (("authorization", "swordfish"),)):
            error = await failure(server.unary(a, metadata=given))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            assert "swordfish" not in error.details()
        for given in ("Bearer swordfish", "bearer swordfish", "BEARER  swordfish "):
            assert await server.unary(a, metadata=(("authorization", given),)) == a
        rejected = {"reason": "unauthenticated"}
        assert server.registry.get_sample_value("animegan_test_rejected_total", rejected) == 3


async def test_services_that_are_not_ours_pass_untouched():
    async with running(token="swordfish", max_message_bytes_in_flight=1000) as server:
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


async def silence() -> AsyncIterator[StringValue]:
    """Messages of a caller who opens a stream and sends nothing."""
    await asyncio.Event().wait()
    yield StringValue()


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Calls that wait for their callers are ended sooner, so that tests need not wait long."""
    monkeypatch.setattr("services.common.admission.PATIENCE_S", 0.2)
    monkeypatch.setattr("services.common.admission._LOOK_SECONDS", 0.02)
    monkeypatch.setattr("services.common.callers._SWEEP_SECONDS", 0.02)


@pytest.mark.usefixtures("impatient")
async def test_silent_streams_give_way_to_those_who_send(server):
    silent = [server.chat(silence()) for _ in range(100)]  # as many as may be open
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
    async with running(token="swordfish", max_message_bytes_in_flight=1000) as server:
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
