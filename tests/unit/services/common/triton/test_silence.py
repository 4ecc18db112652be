"""A Triton that says nothing any more is left out until it speaks; one that computes is not."""

import asyncio
import socket
import time
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager

import numpy as np
import pytest
from structlog.testing import capture_logs

from services.common.rpc import deadline, logs
from services.common.rpc.errors import DeadlineExceeded, Unavailable
from services.common.triton import connections
from services.common.triton.batching import Batcher
from services.common.triton.client import _MAX_UNDER_WAY, Triton
from tests.unit.services.common.triton.http_triton import HttpTriton, tensors

Z = {"z": np.zeros((1, 4), np.float32)}


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Silence is noticed after a quarter of a second."""
    monkeypatch.setattr(connections, "_SUSPECT_SECONDS", 0.05)
    monkeypatch.setattr(connections, "_LIVE_SECONDS", 0.2)
    monkeypatch.setattr(connections, "_CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(connections, "_ASK_AGAIN_SECONDS", 0.05)


def answer_of(number: int) -> bytes:
    return tensors(("image", "UINT8", [1, 1], bytes([number])))


@asynccontextmanager
async def tritons(count: int):
    """Tritons that answer at once with their number, and a client of all of them."""
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(HttpTriton(answer=answer_of(number)))
            for number in range(count)
        ]
        for server in servers:
            server.gate.set()
        client = await stack.enter_async_context(Triton(*(server.url for server in servers)))
        async with asyncio.timeout(20):
            yield client, *servers


async def infer(client) -> int:
    return (await client.infer("m", 1, Z, "image")).item()


def silent_addresses(client) -> list[tuple]:
    return [place.address[1] for place in client._connections._places if place.silent]


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_what_a_silent_triton_has_is_asked_of_another_and_it_comes_back_by_itself():
    async with tritons(2) as (client, silent, other):
        silent.awake.clear()
        answers = await asyncio.gather(*(infer(client) for _ in range(20)))
        assert answers == [1] * 20
        asked = silent.asked
        assert asked
        assert [await infer(client) for _ in range(20)] == [1] * 20
        assert silent.asked == asked, "it is left out"
        assert client._room._value == _MAX_UNDER_WAY
        assert silent.lost == 0, "nothing was cancelled"

        silent.awake.set()  # it answers what was given up, too
        await until(lambda: not silent_addresses(client))
        assert sorted([await infer(client) for _ in range(20)]) == [0] * 10 + [1] * 10
        assert client._room._value == _MAX_UNDER_WAY
        await until(lambda: not client._connections._places[0].busy)
        await until(lambda: not client._connections._places[1].busy)
    assert other.lost == 0


async def test_questions_about_models_go_to_another_too():
    async with tritons(2) as (client, silent, _), deadline.within(10):
        silent.awake.clear()
        for _ in range(4):
            assert await client.ready_versions() == {"m": [1]}


async def test_a_triton_that_computes_for_long_is_not_silent():
    with capture_logs() as logs:
        async with tritons(2) as (client, *servers):
            for server in servers:
                server.gate.clear()
            asking = [asyncio.create_task(infer(client)) for _ in range(4)]
            await until(lambda: all(server.asked for server in servers))
            await asyncio.sleep(1)
            assert all(server.probes > 1 for server in servers)
            for server in servers:
                server.gate.set()
            await asyncio.gather(*asking)
    assert not logs
    assert sum(server.asked for server in servers) == len(asking), "none was asked again"


async def test_while_the_only_triton_is_silent_callers_are_told_at_once():
    async with tritons(1) as (client, silent):
        silent.awake.clear()
        caught = [asyncio.create_task(infer(client)) for _ in range(_MAX_UNDER_WAY + 8)]
        for result in await asyncio.gather(*caught, return_exceptions=True):
            assert type(result) is Unavailable
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(Unavailable):
                await infer(client)
        assert time.monotonic() - began < connections._LIVE_SECONDS
        assert client._room._value == _MAX_UNDER_WAY
        silent.awake.set()
        await until(lambda: not silent_addresses(client))
        assert await infer(client) == 0
        assert silent.lost == 0


async def test_a_silent_triton_holds_no_slot_of_a_batcher():
    async with tritons(2) as (client, silent, _):
        batcher = Batcher(client, max_rows=1, concurrency=2)
        silent.awake.clear()
        answers = await asyncio.gather(*(batcher.infer("m", 1, Z, "image") for _ in range(20)))
        assert [answer.item() for answer in answers] == [1] * 20


async def test_callers_who_have_gone_are_not_told_and_leave_nothing():
    async with tritons(1) as (client, silent):
        silent.awake.clear()
        with pytest.raises(DeadlineExceeded):
            async with deadline.within(0.02):
                await infer(client)
        await until(lambda: client._room._value == _MAX_UNDER_WAY)
        assert silent.lost == 0


async def test_an_address_that_does_not_even_refuse_is_silent():
    """As where a machine has gone: nobody takes the connection."""
    async with tritons(1) as (_, server):
        with ExitStack() as stack:
            endpoint = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            host, port = endpoint.getsockname()
            for _ in range(4):  # its queue is full
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((host, port))
            async with Triton(f"{host}:{port}", server.url) as client:
                assert [await infer(client) for _ in range(4)] == [0] * 4
                await until(lambda: silent_addresses(client) == [(host, port)])
                began = time.monotonic()
                assert [await infer(client) for _ in range(4)] == [0] * 4
                assert time.monotonic() - began < connections._CONNECT_SECONDS


async def test_a_process_that_was_held_up_itself_blames_nobody():
    with capture_logs() as logs:
        async with tritons(1) as (client, server):
            server.gate.clear()
            asking = asyncio.create_task(infer(client))
            await until(lambda: server.asked)
            for _ in range(3):
                time.sleep(0.5)
                await asyncio.sleep(0.02)
            server.gate.set()
            assert await asking == 0
    assert not logs


async def test_the_log_tells_of_silence_and_of_its_end():
    with capture_logs(processors=[logs.with_bound]) as lines:
        async with tritons(1) as (client, silent):
            silent.awake.clear()
            request = logs.bound(request_id="somebody's")
            with request, pytest.raises(Unavailable):
                await infer(client)
            silent.awake.set()
            await until(lambda: not silent_addresses(client))
    assert lines == [
        {"event": "a Triton is silent", "address": silent.url, "log_level": "warning"},
        {"event": "a Triton answers again", "address": silent.url, "log_level": "info"},
    ]
