"""A picture in tiles against the same picture in one piece."""

import asyncio
from contextlib import aclosing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from services.upscaler.decoding import Picture
from services.upscaler.engine.enlarge import enlarge, is_exact
from services.upscaler.engine.tiling import TileSettings
from services.upscaler.types import Filter, Plan
from tests.unit.services.upscaler.engine.stand_in import WHOLE, collected, infer, model

RNG = np.random.default_rng(3)


def noise(height: int, width: int, channels: int = 3) -> Picture:
    return Picture(RNG.integers(0, 256, (height, width, channels), np.uint8))


def plan_of(*passes, picture: Picture, tta: bool = False, resample: Filter | None = None) -> Plan:
    scale = int(np.prod([each.scale for each in passes]))
    return Plan(passes, resample, picture.width * scale, picture.height * scale, tta)


models = st.builds(
    model,
    scale=st.sampled_from([1, 2]),
    margin=st.integers(1, 4),
    alignment=st.sampled_from([1, 2]),
)


@given(
    npst.arrays(
        np.uint8,
        st.tuples(st.integers(1, 26), st.integers(1, 26), st.integers(1, 4)),
        elements=st.sampled_from([0, 0, 40, 255, 255]),
        fill=st.nothing(),
    ),
    st.lists(models, min_size=1, max_size=2),
    st.integers(11, 20),
    st.integers(1, 3),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
async def test_tiles_equal_the_whole(pixels, passes, side, in_flight, tta):
    """Any size, tile, margin, number of passes, channels: to the level."""
    picture = Picture(pixels)
    plan = plan_of(*passes, picture=picture, tta=tta)
    tiles = TileSettings(side=side, in_flight=in_flight)
    whole = await collected(picture, plan, WHOLE)
    assert whole.shape == (plan.height, plan.width, picture.channels)
    assert np.array_equal(await collected(picture, plan, tiles), whole)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (37, 3)])
@pytest.mark.parametrize("channels", [1, 3, 4])
async def test_odd_shapes(size, channels):
    picture = noise(*size, channels)
    plan = plan_of(model(), model(), picture=picture)
    result = await collected(picture, plan, TileSettings(side=64))
    assert np.array_equal(result, await collected(picture, plan, WHOLE))


async def test_the_network_gets_the_picture_and_nothing_else():
    picture = noise(20, 30)
    plan = plan_of(model(), picture=picture)
    expected = await infer(model(), picture.pixels[np.newaxis])
    assert np.array_equal(await collected(picture, plan, TileSettings(side=12)), expected[0])


async def test_a_filter_after_the_network_gives_the_planned_size():
    picture = noise(20, 30, 4)
    plan = Plan((model(),), Filter.LANCZOS, 45, 30, tta=False)
    result = await collected(picture, plan, TileSettings(side=12))
    assert result.shape == (30, 45, 4)
    assert np.array_equal(result, await collected(picture, plan, WHOLE))


async def test_augmentation_is_the_mean_over_the_symmetries_of_the_square():
    picture = noise(9, 14)
    plan = plan_of(model(), picture=picture, tta=True)
    views = []
    for turns in range(4):
        for mirrored in (False, True):
            view = np.rot90(picture.pixels, turns)
            view = view[:, ::-1] if mirrored else view
            large = (await infer(model(), view[np.newaxis]))[0]
            large = large[:, ::-1] if mirrored else large
            views.append(np.rot90(large, -turns).astype(float))
    expected = np.floor(np.mean(views, axis=0) + 0.5)
    assert np.array_equal(await collected(picture, plan, TileSettings(side=8)), expected)


@pytest.mark.parametrize("level", [0, 1, 77, 255])
@pytest.mark.parametrize("by", list(Filter))
async def test_filters_leave_flat_pictures_flat(level, by):
    picture = Picture(np.full((33, 21, 3), level, np.uint8))
    plan = Plan((), by, 50, 70, tta=False)
    result = await collected(picture, plan, TileSettings())
    assert np.unique(result).tolist() == [level]


async def test_nothing_to_do_gives_the_picture_back():
    picture = noise(600, 20)
    plan = Plan((), None, 20, 600, tta=False)
    assert np.array_equal(await collected(picture, plan, TileSettings()), picture.pixels)


class Watched:
    """An infer that counts, and can be held back."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.running = self.most = self.cancelled = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, model, tiles):
        self.shapes.append(tiles.shape)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
            return await infer(model, tiles)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1


async def test_a_bounded_number_of_tiles_is_under_way():
    picture = noise(200, 200)
    watched = Watched()
    tiles = TileSettings(side=52, in_flight=3)
    await collected(picture, plan_of(model(), picture=picture), tiles, watched)
    assert watched.most == 3
    assert len(watched.shapes) == 25
    assert len(set(watched.shapes)) == 1


@pytest.mark.parametrize("channels", [3, 4])
async def test_a_cancelled_call_stops_what_runs_and_sends_no_more(channels):
    picture = noise(300, 300, channels)
    watched = Watched()
    watched.gate.clear()
    tiles = TileSettings(side=40, in_flight=3)
    plan = plan_of(model(), model(), picture=picture)
    call = asyncio.create_task(collected(picture, plan, tiles, watched))
    while watched.running < 3:
        await asyncio.sleep(0.001)
    sent = len(watched.shapes)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    watched.gate.set()
    await asyncio.sleep(0.01)
    assert (watched.running, watched.cancelled, len(watched.shapes)) == (0, sent, sent)


async def test_a_stream_that_is_closed_early_stops_too():
    picture = noise(300, 300, 4)
    watched = Watched()
    plan = plan_of(model(), picture=picture)
    async with aclosing(enlarge(picture, plan, watched, TileSettings(side=40))) as strips:
        assert (await anext(strips)).shape[1:] == (600, 4)
        watched.gate.clear()
    sent = len(watched.shapes)
    await asyncio.sleep(0.01)
    assert (watched.running, len(watched.shapes)) == (0, sent)


async def test_what_goes_wrong_in_a_tile_goes_wrong_for_the_picture():
    async def failing(model, tiles):
        raise RuntimeError("a stub died")

    picture = noise(100, 100)
    with pytest.raises(RuntimeError, match="a stub died"):
        await collected(picture, plan_of(model(), picture=picture), TileSettings(side=40), failing)


@pytest.mark.parametrize(
    ("side", "pools", "exact"),
    [(64, True, True), (64, False, True), (65, True, False), (65, False, True)],
)
def test_what_pools_globally_is_exact_up_to_the_size_that_runs_whole(side, pools, exact):
    tiles = TileSettings(side=32, whole_pixels=64 * 64)
    plan = Plan((model(pools_globally=pools),), None, 2 * side, 128, tta=False)
    assert is_exact(plan, 64, side, tiles) is exact


async def test_small_pictures_run_whole_where_a_network_pools_globally():
    picture = noise(64, 64)
    watched = Watched()
    plan = plan_of(model(pools_globally=True), picture=picture)
    await collected(picture, plan, TileSettings(side=32, whole_pixels=64 * 64), watched)
    assert watched.shapes == [(1, 64, 64, 3)]
