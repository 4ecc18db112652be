"""The time of a call: until when it has to be answered, and how long it waits for its caller.

The deadline of the call that the current task works for travels in a context variable, as gRPC's
own context does in other languages: tasks that a call starts inherit it, and whatever waits for
somebody else asks `remaining()` how long it may.

A call waits for its caller while the next message does not come and nothing of it is being worked
on, or while an answer is not taken. That may last as long as nobody else needs what the call holds:
then admission (`admission.py`) ends the calls that have waited too long, at a time or in all since
they hold it. A sweep ends those that have waited for much longer than that anyway.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

from services.common.rpc.errors import DeadlineExceeded, KeptWaiting, ServiceError

T = TypeVar("T")

_SWEEP_SECONDS = 1.0

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


class Caller:
    """The caller of one call, seen from here."""

    def __init__(self, limit: Limit) -> None:
        """Nothing has been waited for. `limit` is the call's."""
        self.ending = False
        self._limit = limit
        self._reads_since: float | None = None
        self._writes_since: float | None = None
        self._work = 0  # pieces of work on its messages that are waited for or done
        self._worked_until = 0.0
        self._waited_before_s = 0.0

    async def next_message(self, message: Awaitable[T]) -> T:
        """Wait for what the caller has to send."""
        self._reads_since = monotonic()
        try:
            return await message
        finally:
            self._waited_before_s += self.waited_s
            self._reads_since = None

    async def takes(self, sent: Awaitable[None]) -> None:
        """Wait until the caller has taken an answer."""
        self._writes_since = monotonic()
        try:
            await sent
        finally:
            self._waited_before_s += self.waited_s
            self._writes_since = None

    def work_begins(self) -> None:
        """Something of the call is being worked on: its next message may come late."""
        self._work += 1

    def work_ends(self) -> None:
        """As many times as it began."""
        self._work -= 1
        self._worked_until = monotonic()

    @property
    def waited_s(self) -> float:
        """Seconds that the call has been waiting for its caller; 0: it does not."""
        if self._writes_since is not None:
            return monotonic() - self._writes_since
        if self._reads_since is not None and not self._work:
            return monotonic() - max(self._reads_since, self._worked_until)
        return 0.0

    @property
    def waited_in_all_s(self) -> float:
        """Seconds that the call has waited for its caller since it began."""
        return self._waited_before_s + self.waited_s

    def end(self, reason: str) -> None:
        """End the call. What it holds is given back as it unwinds, not at once."""
        if self.ending:
            return
        self.ending = True
        self._limit.end(
            KeptWaiting(
                f"{reason}: it had waited {self.waited_s:.3g} s for its caller, and "
                f"{self.waited_in_all_s:.3g} s in all; open it again, and send messages and take "
                "answers without long pauses"
            )
        )


@contextmanager
def working(caller: Caller | None) -> Iterator[None]:
    """While the block waits for something else than this caller."""
    if caller:
        caller.work_begins()
    try:
        yield
    finally:
        if caller:
            caller.work_ends()


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_caller() -> Caller | None:
    """The caller that the current task works for; None: nobody, as for a canary."""
    return _caller.get()


class Callers:
    """Those whose calls are open."""

    def __init__(self) -> None:
        """Nobody calls yet."""
        self._open: set[Caller] = set()

    @contextmanager
    def calling(self, limit: Limit) -> Iterator[Caller]:
        """The block is a call, within a `limit`; gives its caller."""
        caller = Caller(limit)
        before = _caller.set(caller)
        self._open.add(caller)
        try:
            yield caller
        finally:
            self._open.discard(caller)
            _caller.reset(before)

    async def sweep(self, patience_s: float, reason: str) -> None:
        """End the calls that have waited for their callers for longer, forever."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for caller in [one for one in self._open if one.waited_s > patience_s]:
                caller.end(reason)
