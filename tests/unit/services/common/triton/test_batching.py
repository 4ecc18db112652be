"""Joining of requests, against a stand-in for Triton that answers when it is told to."""

import asyncio
from collections.abc import Mapping

import numpy as np
import pytest

from services.common.rpc.errors import Busy, Unavailable, forgotten_frames
from services.common.triton.batching import Batcher


class SlowTriton:
    """Doubles its input, as soon as `gate` is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.requests: list[tuple[str, int]] = []  # model and rows

    async def infer(
        self, model: str, version: int, inputs: Mapping[str, np.ndarray], output: str
    ) -> np.ndarray:
        self.requests.append((model, len(inputs["z"])))
        await self.gate.wait()
        if self.error:
            raise self.error
        return 2 * inputs["z"]


@pytest.fixture
async def triton() -> SlowTriton:
    return SlowTriton()


def ask(batcher: Batcher, *numbers: int, model: str = "m") -> asyncio.Task[np.ndarray]:
    z = np.array(numbers)
    return asyncio.create_task(batcher.infer(model, 1, {"z": z, "truncation": z}, "image"))


async def turns() -> None:
    """Let all that can run now run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_idle_triton_is_asked_at_once(triton):
    triton.gate.set()
    batcher = Batcher(triton, max_rows=16, concurrency=1)
    assert list(await ask(batcher, 1, 2)) == [2, 4]
    assert triton.requests == [("m", 2)]


async def test_what_comes_meanwhile_goes_together_and_everybody_gets_their_own(triton):
    batcher = Batcher(triton, max_rows=16, concurrency=2)
    calls = [ask(batcher, *range(i, i + 1 + i % 3)) for i in range(8)]
    await turns()
    assert triton.requests == [("m", 1), ("m", 2)]
    triton.gate.set()
    for i, rows in enumerate(await asyncio.gather(*calls)):
        assert list(rows) == [2 * number for number in range(i, i + 1 + i % 3)]
    assert triton.requests == [("m", 1), ("m", 2), ("m", 12)]


async def test_no_request_is_larger_than_allowed(triton):
    batcher = Batcher(triton, max_rows=4, concurrency=1)
    calls = [ask(batcher, *range(rows)) for rows in (1, 3, 2, 4, 1)]
    await turns()
    triton.gate.set()
    await asyncio.gather(*calls)
    # 3 + 1 (2 and 4 do not fit beside 3), then 2, then 4.
    assert [rows for _, rows in triton.requests] == [1, 4, 2, 4]


async def test_models_are_not_mixed(triton):
    batcher = Batcher(triton, max_rows=16, concurrency=1)
    calls = [ask(batcher, i, model=model) for i, model in enumerate("aabab")]
    await turns()
    triton.gate.set()
    assert [int(rows[0]) for rows in await asyncio.gather(*calls)] == [0, 2, 4, 6, 8]
    assert triton.requests == [("a", 1), ("a", 2), ("b", 2)]


async def test_calls_that_end_while_they_queue_are_never_sent(triton):
    batcher = Batcher(triton, max_rows=16, concurrency=1)
    first, gone, waiting = ask(batcher, 1), ask(batcher, 2), ask(batcher, 3)
    await turns()
    gone.cancel()
    await turns()
    triton.gate.set()
    await asyncio.gather(first, waiting)
    assert triton.requests == [("m", 1), ("m", 1)]


async def test_a_request_whose_callers_have_gone_counts_until_triton_has_answered(triton):
    batcher = Batcher(triton, max_rows=16, concurrency=1)
    gone, waiting = ask(batcher, 0), ask(batcher, 1)
    await turns()
    gone.cancel()
    await turns()
    assert triton.requests == [("m", 1)], "Triton is busy with the first"
    triton.gate.set()
    assert list(await waiting) == [2]
    assert triton.requests == [("m", 1), ("m", 1)]


async def test_an_error_reaches_everybody_and_the_next_request_goes_out(triton):
    batcher = Batcher(triton, max_rows=16, concurrency=1)
    calls = [ask(batcher, 1), ask(batcher, 2), ask(batcher, 3)]
    await turns()
    triton.error = Unavailable("away")
    triton.gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 3
    triton.error = None
    assert list(await ask(batcher, 4)) == [8]


async def test_callers_that_share_a_failed_request_do_not_end_each_other(triton):
    """What one of them does with its error, such as forgetting its frames, concerns no other."""
    batcher = Batcher(triton, max_rows=16, concurrency=1)
    errors, tidied = [], []
    proceed = asyncio.Event()

    async def tidy() -> None:
        try:
            await ask(batcher, 1)
        except Unavailable as error:
            errors.append(error)
            await proceed.wait()  # its frame is one that the error went through
            tidied.append(1)

    async def forget() -> None:
        with forgotten_frames():
            await ask(batcher, 2)

    busy = ask(batcher, 0)
    await turns()
    tasks = [asyncio.create_task(work()) for work in (tidy, tidy, forget)]
    await turns()
    triton.error = Unavailable("away")
    triton.gate.set()
    await turns()
    proceed.set()
    results = await asyncio.gather(busy, *tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["away", "None", "None", "away"]
    assert len(tidied) == 2
    assert triton.requests == [("m", 1), ("m", 3)]
    assert errors[0] is not errors[1]
    assert errors[0].__cause__ is errors[1].__cause__ is triton.error


async def test_errors_of_all_kinds_are_told_apart(triton):
    """Also those whose class takes other arguments than it hands on."""
    batcher = Batcher(triton, max_rows=16, concurrency=1)
    calls = [ask(batcher, number) for number in range(3)]
    await turns()
    triton.error = Busy("full", retry_after_s=3)
    triton.gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [(str(error), error.retry_after_s) for error in results] == [("full", 3)] * 3
    assert len({id(error) for error in results}) == 3


async def test_rows_of_other_shapes_are_not_mixed_and_a_caller_may_lower_the_limit(triton):
    batcher = Batcher(triton, max_rows=16, concurrency=1)

    def ask_wide(width: int, max_rows: int | None = None) -> asyncio.Task[np.ndarray]:
        z = np.zeros((2, width))
        return asyncio.create_task(
            batcher.infer("m", 1, {"z": z, "truncation": z}, "image", max_rows=max_rows)
        )

    calls = [ask_wide(9), ask_wide(3), ask_wide(4), ask_wide(3), ask_wide(5, 4), ask_wide(5, 4)]
    calls += [ask_wide(5, 4)]
    await turns()
    triton.gate.set()
    shapes = [rows.shape for rows in await asyncio.gather(*calls)]
    assert shapes == [(2, 9), (2, 3), (2, 4), (2, 3), (2, 5), (2, 5), (2, 5)]
    assert [rows for _, rows in triton.requests] == [2, 4, 2, 4, 2]
