"""The deadline of the call that the current task works for.

It travels in a context variable, as gRPC's own context does in other languages: tasks that a call
starts inherit it, and whatever waits for somebody else asks `remaining()` how long it may.
"""

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from time import monotonic
from types import TracebackType
from typing import Self

from services.common.rpc.errors import DeadlineExceeded, ServiceError

_deadline: ContextVar[float] = ContextVar("deadline")


class Limit:
    """The time of a block; see `within`."""

    def __init__(self, seconds: float) -> None:
        """It begins with the block."""
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)
        self._reason: ServiceError | None = None

    def end(self, reason: ServiceError) -> None:
        """End the block now, which then raises `reason`; nothing, where it is ending already."""
        with suppress(RuntimeError):  # asyncio's, of a timeout that has expired or is left
            self._timeout.reschedule(asyncio.get_running_loop().time())
            self._reason = reason

    async def __aenter__(self) -> Self:
        """The limit itself."""
        self._before = _deadline.set(monotonic() + self._seconds)
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell what ended the block, if that was its time."""
        _deadline.reset(self._before)
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            reason = self._reason or DeadlineExceeded(f"not done within {self._seconds:.3g} s")
            raise reason from late


def within(seconds: float) -> Limit:
    """Give the block of an `async with` so many seconds.

    Raises:
        DeadlineExceeded: they were not enough. The block was cancelled.
    """
    return Limit(seconds)


def remaining() -> float:
    """Seconds until the deadline.

    Raises:
        DeadlineExceeded: none are left.
        LookupError: the current task has none.
    """
    seconds = _deadline.get() - monotonic()
    if seconds <= 0:
        raise DeadlineExceeded("the deadline has passed")
    return seconds
