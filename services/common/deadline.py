"""The deadline of the call that the current task works for.

It travels in a context variable, as gRPC's own context does in other languages: tasks that a call
starts inherit it, and whatever waits for somebody else asks `remaining()` how long it may.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from time import monotonic

from services.common.errors import DeadlineExceeded

_deadline: ContextVar[float] = ContextVar("deadline")


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Give the block `seconds` seconds.

    Raises:
        DeadlineExceeded: they were not enough. The block was cancelled.
    """
    token = _deadline.set(monotonic() + seconds)
    try:
        async with asyncio.timeout(seconds) as timeout:
            yield
    except TimeoutError as error:
        if not timeout.expired():
            raise
        raise DeadlineExceeded(f"not done within {seconds:.3g} s") from error
    finally:
        _deadline.reset(token)


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
