"""What surrounds the work of one call: request id, measurement, error → status, credentials.

Each layer is a context manager or a check on its own; `interceptor.py` puts them in order.
"""

import asyncio
import hmac
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias

import grpc
import structlog

from services.common.rpc import logs
from services.common.rpc.errors import Busy, Unauthenticated, status_of
from services.common.rpc.frames import forget_frames
from services.common.rpc.metrics import Metrics

# A caller who does not read gets no status either: it is left to the connection's end.
_FAREWELL_SECONDS = 1.0
# What we echo into logs and metadata, we check.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_CODES = {code.value[0]: code for code in grpc.StatusCode}

# The class takes its types in annotations only, not when the program runs.
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

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


class FirstAnswer:
    """Times a streaming call from its first request to its first answer.

    A whole stream lasts as long as its caller likes; how long the first answer takes is up to us.
    """

    def __init__(self, method: str, metrics: Metrics) -> None:
        """Nothing is asked yet."""
        self._method = method
        self._metrics = metrics
        self._asked: float | None = None
        self._answered = False

    def asked(self) -> None:
        """Take note of a request; the first one starts the clock."""
        if self._asked is None:
            self._asked = perf_counter()

    def answered(self) -> None:
        """Take note of an answer of a stream; the first one stops the clock."""
        if self._asked is not None and not self._answered:
            seconds = perf_counter() - self._asked
            self._metrics.first_answer_seconds.labels(method=self._method).observe(seconds)
        self._answered = True


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
