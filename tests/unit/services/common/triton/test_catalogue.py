"""What is replaced while a call works with it: when the work is done again, and with what."""

import asyncio

import pytest

from services.common.rpc.errors import Internal, NotFound, Unavailable
from services.common.triton.catalogue import with_successors


class Served:
    """Versions of which those before `well` fail."""

    def __init__(self, well: int, newest: int, error: Exception | None = None) -> None:
        self.well, self.newest = well, newest
        self.error = error or Unavailable("gone")
        self.asked: list[int] = []
        self.looks = 0

    async def work(self, version: int) -> str:
        self.asked.append(version)
        if version < self.well:
            raise self.error
        return f"by {version}"

    async def successor(self, failed: int) -> int | None:
        self.looks += 1
        await asyncio.sleep(0.01)
        return failed + 1 if failed < self.newest else None


async def test_what_is_served_is_asked_once_and_nobody_looks():
    served = Served(well=1, newest=9)
    assert await with_successors(1, served.work, served.successor) == "by 1"
    assert (served.asked, served.looks) == ([1], 0)


async def test_its_successor_does_the_work():
    served = Served(well=2, newest=9)
    assert await with_successors(1, served.work, served.successor) == "by 2"
    assert served.asked == [1, 2]


async def test_without_a_successor_the_failure_stands():
    served = Served(well=2, newest=1)
    with pytest.raises(Unavailable, match="gone"):
        await with_successors(1, served.work, served.successor)
    assert (served.asked, served.looks) == ([1], 1)


async def test_without_patience_there_is_one_further_attempt():
    served = Served(well=9, newest=9)
    with pytest.raises(Unavailable, match="gone"):
        await with_successors(1, served.work, served.successor)
    assert (served.asked, served.looks) == ([1, 2], 1)


async def test_with_patience_attempts_go_on_until_it_ends():
    served = Served(well=9, newest=99)
    assert await with_successors(1, served.work, served.successor, patience_s=60) == "by 9"
    served = Served(well=10**9, newest=10**9)
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable, match="gone"):
            await with_successors(1, served.work, served.successor, patience_s=0.05)
    assert 2 < served.looks <= 6


async def test_other_failures_end_it_at_once():
    for error in (NotFound("no such image"), Internal("a bug"), ZeroDivisionError()):
        served = Served(well=2, newest=9, error=error)
        with pytest.raises(type(error)):
            await with_successors(1, served.work, served.successor)
        assert served.looks == 0
    served = Served(well=2, newest=9, error=NotFound("no such version"))
    work = with_successors(1, served.work, served.successor, failures=(NotFound,))
    assert await work == "by 2"
