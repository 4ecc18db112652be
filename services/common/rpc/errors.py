"""All that can go wrong in a call, and what the caller is told.

    ServiceError
    ├── InvalidField      INVALID_ARGUMENT    google.rpc.BadRequest names the field
    ├── Unauthenticated   UNAUTHENTICATED
    ├── NotFound          NOT_FOUND
    ├── Busy              RESOURCE_EXHAUSTED  google.rpc.RetryInfo says when to come back
    ├── KeptWaiting       ABORTED             the caller let the call wait while others needed room
    ├── Unavailable       UNAVAILABLE         what we depend on is away: trying again may help
    ├── DeadlineExceeded  DEADLINE_EXCEEDED
    └── Internal          INTERNAL            our own fault: the reason goes to the log only

Code below the interceptors raises these and never touches a gRPC status; `status_of` is the one
place where an exception becomes a status. Failed calls leave nothing large behind: `forget_frames`.
"""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2


class ServiceError(Exception):
    """A failure with a gRPC status. Its text is shown to the caller."""

    code: ClassVar[grpc.StatusCode]

    def details(self) -> Sequence[Message]:
        """Messages of google.rpc that a program can act upon."""
        return ()


class InvalidField(ServiceError):
    """A field of the request is wrong, or over a limit."""

    code = grpc.StatusCode.INVALID_ARGUMENT

    def __init__(self, field: str, message: str) -> None:
        """Name the `field` as the .proto does; the `message` says what is wrong and the remedy."""
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message

    def details(self) -> Sequence[Message]:
        """A BadRequest with this one violation."""
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=self.field, description=self.message
        )
        return (error_details_pb2.BadRequest(field_violations=[violation]),)


class Unauthenticated(ServiceError):
    """No credentials, or wrong ones."""

    code = grpc.StatusCode.UNAUTHENTICATED


class NotFound(ServiceError):
    """What the request names does not exist."""

    code = grpc.StatusCode.NOT_FOUND


class Busy(ServiceError):
    """The service has as much work as it takes."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        """Refuse now; after `retry_after_s` seconds another attempt makes sense."""
        super().__init__(message)
        self.retry_after_s = retry_after_s

    def details(self) -> Sequence[Message]:
        """A RetryInfo with the delay."""
        delay = Duration()
        delay.FromNanoseconds(round(self.retry_after_s * 1e9))
        return (error_details_pb2.RetryInfo(retry_delay=delay),)


class KeptWaiting(ServiceError):
    """The call was ended because it waited too long for its caller."""

    code = grpc.StatusCode.ABORTED


class Unavailable(ServiceError):
    """Something that we depend on cannot be reached."""

    code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(ServiceError):
    """The call's time is over; its work was dropped."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class Internal(ServiceError):
    """A fault of ours. Its text is for the log, never for the caller."""

    code = grpc.StatusCode.INTERNAL


def status_of(error: Exception, request_id: str) -> status_pb2.Status:
    """The google.rpc.Status that a caller gets for `error`, RequestInfo included.

    Whatever is not a ServiceError is our fault, and of our faults the caller learns nothing but
    the request id.
    """
    if isinstance(error, ServiceError) and not isinstance(error, Internal):
        code, message, details = error.code, str(error), error.details()
    else:
        code, message, details = (
            grpc.StatusCode.INTERNAL,
            f"internal error; please report request id {request_id}",
            (),
        )
    status = status_pb2.Status(code=code_pb2.Code.Value(code.name), message=message)
    for detail in (*details, error_details_pb2.RequestInfo(request_id=request_id)):
        status.details.add().Pack(detail)
    return status


@contextmanager
def forgotten_frames() -> Iterator[None]:
    """Clear the variables of those frames that an error of the block has ended, and let it pass."""
    try:
        yield
    except BaseException as error:
        forget_frames(error)
        raise


def forget_frames(error: BaseException) -> None:
    """Clear the variables of those frames that an error has ended.

    An error holds the frames it went through by its traceback, and some of them hold the task or
    future it came from, which holds the error. Whatever else they hold, such as a picture of
    hundreds of megabytes, would stay until the next full collection, which a service that freezes
    what it was built of rarely needs.

    The error has to be this task's own, causes included: of one that another task got as well,
    that task's frames would be cleared, which ends a coroutine wherever it waits (Python up to
    3.12).
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause and id(cause) not in seen:
        seen.add(id(cause))
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__
