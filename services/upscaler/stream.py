"""Answers of several pieces each, worked on a few at a time and given out in order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from services.common.rpc.admission import Hold, Share

Item = TypeVar("Item")
Piece = TypeVar("Piece")


async def in_order(
    items: AsyncIterator[Item],
    answer: Callable[[Item], AsyncGenerator[Piece]],
    *,
    share: Share,
    window: int,
    ahead: int,
) -> AsyncGenerator[tuple[Item, Piece]]:
    """Answer up to `window` items at a time; give the pieces out with their items, in order.

    The next item is read as soon as the first piece of the answer before it is there. It waits for
    its turn in `share`, where it takes 1 until the last piece of its answer was taken. Of every
    answer at most `ahead` pieces wait for their turn; then work on it stops until some are taken.
    What was begun ends with the generator.

    Raises:
        Whatever `items` and `answer` raise, after all pieces before it.
    """
    room = asyncio.Semaphore(window)
    begun: deque[_Answer[Piece]] = deque()
    waiting: asyncio.Queue[tuple[Item, _Answer[Piece], Hold] | None] = asyncio.Queue()

    async def read() -> None:
        async for item in items:
            await room.acquire()
            hold = await share.in_turn(1)
            begun.append(one := _Answer(answer(item), ahead))
            waiting.put_nowait((item, one, hold))
            await one.started.wait()

    reader = asyncio.create_task(read())
    reader.add_done_callback(lambda _: waiting.put_nowait(None))
    try:
        while entry := await waiting.get():
            item, one, hold = entry
            with hold:
                async with aclosing(one.pieces()) as pieces:
                    async for piece in pieces:
                        yield item, piece
            begun.popleft()
            room.release()
        await reader  # raises what `items` raised
    finally:
        tasks = [reader, *(one.task for one in begun)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Answer(Generic[Piece]):
    """Pieces that are made in a task of their own, a few ahead of their reader."""

    def __init__(self, source: AsyncGenerator[Piece], ahead: int) -> None:
        """Begin at once."""
        self.started = asyncio.Event()
        self._source = source
        self._room = asyncio.Semaphore(ahead)
        self._ready: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.create_task(self._make())
        # The task itself marks the end: it raises what the source raised, after all pieces before.
        self.task.add_done_callback(self._ended)

    async def pieces(self) -> AsyncGenerator[Piece]:
        """The pieces, as they come."""
        while (piece := await self._ready.get()) is not self.task:
            yield piece
            self._room.release()
        await self.task

    async def _make(self) -> None:
        async with aclosing(self._source) as pieces:
            async for piece in pieces:
                self.started.set()
                await self._room.acquire()
                self._ready.put_nowait(piece)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.started.set()
        self._ready.put_nowait(task)
