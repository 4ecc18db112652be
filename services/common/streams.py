"""A stream of work: a few pieces at a time, results in order, as soon as they are there."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from itertools import count
from typing import Any, TypeVar

from services.common.rpc.admission import Hold, Share
from services.common.rpc.errors import InvalidField

Item = TypeVar("Item")
Result = TypeVar("Result")


async def in_order(
    items: AsyncIterator[Item],
    work: Callable[[Item], Awaitable[Result]],
    *,
    share: Share,
    window: int,
) -> AsyncGenerator[Result]:
    """Work on up to `window` items at a time and give the results out in the items' order.

    A result is given out as soon as it is there, whether or not another item comes. While the
    results of `window` items wait for their reader, no further item is begun. Each waits for its
    turn in `share`, where it takes 1 until its result was taken. What was begun ends with the
    generator.

    Raises:
        InvalidField: by `items` or `work`; the message says which item it was, counted from 1.
        Whatever else they raise.
    """
    room = asyncio.Semaphore(window)
    begun: deque[asyncio.Task[Any]] = deque()
    holds: deque[Hold] = deque()
    waiting: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()

    async def one(item: Item) -> Result:
        return await work(item)

    async def read() -> None:
        async for item in items:
            await room.acquire()
            holds.append(await share.in_turn(1))
            begun.append(asyncio.create_task(one(item)))
            waiting.put_nowait(begun[-1])

    # The reader's own task marks the end: it raises what `items` raised, after all results before.
    reader = asyncio.create_task(read())
    reader.add_done_callback(waiting.put_nowait)
    try:
        for number in count(1):
            task = await waiting.get()
            try:
                result = await task
            except InvalidField as error:
                message = f"message {number} of the stream: {error.message}"
                raise InvalidField(error.field, message) from error
            if task is reader:
                return
            begun.popleft()
            with holds.popleft():
                yield result
            room.release()
    finally:
        for task in (reader, *begun):
            task.cancel()
        await asyncio.gather(reader, *begun, return_exceptions=True)
