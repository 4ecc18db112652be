"""A real gRPC server whose methods do what they are told, and what its callers see."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_status import rpc_status
from prometheus_client import CollectorRegistry
from pydantic import PositiveFloat, PositiveInt
from pydantic_settings import SettingsConfigDict

from services.common.rpc import deadline
from services.common.rpc.errors import Busy, Internal, InvalidField, Unavailable
from services.common.rpc.interceptor import AroundCalls
from services.common.rpc.metrics import Metrics
from services.common.rpc.server import _options
from services.common.rpc.settings import MessageBytes, Port, ServiceSettings

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


class EchoSettings(ServiceSettings):
    """Of a service that echoes: little room, so that tests can fill it."""

    model_config = SettingsConfigDict(env_prefix="ANIMEGAN_TEST_")

    port: Port = 0
    metrics_port: Port = 0
    default_deadline_s: PositiveFloat = 30
    default_stream_deadline_s: PositiveFloat = 300
    max_request_bytes: PositiveInt = 1000
    max_message_bytes_in_flight: MessageBytes = 100_000
    max_answer_bytes_in_flight: PositiveInt = 100_000_000
    max_calls: PositiveInt = 100


@asynccontextmanager
async def running(**changes) -> AsyncIterator[Running]:
    """A server with these settings, and the options that every service has."""
    settings = EchoSettings(**changes)
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
    around_calls = AroundCalls(Metrics("test", registry), settings)
    server = grpc.aio.server(interceptors=[around_calls], options=_options(settings))
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
