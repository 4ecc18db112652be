"""Who waits for whom: callers that keep a call waiting lose it when others need what it holds.

A call waits for its caller while the next message does not come and nothing of it is being worked
on, or while an answer is not taken. That may last as long as nobody else needs the room: then
admission (`admission.py`) ends the calls that have waited longest, beginning with those whose
patience is over, and a sweep ends those that have waited for much longer than that anyway.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from time import monotonic

from services.common.errors import KeptWaiting

_SWEEP_SECONDS = 1.0


class Caller:
    """The caller of one call, seen from here."""

    def __init__(self) -> None:
        """Nothing has been waited for."""
        self.ending: KeptWaiting | None = None  # why the call is ended, if it is
        self._ends: asyncio.Timeout | None = None
        self._reads_since: float | None = None
        self._writes_since: float | None = None
        self._work = 0  # pieces of work on its messages that are waited for or done
        self._worked_until = 0.0

    @contextmanager
    def next_message(self) -> Iterator[None]:
        """While the block waits for a message."""
        self._reads_since = monotonic()
        try:
            yield
        finally:
            self._reads_since = None

    @contextmanager
    def taking(self) -> Iterator[None]:
        """While the block waits for an answer to be taken."""
        self._writes_since = monotonic()
        try:
            yield
        finally:
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

    def end(self, reason: str) -> None:
        """End the call. What it holds is given back as it unwinds, not at once."""
        if self.ending is None and self._ends is not None:
            self.ending = KeptWaiting(
                f"{reason}: it had waited {self.waited_s:.3g} s for its caller; open it again, and "
                "send messages and take answers without long pauses"
            )
            self._ends.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def endable(self) -> AsyncIterator[None]:
        """The block is the call.

        Raises:
            KeptWaiting: it was ended.
        """
        token = _current.set(self)
        try:
            async with asyncio.timeout(None) as ends:
                self._ends = ends
                yield
        except TimeoutError as error:
            if self.ending is None or not ends.expired():
                raise
            raise self.ending from error
        finally:
            self._ends = None
            _current.reset(token)


_current: ContextVar[Caller | None] = ContextVar("caller", default=None)


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


def current() -> Caller | None:
    """The caller that the current task works for; None: nobody, as for a canary."""
    return _current.get()


class Callers:
    """Those whose calls are open."""

    def __init__(self, patience_s: float) -> None:
        """Let a call wait for its caller for `patience_s` seconds, whether or not others do."""
        self._patience_s = patience_s
        self._open: set[Caller] = set()

    @contextmanager
    def calling(self) -> Iterator[Caller]:
        """The block is a call; gives its caller."""
        caller = Caller()
        self._open.add(caller)
        try:
            yield caller
        finally:
            self._open.discard(caller)

    async def sweep(self) -> None:
        """End calls whose callers have kept them waiting for too long, forever."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for caller in [one for one in self._open if one.waited_s > self._patience_s]:
                caller.end("the call was idle for too long")
