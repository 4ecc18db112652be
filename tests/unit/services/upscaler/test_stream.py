"""Answers in pieces: in order, never far ahead, and no work once nobody listens."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from services.upscaler.stream import in_order
from tests.unit.services.rooms import Room


def begun(items, answer, *, window: int, ahead: int, room: Room | None = None):
    share = (room or Room()).admission.share()
    return in_order(items, answer, share=share, window=window, ahead=ahead)


class Kitchen:
    """Makes answers of numbered pieces, and remembers what it did."""

    def __init__(self, pieces: int = 3) -> None:
        self.pieces = pieces
        self.begun: list[int] = []
        self.made: list[tuple[int, int]] = []
        self.ended: list[int] = []
        self.read: list[int] = []

    async def answer(self, item: int) -> AsyncGenerator[int]:
        self.begun.append(item)
        try:
            for piece in range(self.pieces):
                self.made.append((item, piece))
                yield piece
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


async def test_all_pieces_come_begun():
    kitchen = Kitchen()
    answers = begun(kitchen.items(10), kitchen.answer, window=3, ahead=2)
    got = [entry async for entry in answers]
    assert got == [(item, piece) for item in range(10) for piece in range(3)]
    assert kitchen.ended == list(range(10))


async def test_a_slow_reader_stops_the_work():
    kitchen = Kitchen(pieces=100)
    async with aclosing(begun(kitchen.items(10), kitchen.answer, window=3, ahead=2)) as answers:
        assert await anext(answers) == (0, 0)
        await turns()
        # Three answers are begun and a fourth picture is read. Of each answer two pieces wait, of
        # the first one the one that was taken, too; the next is made, and then work stops.
        assert kitchen.read == [0, 1, 2, 3]
        assert kitchen.begun == [0, 1, 2]
        assert max(piece for _, piece in kitchen.made) == 2
    assert sorted(kitchen.ended) == [0, 1, 2]


async def test_the_next_item_is_read_once_the_answer_before_it_has_begun():
    kitchen, gate = Kitchen(), asyncio.Event()

    async def answer(item: int) -> AsyncGenerator[int]:
        await gate.wait()
        yield item

    async with aclosing(begun(kitchen.items(10), answer, window=3, ahead=2)) as answers:
        waiting = asyncio.ensure_future(anext(answers))
        await turns()
        assert kitchen.read == [0]
        gate.set()
        assert await waiting == (0, 0)


async def test_an_error_comes_after_all_that_was_before_it():
    kitchen = Kitchen()

    async def answer(item: int) -> AsyncGenerator[int]:
        if item == 2:
            raise ZeroDivisionError
        async for piece in kitchen.answer(item):
            yield piece

    got = []
    with pytest.raises(ZeroDivisionError):
        async for entry in begun(kitchen.items(10), answer, window=5, ahead=9):
            got.append(entry)
    assert got == [(item, piece) for item in range(2) for piece in range(3)]


async def test_an_error_of_the_items_comes_after_all_answers():
    kitchen = Kitchen()

    async def items() -> AsyncIterator[int]:
        yield 0
        yield 1
        raise ZeroDivisionError

    got = []
    with pytest.raises(ZeroDivisionError):
        async for entry in begun(items(), kitchen.answer, window=5, ahead=9):
            got.append(entry)
    assert [item for item, _ in got] == [0, 0, 0, 1, 1, 1]


async def test_a_cancelled_reader_ends_all_answers():
    kitchen = Kitchen(pieces=10**9)

    async def read() -> None:
        async with aclosing(begun(kitchen.items(10), kitchen.answer, window=3, ahead=2)) as answers:
            async for _ in answers:
                pass

    reader = asyncio.create_task(read())
    await turns()
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert sorted(kitchen.ended) == sorted(kitchen.begun) != []


async def test_every_answer_takes_its_room_until_its_last_piece_was_taken():
    kitchen, room = Kitchen(), Room(limit=2)
    answers = begun(kitchen.items(10), kitchen.answer, window=5, ahead=9, room=room)
    async with aclosing(answers):
        for item in range(10):
            for _ in range(3):
                await anext(answers)
                await turns()
                assert room.taken == min(2, 10 - item)
                assert len(kitchen.begun) == min(item + 2, 10)
    assert room.taken == 0
