"""The one interceptor: what every call of our own API goes through, from its metadata to its end.

Request id → metrics → error to status → deadline → credentials → message → handler. Each layer is a
context manager or a check on its own; `AroundCalls` puts them in order.

None of a call's messages is read before there is room for the largest that it may be. gRPC takes
128 KiB of what a caller sends before it is asked for a message, and cuts off what is larger than
`grpc.max_receive_message_length`. It would also unpack compressed messages, whatever they become;
`server.py` tells it not to, and here that is done up to the limit.

Health checks and reflection pass untouched: they need no credentials, no deadline (a watch lasts)
and no metrics.
"""

import asyncio
import hmac
import re
import secrets
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias

import grpc
import structlog
from google.protobuf.message import DecodeError
from prometheus_client import Gauge

from services.common.rpc import deadline, logs
from services.common.rpc.admission import PATIENCE_S, Admission, Hold
from services.common.rpc.deadline import Caller, Callers
from services.common.rpc.errors import (
    Busy,
    InvalidField,
    Unauthenticated,
    Unavailable,
    forget_frames,
    status_of,
)
from services.common.rpc.metrics import FirstAnswer, Metrics
from services.common.rpc.settings import ServiceSettings

OWN_API = "/animegan."

# The classes take their types in annotations only, not when the program runs.
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

# Callers that send and take without pauses are never so late.
_PATIENCE_AT_THE_END_S = 2.0
# gRPC sends as much to a caller who does not read; only what is larger stays in memory.
_SENT_UNREAD_BYTES = 2**16
# A caller who does not read gets no status either: it is left to the connection's end.
_FAREWELL_SECONDS = 1.0
# What we echo into logs and metadata, we check.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# RFC 1952. No protobuf message begins so: it would be a field of a wire type that does not exist.
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_SMALLER = "split the request, or send a smaller picture"

log = structlog.get_logger()


@dataclass
class Call:
    """One call as the layers see it."""

    method: str
    context: Context
    metadata: dict[str, str | bytes] = field(init=False)
    request_id: str = field(init=False)
    seconds_given: float | None = field(init=False)  # until the caller's deadline, at the start
    code: grpc.StatusCode = grpc.StatusCode.OK

    def __post_init__(self) -> None:
        """Read the metadata; take over the caller's request id, or make one."""
        self.metadata = dict(self.context.invocation_metadata() or ())
        given = self.metadata.get("x-request-id", "")
        valid = isinstance(given, str) and _REQUEST_ID.fullmatch(given)
        self.request_id = str(given) if valid else secrets.token_hex(16)
        self.seconds_given = self.context.time_remaining()

    def deadline_passed(self) -> bool:
        """Whether the caller's deadline has passed.

        gRPC cancels a task both when the caller hangs up and when its deadline passes. The second
        looks like the first, some milliseconds early: the caller's own clock ends the call, and
        the deadline that we are told is rounded up by as much as 1 %.
        """
        left = self.context.time_remaining()
        return self.seconds_given is not None and left < 0.01 * self.seconds_given + 0.01


@contextmanager
def identified(call: Call) -> Iterator[None]:
    """Put the request id into the log lines of the block and into the call's trailers."""
    call.context.set_trailing_metadata((("x-request-id", call.request_id),))
    with logs.bound(request_id=call.request_id, method=call.method):
        yield


@contextmanager
def measured(call: Call, metrics: Metrics) -> Iterator[None]:
    """Count, time and log the call with the code that it ended with."""
    started = perf_counter()
    try:
        yield
    except asyncio.CancelledError:
        if call.code is grpc.StatusCode.OK:
            expired = call.deadline_passed()
            call.code = grpc.StatusCode.DEADLINE_EXCEEDED if expired else grpc.StatusCode.CANCELLED
        raise
    finally:
        seconds = perf_counter() - started
        metrics.ended(call.method, call.code.name, seconds)
        log.info("call", code=call.code.name, seconds=round(seconds, 6))


@asynccontextmanager
async def errors_to_status(call: Call) -> AsyncIterator[None]:
    """End the call with the status that belongs to the exception of the block."""
    try:
        yield
    except Exception as error:
        status = status_of(error, call.request_id)
        call.code = _CODES[status.code]
        if call.code is grpc.StatusCode.INTERNAL:
            log.exception("internal error")
        else:
            log.info("refused", reason=str(error), cause=str(error.__cause__ or ""))
        trailers: tuple[tuple[str, str | bytes], ...] = (
            ("x-request-id", call.request_id),
            ("grpc-status-details-bin", status.SerializeToString()),
        )
        if isinstance(error, Busy):  # what gRPC's own retries heed; RetryInfo is for programs
            trailers += (("grpc-retry-pushback-ms", str(round(error.retry_after_s * 1000))),)
        forget_frames(error)
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await call.context.abort(call.code, status.message, trailers)
        except grpc.aio.AbortError:
            raise
        except (TimeoutError, grpc.aio.BaseError) as unsent:
            log.info("the status could not be sent", reason=repr(unsent))
            raise grpc.aio.AbortError(status.message) from None


def authenticate(call: Call, token: str | None, metrics: Metrics) -> None:
    """Check the caller's bearer token; without a `token` of ours everybody may call.

    Raises:
        Unauthenticated: the metadata `authorization` is missing or is not "Bearer <token>".
    """
    if token is None:
        return
    given = call.metadata.get("authorization", "")
    text = given if isinstance(given, str) else ""  # bytes: not even UTF-8
    scheme, _, credentials = text.strip().partition(" ")  # RFC 9110: the scheme in any case
    known = hmac.compare_digest(credentials.strip().encode(), token.encode())
    if not known or scheme.lower() != "bearer":
        metrics.rejected.labels(reason="unauthenticated").inc()
        raise Unauthenticated("send a valid token as metadata: `authorization: Bearer <token>`")


class Incoming:
    """What one caller sends."""

    def __init__(
        self,
        handler: Handler,
        call: Call,
        caller: Caller,
        room: Admission,
        metrics: Metrics,
        first: FirstAnswer,
        *,
        max_bytes: int,
    ) -> None:
        """Nothing is read yet.

        Args:
            handler: decodes the messages.
            call: that they belong to.
            caller: who sends them.
            room: admits bytes of messages.
            metrics: counts those that are too large.
            first: takes the time from the first one to the first answer.
            max_bytes: of a message, unpacked.
        """
        self._decode: Any = handler.request_deserializer
        self._call = call
        self._caller = caller
        self._room = room
        self._metrics = metrics
        self._first = first
        self._max_bytes = max_bytes

    async def only(self) -> tuple[Any, Hold]:
        """The message of a call that has one, and the room that it takes.

        Raises:
            InvalidField: none came, or it is too large, or no valid message.
        """
        hold = await self._room.in_turn(self._max_bytes)
        try:
            raw = await self._next(hold)
            if raw is None:
                self._metrics.rejected.labels(reason="size").inc()
                raise InvalidField(
                    "(message)", f"none came, or one of over {self._max_bytes} bytes: {_SMALLER}"
                )
            return self._decoded(raw), hold
        except BaseException:
            hold.release()
            raise

    async def all(self) -> AsyncGenerator[Any]:
        """The messages of a stream. Each takes its room until the next one is asked for.

        Raises:
            InvalidField: one is too large, or not valid.
        """
        while True:
            with await self._room.in_turn(self._max_bytes) as hold:
                raw = await self._next(hold)
                if raw is None:
                    return
                yield self._decoded(raw)

    async def _next(self, hold: Hold) -> bytes | None:
        """The next message as it was before it was packed; None after the last one."""
        try:
            raw: bytes | Any = await self._caller.next_message(self._call.context.read())
        except grpc.aio.BaseError as error:  # what grpc raises once its server stops
            raise Unavailable("the service is being stopped; try again") from error
        if not isinstance(raw, bytes):  # grpc.aio.EOF
            return None
        self._first.asked()
        if raw.startswith(_GZIP_MAGIC):
            raw = await asyncio.to_thread(self._unpacked, raw)
        hold.shrink(len(raw))
        return raw

    def _unpacked(self, packed: bytes) -> bytes:
        """A message that its caller compressed.

        Raises:
            InvalidField: it is broken, or too large.
        """
        unpacker = zlib.decompressobj(_GZIP)
        try:
            raw = unpacker.decompress(packed, self._max_bytes + 1)
        except zlib.error as error:
            raise InvalidField("(message)", f"is compressed, but broken: {error}") from error
        if len(raw) > self._max_bytes:
            self._metrics.rejected.labels(reason="size").inc()
            raise InvalidField(
                "(message)", f"is over {self._max_bytes} bytes when it is unpacked: {_SMALLER}"
            )
        if not unpacker.eof:
            raise InvalidField("(message)", "is compressed, but cut short")
        return raw

    def _decoded(self, raw: bytes) -> Any:
        try:
            return self._decode(raw)
        except DecodeError as error:
            raise InvalidField("(message)", "not a valid protobuf message") from error


class AroundCalls(grpc.aio.ServerInterceptor):
    """Puts the layers around the methods of a service.

    To gRPC all methods stream their requests, which on the wire makes no difference: so nothing of
    a message is read before its caller is known and there is room for it.
    """

    def __init__(self, metrics: Metrics, settings: ServiceSettings) -> None:
        """Surround calls; `settings` say how much callers may ask for, and what they must present.

        `metrics` is where calls are counted.
        """

        def room(limit: int, unit: str, gauge: Gauge) -> Admission:
            return Admission(
                limit,
                retry_after_s=settings.retry_after_s,
                metrics=metrics,
                gauge=gauge,
                unit=unit,
                work=False,
            )

        token = settings.auth_token
        self._token = token.get_secret_value() if token else None
        self._settings = settings
        self._metrics = metrics
        self._callers = Callers()
        self._calls = room(settings.max_calls, "calls", metrics.open_calls)
        self._messages = room(
            settings.max_message_bytes_in_flight, "bytes of messages", metrics.message_bytes
        )
        self._answers = room(
            settings.max_answer_bytes_in_flight, "bytes of answers", metrics.answer_bytes
        )
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Return the method's handler, wrapped if it is one of ours."""
        path = handler_call_details.method
        if path not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None or not path.startswith(OWN_API):
                return handler
            self._wrapped[path] = self._wrap(path.rpartition("/")[2], handler)
        return self._wrapped[path]

    async def sweep(self) -> None:
        """End calls whose callers keep them waiting for too long, forever."""
        await self._callers.sweep(self._settings.idle_timeout_s, "the call was idle for too long")

    async def sweep_for_the_end(self) -> None:
        """End calls whose callers keep them waiting at all, forever: the process is to end."""
        await self._callers.sweep(_PATIENCE_AT_THE_END_S, "the service is being stopped")

    def _wrap(self, method: str, handler: Handler) -> Handler:
        async def behaviour(_: Any, context: Context) -> Any:
            call = Call(method, context)
            with identified(call), measured(call, self._metrics):
                async with (
                    errors_to_status(call),
                    deadline.within(self._seconds(handler, call)) as limit,
                ):
                    authenticate(call, self._token, self._metrics)
                    with self._callers.calling(limit) as caller, await self._calls.now(1):
                        return await self._answered(handler, call, caller)

        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                behaviour, None, handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(behaviour, None, None)

    def _seconds(self, handler: Handler, call: Call) -> float:
        settings, given = self._settings, call.seconds_given
        if given is not None:
            return min(given, settings.max_deadline_s)
        if handler.response_streaming:
            return settings.default_stream_deadline_s
        return settings.default_deadline_s

    async def _answered(self, handler: Handler, call: Call, caller: Caller) -> Any:
        """Read what the caller sends and run the method."""
        first = FirstAnswer(call.method, self._metrics)
        incoming = Incoming(
            handler,
            call,
            caller,
            self._messages,
            self._metrics,
            first,
            max_bytes=self._settings.max_request_bytes,
        )
        answer = self._stream if handler.response_streaming else self._single
        if handler.request_streaming:
            async with aclosing(incoming.all()) as messages:
                return await answer(handler, messages, call, caller, first)
        request, room = await incoming.only()
        with room:
            return await answer(handler, request, call, caller, first)

    async def _single(
        self, handler: Handler, request: Any, call: Call, _: Caller, __: FirstAnswer
    ) -> bytes:
        """The only answer, which gRPC sends after all layers. Until then it takes its room."""
        method: Any = handler.unary_unary or handler.stream_unary
        serialize: Any = handler.response_serializer
        data: bytes = serialize(await method(request, call.context))
        if len(data) > _SENT_UNREAD_BYTES:
            room = await self._room_for_answer(len(data))
            sent: Any = lambda _: room.release()  # noqa: E731 - its type is grpc's secret
            call.context.add_done_callback(sent)
        return data

    async def _room_for_answer(self, size: int) -> Hold:
        """Room for a large answer. Those that others do not take cannot be taken back from gRPC.

        Raises:
            Busy: there is none before long.
        """
        most = self._settings.max_answer_bytes_in_flight
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._answers.in_turn(min(size, most))
        except TimeoutError as error:
            self._metrics.rejected.labels(reason="busy").inc()
            raise Busy(
                f"answers of {most} bytes wait for their callers to "
                f"take them, and {size} more do not fit; ask for less, or as a stream",
                retry_after_s=PATIENCE_S,
            ) from error

    async def _stream(
        self, handler: Handler, request: Any, call: Call, caller: Caller, first: FirstAnswer
    ) -> None:
        """The answers of a stream, sent within the layers, one after the other."""
        method: Any = handler.unary_stream or handler.stream_stream
        # aclosing: a call that ends early must end the generator, and with it its work, at once.
        async with aclosing(method(request, call.context)) as messages:
            async for message in messages:
                first.answered()
                await caller.takes(call.context.write(message))
