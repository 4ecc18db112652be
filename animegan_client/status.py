"""gRPC's failures become this package's errors: the only file that reads status codes."""

import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

import grpc
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from animegan_client.errors import (
    AnimeganError,
    BusyError,
    DeadlineExceededError,
    FieldViolation,
    InvalidArgumentError,
    NotFoundError,
    ServerError,
    UnauthenticatedError,
    UnavailableError,
)

_Detail = TypeVar("_Detail", bound=Message)
_Value = TypeVar("_Value")

# Errors that need no more than a message. A call that somebody between us and the service
# cancelled is UNAVAILABLE to the caller: our own cancellation never ends up here.
_PLAIN: dict[grpc.StatusCode, type[AnimeganError]] = {
    grpc.StatusCode.ABORTED: UnavailableError,  # it waited for us while others needed its room
    grpc.StatusCode.CANCELLED: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
}

# What gRPC itself says, on either side, of a message that it does not let through.
_TOO_LARGE = re.compile(
    r"(?P<side>CLIENT|SERVER)?.*\b(?P<way>sent|received) message larger than max "
    r"\((?P<size>\d+) vs\. (?P<limit>\d+)\)",
    re.IGNORECASE,
)


class _Failure(Protocol):
    """A message of the APIs that tells why one item of a stream has no answer."""

    code: int
    message: str
    field: str


@contextmanager
def translated(stream: grpc.Call | grpc.aio.Call | None = None) -> Iterator[None]:
    """Turn the RpcError of a synchronous or asyncio call in this block into an AnimeganError.

    Args:
        stream: the call, where requests are still being sent while its answers come.
    """
    endings: list[grpc.aio.AioRpcError] = []
    if isinstance(stream, grpc.aio.Call):
        # A service that ends a stream sends its status and lets the rest of the requests fall.
        # grpc.aio then puts INTERNAL "Internal error from Core", for the write that failed, in the
        # place of the status that it has already received: github.com/grpc/grpc/issues/36066, open
        # in grpcio 1.81. A caller without a token would be told of a fault of the service. So the
        # first status that is set counts.
        stream.add_done_callback(lambda _: endings.append(_ending(stream)))
    try:
        yield
    except grpc.RpcError as error:
        # Both kinds of RpcError, grpc's and grpc.aio's, are calls that have ended.
        first = endings[0] if endings else error
        raise from_call(cast(grpc.Call, first)) from first


def from_call(call: grpc.Call) -> AnimeganError:
    """The error that the failed `call` means, with what its google.rpc details say."""
    status = rpc_status.from_call(call) or status_pb2.Status()
    message = call.details() or call.code().name
    request_id = _request_id(status)
    match call.code():
        case grpc.StatusCode.INVALID_ARGUMENT:
            return InvalidArgumentError(
                message, violations=_violations(status), request_id=request_id
            )
        case grpc.StatusCode.RESOURCE_EXHAUSTED if found := _TOO_LARGE.search(message):
            return _too_large(found)
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return BusyError(message, retry_after=_retry_after(status), request_id=request_id)
        case code if code in _PLAIN:
            return _PLAIN[code](message, request_id=request_id)
        case code:
            return ServerError(f"{code.name}: {message}", request_id=request_id)


def from_failure(failure: _Failure) -> AnimeganError:
    """The error that one item of a stream met."""
    match failure.code:
        case code_pb2.INVALID_ARGUMENT:
            return InvalidArgumentError.of(failure.field, failure.message)
        case code_pb2.NOT_FOUND:
            return NotFoundError(failure.message)
        case code_pb2.RESOURCE_EXHAUSTED:
            return BusyError(failure.message)
        case code:
            return ServerError(f"status {code}: {failure.message}")


def too_large(what: str, size: int, limit: int) -> InvalidArgumentError:
    """The error about a request of `size` bytes; `what` names it, or the field that is large."""
    return InvalidArgumentError.of(
        what,
        f"{size} bytes are over the limit of {limit} for a request; split it, or send the picture "
        "smaller",
    )


def _too_large(found: re.Match[str]) -> InvalidArgumentError:
    size, limit = int(found["size"]), int(found["limit"])
    # What we sent and what a service received are requests; a service may not say who it is.
    ours = (found["side"] or "").upper() == "CLIENT"
    if ours == (found["way"].lower() == "sent"):
        return too_large("(message)", size, limit)
    return InvalidArgumentError.of(
        "(answer)", f"{size} bytes are over the limit of {limit} for an answer; ask for less"
    )


def _violations(status: status_pb2.Status) -> tuple[FieldViolation, ...]:
    bad_request = _detail(status, error_details_pb2.BadRequest())
    return tuple(
        FieldViolation(violation.field, violation.description)
        for violation in bad_request.field_violations
    )


def _retry_after(status: status_pb2.Status) -> float | None:
    """Seconds, or None where the service names no delay."""
    info = _detail(status, error_details_pb2.RetryInfo())
    return info.retry_delay.ToTimedelta().total_seconds() if info.HasField("retry_delay") else None


def _request_id(status: status_pb2.Status) -> str | None:
    return _detail(status, error_details_pb2.RequestInfo()).request_id or None


def _detail(status: status_pb2.Status, empty: _Detail) -> _Detail:
    """The first detail of `empty`'s type, or `empty` itself where there is none."""
    for packed in status.details:
        if packed.Unpack(empty):
            break
    return empty


def _ending(call: grpc.aio.Call) -> grpc.aio.AioRpcError:
    """The error that the status of an ended call means."""
    return grpc.aio.AioRpcError(
        _now(call.code()), grpc.aio.Metadata(), _now(call.trailing_metadata()), _now(call.details())
    )


def _now(coroutine: Coroutine[Any, Any, _Value]) -> _Value:
    """The result of a coroutine that has nothing to wait for.

    Raises:
        RuntimeError: it waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("the call has not ended")
