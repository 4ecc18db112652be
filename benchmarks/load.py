"""Closed-loop load: so many callers, each asking again as soon as it has its answer."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time

Call = Callable[[Sequence[int]], Awaitable[Sequence[bytes]]]


@dataclass(frozen=True)
class Case:
    """Who asks for how much."""

    name: str
    callers: int
    images_per_call: int


CASES = (
    Case("callers_1", callers=1, images_per_call=1),
    Case("callers_4", callers=4, images_per_call=1),
    Case("callers_16", callers=16, images_per_call=1),
    Case("callers_64", callers=64, images_per_call=1),
    Case("call_of_64", callers=1, images_per_call=64),
)


@dataclass(frozen=True)
class Measurement:
    """What one round of one case came to."""

    images: int
    wall_s: float
    latencies_s: Sequence[float]
    client_cpu_s: float
    """CPU time that the load generator itself used."""


async def measure(call: Call, case: Case, *, warmup_s: float, seconds: float) -> Measurement:
    """Load `call` for `warmup_s` seconds without, then for `seconds` seconds with a stop watch."""
    seeds = itertools.count(1)
    await _load(call, case, seeds, warmup_s)
    started, cpu_started = perf_counter(), process_time()
    latencies_s = await _load(call, case, seeds, seconds)
    return Measurement(
        images=len(latencies_s) * case.images_per_call,
        wall_s=perf_counter() - started,
        latencies_s=latencies_s,
        client_cpu_s=process_time() - cpu_started,
    )


async def _load(call: Call, case: Case, seeds: Iterator[int], seconds: float) -> list[float]:
    """Latencies of all calls; each asks for seeds that nobody asked for before."""
    latencies_s: list[float] = []
    deadline = perf_counter() + seconds

    async def caller() -> None:
        while (started := perf_counter()) < deadline:
            wanted = list(itertools.islice(seeds, case.images_per_call))
            pictures = await call(wanted)
            if len(pictures) != len(wanted):
                raise RuntimeError(f"{len(pictures)} pictures came for {len(wanted)} seeds")
            latencies_s.append(perf_counter() - started)

    async with asyncio.TaskGroup() as group:
        for _ in range(case.callers):
            group.create_task(caller())
    return latencies_s
