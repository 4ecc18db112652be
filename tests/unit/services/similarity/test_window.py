"""A few pieces of work at a time, results in order."""

import asyncio
from contextlib import aclosing

import pytest

from services.common.rpc.errors import InvalidField, NotFound
from services.common.streams import in_order
from tests.unit.services.rooms import Room


def begun(items, work, window: int, room: Room | None = None):
    return in_order(items, work, share=(room or Room()).admission.share(), window=window)


async def numbers(count: int):
    for i in range(count):
        yield i


class Worker:
    """Squares numbers; larger ones are done sooner. Knows how many it had at a time."""

    def __init__(self) -> None:
        self.running = self.most = self.begun = self.cancelled = 0

    async def __call__(self, number: int) -> int:
        self.begun += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0.01 / (1 + number))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        return number**2


@pytest.mark.parametrize("window", [1, 3, 100])
async def test_results_come_in_order_and_few_are_worked_on(window):
    worker = Worker()
    results = [result async for result in begun(numbers(20), worker, window)]
    assert results == [i**2 for i in range(20)]
    assert worker.most <= window


async def test_a_result_does_not_wait_for_the_next_item():
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def items():
        while True:
            yield await queue.get()

    results = begun(items(), Worker(), 5)
    async with asyncio.timeout(10):
        for i in (3, 4):
            queue.put_nowait(i)
            assert await anext(results) == i**2
    await results.aclose()


async def test_a_slow_reader_holds_the_work_back():
    worker = Worker()
    results = begun(numbers(100), worker, 4)
    assert await anext(results) == 0
    await asyncio.sleep(0.1)
    assert worker.begun <= 5
    await results.aclose()


async def test_what_was_begun_ends_with_the_reader():
    async def forever(number: int) -> int:
        if number == 0:
            return 0
        return await worker_sleep()

    cancelled = []

    async def worker_sleep() -> int:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return 0

    results = begun(numbers(100), forever, 4)
    await anext(results)
    await asyncio.sleep(0.01)
    await results.aclose()
    assert len(cancelled) == 3


@pytest.mark.parametrize("where", ["items", "work"])
async def test_a_wrong_item_is_counted_from_1_and_comes_after_the_results_before_it(where):
    async def items():
        async for i in numbers(5):
            if i == 2 and where == "items":
                raise InvalidField("k", "too large")
            yield i

    async def work(number: int) -> int:
        if number == 2:
            raise InvalidField("k", "too large")
        return number

    seen = []
    with pytest.raises(InvalidField) as refused:
        async for result in begun(items(), work, 3):
            seen.append(result)
    assert seen == [0, 1]
    assert refused.value.field == "k"
    assert refused.value.message == "message 3 of the stream: too large"


async def test_other_errors_pass():
    async def work(number: int) -> int:
        raise NotFound("no index")

    with pytest.raises(NotFound, match="no index"):
        _ = [result async for result in begun(numbers(3), work, 2)]


async def test_every_result_takes_its_room_until_it_was_taken():
    worker, room = Worker(), Room(limit=2)
    async with aclosing(begun(numbers(10), worker, 5, room)) as results:
        for i in range(10):
            assert await anext(results) == i**2
            await asyncio.sleep(0.02)
            assert room.taken == min(2, 10 - i)
            assert worker.begun == min(i + 2, 10)
    assert room.taken == 0
