"""All that a call can raise.

    AnimeganError
    ├── InvalidArgumentError   a field is wrong or over a limit (also a ValueError)
    ├── NotFoundError          no such model, method or index
    ├── UnauthenticatedError   no token, or a wrong one
    ├── BusyError              the service has as much work as it takes, still after the retries
    ├── UnavailableError       nobody answers, or what the service needs is away
    ├── DeadlineExceededError  the timeout was too short (also a TimeoutError)
    ├── ForkedError            the process was forked after its clients were made
    └── ServerError            the service's own fault, or an answer that makes no sense

The text of each says what is wrong. `request_id` finds the call in the service's logs.
"""

from dataclasses import dataclass


class AnimeganError(Exception):
    """A call failed."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        """Tell `message`; `request_id` is None when the call never reached the service."""
        super().__init__(message)
        self.request_id = request_id


@dataclass(frozen=True)
class FieldViolation:
    """A field of the request, and what is wrong with it."""

    field: str
    description: str


class InvalidArgumentError(AnimeganError, ValueError):
    """The request cannot be served as it is; sending it again does not help."""

    def __init__(
        self,
        message: str,
        *,
        violations: tuple[FieldViolation, ...] = (),
        request_id: str | None = None,
    ) -> None:
        """Name the fields at fault in `violations`, as far as they are known."""
        super().__init__(message, request_id=request_id)
        self.violations = violations

    @classmethod
    def of(cls, field: str, description: str) -> "InvalidArgumentError":
        """The error about one `field`, raised before anything is sent."""
        return cls(f"{field}: {description}", violations=(FieldViolation(field, description),))


class NotFoundError(AnimeganError):
    """What the request names does not exist."""


class UnauthenticatedError(AnimeganError):
    """The service does not accept the token, or wants one."""


class BusyError(AnimeganError):
    """The service refused to take more work."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, request_id: str | None = None
    ) -> None:
        """Suggest another attempt in `retry_after` seconds; None: the service did not say."""
        super().__init__(message, request_id=request_id)
        self.retry_after = retry_after


class UnavailableError(AnimeganError):
    """The service, or something that it needs, is away. Trying again later may help."""


class DeadlineExceededError(AnimeganError, TimeoutError):
    """The call's timeout passed; the service dropped its work."""


class ForkedError(AnimeganError, RuntimeError):
    """Clients were used before this process was forked; a call would wait for ever."""


class ServerError(AnimeganError):
    """The service failed. Report it with the `request_id`."""


@dataclass(frozen=True)
class Failure:
    """There is no answer to a picture of a stream, or no more of it. Others are not affected."""

    error: AnimeganError
