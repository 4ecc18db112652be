"""A stream of work: a few items at a time, their answers in order, as soon as they are there."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from services.common.rpc.admission import Hold, Share

Item = TypeVar("Item")
Piece = TypeVar("Piece")


def _one(_: object) -> int:
    return 1


async def in_order(
    items: AsyncIterator[Item],
    answer: Callable[[Item], AsyncGenerator[Piece]],
    *,
    share: Share,
    window: int,
    amount: Callable[[Item], int] = _one,
    ahead: int = 1,
    staggered: bool = False,
) -> AsyncGenerator[Piece]:
    """Answer up to `window` items at a time; give their answers out, piece by piece, in order.

    A piece is given out as soon as it is there, whether or not another item comes. While the
    answers of `window` items wait for their reader, no further item is begun. What was begun ends
    with the generator.

    Args:
        items: are read one after the other.
        answer: makes the pieces of an item's answer; `whole` is for those of a single piece.
        share: where each item waits for its turn, and takes room until the last piece of its
            answer was taken.
        window: how many items are begun at a time, the one whose pieces are being taken included.
        amount: of room that an item takes.
        ahead: pieces of each answer that may wait for theirs; then work on it stops until some are
            taken.
        staggered: do not read the next item before the first piece of the answer before it is
            there.

    Raises:
        Whatever `items` and `answer` raise, after all pieces before it.
    """
    room = asyncio.Semaphore(window)
    begun: deque[_Answer[Piece]] = deque()
    waiting: asyncio.Queue[tuple[_Answer[Piece], Hold] | None] = asyncio.Queue()

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
                async with aclosing(one.pieces()) as pieces:
                    async for piece in pieces:
                        yield piece
            begun.popleft()
            room.release()
        await reader  # raises what `items` raised
    finally:
        tasks = [reader, *(one.task for one in begun)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def whole(work: Callable[[Item], Awaitable[Piece]]) -> Callable[[Item], AsyncGenerator[Piece]]:
    """`work` as an answer of one piece: its result."""

    async def answer(item: Item) -> AsyncGenerator[Piece]:
        yield await work(item)

    return answer


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
