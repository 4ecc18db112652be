"""The one interceptor: every call of our own API runs inside the layers of `calls.py`.

Health checks and reflection pass untouched: they need no credentials, no deadline (a watch lasts)
and no metrics.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import grpc
from prometheus_client import Gauge

from services.common.rpc import deadline
from services.common.rpc.admission import PATIENCE_S, Admission, Hold
from services.common.rpc.callers import Caller, Callers
from services.common.rpc.calls import (
    Call,
    Context,
    FirstAnswer,
    authenticate,
    errors_to_status,
    identified,
    measured,
)
from services.common.rpc.errors import Busy
from services.common.rpc.incoming import Handler, Incoming
from services.common.rpc.metrics import Metrics
from services.common.rpc.settings import ServiceSettings

OWN_API = "/animegan."

# Callers that send and take without pauses are never so late.
_PATIENCE_AT_THE_END_S = 2.0
# gRPC sends as much to a caller who does not read; only what is larger stays in memory.
_SENT_UNREAD_BYTES = 2**16


class AroundCalls(grpc.aio.ServerInterceptor):
    """Request id → metrics → error to status → deadline → credentials → message → handler.

    To gRPC all methods stream their requests, which on the wire makes no difference: so nothing of
    a message is read before its caller is known and there is room for it (`incoming.py`).
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
