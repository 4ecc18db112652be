"""What a failed call leaves behind: nothing that would wait for a full collection."""

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from services.common.rpc.errors import Unavailable, forgotten_frames
from services.upscaler.decoding import Picture
from services.upscaler.engine.tiling import TileSettings
from services.upscaler.types import Plan
from tests.unit.services.upscaler.engine.stand_in import collected, infer, model


@pytest.fixture
def no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def fail_midway(pictures: list[weakref.ref[Picture]]) -> None:
    """Lose the network in the middle of a picture that nothing else refers to."""
    picture = Picture(np.zeros((200, 200, 3), np.uint8))
    pictures.append(weakref.ref(picture))
    sent = 0

    async def failing(model, tiles):
        nonlocal sent
        sent += 1
        if sent > 4:
            raise Unavailable("gone")
        return await infer(model, tiles)

    plan = Plan((model(),), None, 400, 400, tta=False)
    await collected(picture, plan, TileSettings(side=40, in_flight=2), failing)


async def test_a_picture_does_not_outlive_its_failed_call(no_collections):
    pictures: list[weakref.ref[Picture]] = []
    with pytest.raises(Unavailable, match="gone"), forgotten_frames():
        await fail_midway(pictures)
    assert [picture() for picture in pictures] == [None]
