"""The one interceptor: every call of our own API runs inside the layers of `calls.py`.

Health checks and reflection pass untouched: they need no credentials, no deadline (a watch lasts)
and no metrics.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from services.common import deadline
from services.common.calls import (
    Call,
    Context,
    FirstAnswer,
    authenticate,
    errors_to_status,
    identified,
    measured,
)
from services.common.errors import InvalidField
from services.common.metrics import Metrics

# Messages and handlers are Any here: the interceptor sees those of all methods.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

OWN_API = "/animegan."


class AroundCalls(grpc.aio.ServerInterceptor):
    """Request id → metrics → error to status → deadline → credentials → size and syntax → handler.

    Requests reach this interceptor as bytes, so that a message which is too large or is no
    protobuf is the caller's INVALID_ARGUMENT and not an INTERNAL of gRPC's.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        token: str | None,
        default_deadline_s: float,
        default_stream_deadline_s: float,
        max_request_bytes: int,
    ) -> None:
        """Surround calls.

        Args:
            metrics: where calls are counted.
            token: the bearer token that callers must present; None lets everybody in.
            default_deadline_s: deadline in seconds of calls that come without one.
            default_stream_deadline_s: the same for calls that stream their answer.
            max_request_bytes: limit of a request message in bytes.
        """
        self._metrics = metrics
        self._token = token
        self._default_deadline_s = {False: default_deadline_s, True: default_stream_deadline_s}
        self._max_request_bytes = max_request_bytes
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

    def _wrap(self, method: str, handler: Handler) -> Handler:
        async def behaviour(raw: Any, context: Context) -> Any:
            call = Call(method, context)
            with identified(call), measured(call, self._metrics):
                async with errors_to_status(call), deadline.within(self._seconds(handler, call)):
                    authenticate(call, self._token, self._metrics)
                    first = FirstAnswer(method, self._metrics)
                    request = self._decoded(handler, raw, first)
                    return await _answer(handler, request, context, first)

        wrap = _WRAPPERS[handler.request_streaming, handler.response_streaming]
        return wrap(behaviour, None, handler.response_serializer)

    def _seconds(self, handler: Handler, call: Call) -> float:
        given = call.seconds_given
        return self._default_deadline_s[handler.response_streaming] if given is None else given

    def _decoded(self, handler: Handler, raw: Any, first: FirstAnswer) -> Any:
        if handler.request_streaming:
            return (self._decode(handler, message, first) async for message in raw)
        return self._decode(handler, raw, first)

    def _decode(self, handler: Handler, raw: bytes, first: FirstAnswer) -> Any:
        first.asked()
        if len(raw) > self._max_request_bytes:
            self._metrics.rejected.labels(reason="size").inc()
            raise InvalidField(
                "(message)",
                f"{len(raw)} bytes are over the limit of {self._max_request_bytes}; "
                "split the request",
            )
        deserialize: Any = handler.request_deserializer
        try:
            return deserialize(raw)
        except DecodeError as error:
            raise InvalidField("(message)", "not a valid protobuf message") from error


async def _answer(handler: Handler, request: Any, context: Context, first: FirstAnswer) -> Any:
    """Run the method; write the messages of a streaming answer here, within the layers."""
    method: Any = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    if not handler.response_streaming:
        return await method(request, context)
    # aclosing: a call that ends early must end the generator, and with it its work, at once.
    async with aclosing(method(request, context)) as messages:
        async for message in messages:
            first.answered()
            await context.write(message)
    return None


_WRAPPERS: dict[tuple[bool, bool], Callable[..., Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
