import asyncio

import pytest

from services.common.rpc.server import _until_set


async def test_serving_ends_when_told_to():
    stop, ended = asyncio.Event(), asyncio.Event()

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(_until_set(stop, meanwhile=[background()]))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    stop.set()
    await waiting
    assert ended.is_set()


async def test_a_bug_in_the_background_is_not_hidden():
    async def background() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await _until_set(asyncio.Event(), meanwhile=[background()])
