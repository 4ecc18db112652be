import asyncio

import pytest

from services.common.rpc import deadline
from services.common.rpc.errors import DeadlineExceeded


async def test_tasks_of_a_call_know_how_long_they_may_take():
    async with deadline.within(5):
        assert 4 < await asyncio.create_task(asyncio.to_thread(deadline.remaining)) <= 5


async def test_what_takes_longer_is_cancelled():
    work = asyncio.create_task(asyncio.sleep(60))
    with pytest.raises(DeadlineExceeded, match=r"0\.01 s"):
        async with deadline.within(0.01):
            await work
    assert work.cancelled()


async def test_a_timeout_of_the_work_itself_is_not_the_deadline():
    with pytest.raises(TimeoutError):
        async with deadline.within(5), asyncio.timeout(0.01):
            await asyncio.sleep(60)


async def test_none_remains_once_it_has_passed():
    async with deadline.within(5):
        with pytest.raises(DeadlineExceeded):
            async with deadline.within(0):
                deadline.remaining()
        assert deadline.remaining() > 4, "that of the outer block"


def test_outside_of_calls_there_is_none():
    with pytest.raises(LookupError):
        deadline.remaining()
