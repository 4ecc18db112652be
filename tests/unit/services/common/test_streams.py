"""A few items at a time, their answers in order: of one part each, then of several."""

import asyncio
import weakref
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from services.common.rpc.errors import NotFound
from services.common.streams import in_order, whole
from tests.unit.services.rooms import Room


def begun(items, work, window: int, room: Room | None = None, **options):
    share = (room or Room()).admission.share()
    return in_order(items, whole(work), share=share, window=window, **options)


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


async def test_errors_pass():
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


async def test_items_take_as_much_room_as_they_say():
    room = Room(limit=7)
    async with aclosing(begun(numbers(5), Worker(), 5, room, amount=lambda i: i + 1)) as results:
        await anext(results)
        await asyncio.sleep(0.05)
        assert room.taken == 1 + 2 + 3  # 4 more do not fit
        assert [await anext(results) for _ in range(4)] == [1, 4, 9, 16]
    assert room.taken == 0


async def test_what_is_asked_for_is_forgotten_while_its_answer_waits():
    """A stream's pictures would be held as long as its reader likes."""

    class Picture:
        pass

    items_left: list[weakref.ref[Picture]] = []

    async def pictures() -> AsyncIterator[Picture]:
        for _ in range(3):
            picture = Picture()
            items_left.append(weakref.ref(picture))
            yield picture
            del picture
        await asyncio.Event().wait()

    async def work(_: Picture) -> str:
        return "done"

    async with aclosing(begun(pictures(), work, 5)) as results:
        assert await anext(results) == "done"
        await turns()
        assert [left() for left in items_left[:2]] == [None, None]


def parts_of(items, answer, *, window: int, ahead: int, room: Room | None = None):
    """As the upscaler's: answers of several parts, the next item once the last answer began."""
    share = (room or Room()).admission.share()
    return in_order(items, answer, share=share, window=window, ahead=ahead, staggered=True)


class Kitchen:
    """Makes answers of numbered parts, and remembers what it did."""

    def __init__(self, parts: int = 3) -> None:
        self.parts = parts
        self.begun: list[int] = []
        self.made: list[tuple[int, int]] = []
        self.ended: list[int] = []
        self.read: list[int] = []

    async def answer(self, item: int) -> AsyncGenerator[tuple[int, int]]:
        self.begun.append(item)
        try:
            for part in range(self.parts):
                self.made.append((item, part))
                yield item, part
                await asyncio.sleep(0)
        finally:
            self.ended.append(item)

    async def items(self, count: int) -> AsyncIterator[int]:
        for item in range(count):
            self.read.append(item)
            yield item


async def turns() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_all_parts_of_an_answer_come_before_those_of_the_next():
    kitchen = Kitchen()
    answers = parts_of(kitchen.items(10), kitchen.answer, window=3, ahead=2)
    got = [entry async for entry in answers]
    assert got == [(item, part) for item in range(10) for part in range(3)]
    assert kitchen.ended == list(range(10))


async def test_a_slow_reader_stops_the_work():
    kitchen = Kitchen(parts=100)
    async with aclosing(parts_of(kitchen.items(10), kitchen.answer, window=3, ahead=2)) as answers:
        assert await anext(answers) == (0, 0)
        await turns()
        # Three answers are begun and a fourth picture is read. Of each answer two parts wait, of
        # the first one the one that was taken, too; the next is made, and then work stops.
        assert kitchen.read == [0, 1, 2, 3]
        assert kitchen.begun == [0, 1, 2]
        assert max(part for _, part in kitchen.made) == 2
    assert sorted(kitchen.ended) == [0, 1, 2]


async def test_the_next_item_is_read_once_the_answer_before_it_has_begun():
    kitchen, gate = Kitchen(), asyncio.Event()

    async def answer(item: int) -> AsyncGenerator[tuple[int, int]]:
        await gate.wait()
        yield item, 0

    async with aclosing(parts_of(kitchen.items(10), answer, window=3, ahead=2)) as answers:
        waiting = asyncio.ensure_future(anext(answers))
        await turns()
        assert kitchen.read == [0]
        gate.set()
        assert await waiting == (0, 0)


async def test_an_error_comes_after_all_that_was_before_it():
    kitchen = Kitchen()

    async def answer(item: int) -> AsyncGenerator[tuple[int, int]]:
        if item == 2:
            raise ZeroDivisionError
        async for part in kitchen.answer(item):
            yield part

    got = []
    with pytest.raises(ZeroDivisionError):
        async for entry in parts_of(kitchen.items(10), answer, window=5, ahead=9):
            got.append(entry)
    assert got == [(item, part) for item in range(2) for part in range(3)]


async def test_an_error_of_the_items_comes_after_all_answers():
    kitchen = Kitchen()

    async def items() -> AsyncIterator[int]:
        yield 0
        yield 1
        raise ZeroDivisionError

    got = []
    with pytest.raises(ZeroDivisionError):
        async for entry in parts_of(items(), kitchen.answer, window=5, ahead=9):
            got.append(entry)
    assert [item for item, _ in got] == [0, 0, 0, 1, 1, 1]


async def test_a_cancelled_reader_ends_all_answers():
    kitchen = Kitchen(parts=10**9)

    async def read() -> None:
        async with aclosing(
            parts_of(kitchen.items(10), kitchen.answer, window=3, ahead=2)
        ) as answers:
            async for _ in answers:
                pass

    reader = asyncio.create_task(read())
    await turns()
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert sorted(kitchen.ended) == sorted(kitchen.begun) != []


async def test_every_answer_takes_its_room_until_its_last_part_was_taken():
    kitchen, room = Kitchen(), Room(limit=2)
    answers = parts_of(kitchen.items(10), kitchen.answer, window=5, ahead=9, room=room)
    async with aclosing(answers):
        for item in range(10):
            for _ in range(3):
                await anext(answers)
                await turns()
                assert room.taken == min(2, 10 - item)
                assert len(kitchen.begun) == min(item + 2, 10)
    assert room.taken == 0
