"""A stream of work: a few items at a time, their answers in order, as soon as they are there."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from services.common.rpc.admission import Hold, Share

Item = TypeVar("Item")
Part = TypeVar("Part")


def _one(_: object) -> int:
    return 1


async def in_order(
    items: AsyncIterator[Item],
    answer: Callable[[Item], AsyncGenerator[Part]],
    *,
    share: Share,
    window: int,
    amount: Callable[[Item], int] = _one,
    ahead: int = 1,
    staggered: bool = False,
) -> AsyncGenerator[Part]:
    """Answer up to `window` items at a time; give their answers out, part by part, in order.

    A part is given out as soon as it is there, whether or not another item comes. While the
    answers of `window` items wait for their reader, no further item is begun. What was begun ends
    with the generator.

    Args:
        items: are read one after the other.
        answer: makes the parts of an item's answer; `whole` is for those of a single part.
        share: where each item waits for its turn, and takes room until the last part of its
            answer was taken.
        window: how many items are begun at a time, the one whose parts are being taken included.
        amount: of room that an item takes.
        ahead: parts of each answer that may wait to be taken; then work on it stops until some are
            taken.
        staggered: do not read the next item before the first part of the answer before it is
            there.

    Raises:
        Whatever `items` and `answer` raise, after all parts before it.
    """
    room = asyncio.Semaphore(window)
    begun: deque[_Answer[Part]] = deque()
    waiting: asyncio.Queue[tuple[_Answer[Part], Hold] | None] = asyncio.Queue()

    async def read() -> None:
        async for item in items:
            await room.acquire()
            hold = await share.in_turn(amount(item))
            begun.append(one := _Answer(answer(item), ahead))
            waiting.put_nowait((one, hold))
            if staggered:
                await one.started.wait()

    reader = asyncio.create_task(read())
    reader.add_done_callback(lambda _: waiting.put_nowait(None))
    try:
        while entry := await waiting.get():
            one, hold = entry
            with hold:
                async with aclosing(one.parts()) as parts:
                    async for part in parts:
                        yield part
            begun.popleft()
            room.release()
        await reader  # raises what `items` raised
    finally:
        tasks = [reader, *(one.task for one in begun)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def whole(work: Callable[[Item], Awaitable[Part]]) -> Callable[[Item], AsyncGenerator[Part]]:
    """`work` as an answer of one part: its result."""

    async def answer(item: Item) -> AsyncGenerator[Part]:
        yield await work(item)

    return answer


class _Answer(Generic[Part]):
    """Parts that are made in a task of their own, a few ahead of their reader."""

    def __init__(self, source: AsyncGenerator[Part], ahead: int) -> None:
        """Begin at once."""
        self.started = asyncio.Event()
        self._source = source
        self._room = asyncio.Semaphore(ahead)
        self._ready: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.create_task(self._make())
        # The task itself marks the end: it raises what the source raised, after all parts before.
        self.task.add_done_callback(self._ended)

    async def parts(self) -> AsyncGenerator[Part]:
        """The parts, as they come."""
        while (part := await self._ready.get()) is not self.task:
            yield part
            self._room.release()
        await self.task

    async def _make(self) -> None:
        async with aclosing(self._source) as parts:
            async for part in parts:
                self.started.set()
                await self._room.acquire()
                self._ready.put_nowait(part)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.started.set()
        self._ready.put_nowait(task)
