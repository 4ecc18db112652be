"""The load generator: closed loops that count what they ask for."""

import asyncio

import pytest

from benchmarks.load import Case, measure


class Server:
    """Answers after a fixed time and watches who calls."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.seeds: list[int] = []
        self.together = 0
        self.most_together = 0

    async def __call__(self, seeds):
        self.seeds += seeds
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        await asyncio.sleep(self.seconds)
        self.together -= 1
        return [b"png"] * len(seeds)


async def test_every_caller_asks_again_as_soon_as_it_is_answered():
    server = Server(seconds=0.02)
    case = Case("case", callers=3, images_per_call=2)
    measured = await measure(server, case, warmup_s=0, seconds=0.3)
    calls = len(measured.latencies_s)
    assert server.most_together == 3
    assert 3 * 5 <= calls <= 3 * 16
    assert measured.images == 2 * calls
    assert all(latency >= 0.02 for latency in measured.latencies_s)
    assert measured.wall_s >= 0.3


async def test_no_seed_is_asked_for_twice_and_the_warm_up_is_not_counted():
    server = Server(seconds=0.01)
    measured = await measure(
        server, Case("case", callers=2, images_per_call=5), warmup_s=0.1, seconds=0.1
    )
    assert len(set(server.seeds)) == len(server.seeds)
    assert measured.images < len(server.seeds)


async def test_missing_pictures_stop_the_benchmark():
    async def broken(seeds):
        return []

    with pytest.raises(ExceptionGroup) as caught:
        await measure(broken, Case("case", 1, 1), warmup_s=0, seconds=1)
    assert caught.group_contains(RuntimeError, match="0 pictures came for 1 seeds")
