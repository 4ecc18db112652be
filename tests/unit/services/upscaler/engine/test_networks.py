"""Grey stays grey, alpha has no fringes."""

import numpy as np
import pytest
from PIL import Image

from services.upscaler.decoding import Picture
from services.upscaler.engine.networks import bled, on_alpha, on_grey
from services.upscaler.engine.tiling import TileSettings
from services.upscaler.types import Filter, Plan
from tests.unit.services.upscaler.engine.stand_in import collected, infer, model

RED, BLUE = (255, 0, 0), (0, 0, 255)


def disc(side: int = 40, radius: float = 12) -> np.ndarray:
    """An opaque red disc on blue that is fully transparent."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    inside = (x * x + y * y < radius * radius)[:, :, np.newaxis]
    return np.where(inside, (*RED, 255), (*BLUE, 0)).astype(np.uint8)


@pytest.mark.parametrize(
    "plan",
    [
        Plan((model(margin=5),), None, 80, 80, tta=False),
        Plan((model(margin=5), model(margin=3)), None, 160, 160, tta=True),
        Plan((model(margin=5),), Filter.LANCZOS, 60, 60, tta=False),
        Plan((), Filter.LANCZOS, 93, 93, tta=False),
        Plan((), Filter.BICUBIC, 80, 80, tta=False),
    ],
    ids=["2x", "4x augmented", "1.5x", "Lanczos", "bicubic"],
)
async def test_nothing_of_the_hidden_colour_is_seen(plan):
    result = (await collected(Picture(disc()), plan, TileSettings(side=24))).astype(int)
    visible = result[result[:, :, 3] > 0]
    assert visible[:, 2].max() == 0
    assert visible[:, 0].min() > 240  # the stand-in network darkens by 3 a pass
    assert {0, 255} <= set(np.unique(result[:, :, 3]))
    assert len(np.unique(result[:, :, 3])) > 2  # and the edge is soft


async def test_alpha_is_not_premultiplied():
    """A half transparent picture keeps its colours."""
    pixels = np.dstack([np.full((20, 20, 3), 200), np.full((20, 20), 100)]).astype(np.uint8)
    plan = Plan((), Filter.BICUBIC, 40, 40, tta=False)
    result = (await collected(Picture(pixels), plan, TileSettings())).astype(int)
    # Premultiplied in eight bits, as Pillow filters: half a level of 100 is 1.3 of 255.
    assert np.abs(result - (200, 200, 200, 100)).max() <= 2


@pytest.mark.parametrize("level", [0, 255])
async def test_flat_alpha_costs_nothing_and_stays_as_it_is(level):
    async def forbidden(model, tiles):
        raise AssertionError("there is nothing to enlarge")

    alpha = np.full((3, 10, 8, 1), level, np.uint8)
    result = await on_alpha(forbidden)(model(), alpha)
    assert result.shape == (3, 20, 16, 1)
    assert np.unique(result).tolist() == [level]


async def test_an_opaque_picture_is_enlarged_once():
    calls = []

    async def counted(model, tiles):
        calls.append(len(tiles))
        return await infer(model, tiles)

    pixels = np.full((20, 20, 4), 255, np.uint8)
    plan = Plan((model(),), None, 40, 40, tta=False)
    result = await collected(Picture(pixels), plan, TileSettings(), counted)
    assert calls == [1]
    assert (result[:, :, 3] == 255).all()


async def test_grey_is_the_luma_of_what_the_network_gives():
    async def tinting(model, tiles):
        return np.minimum(tiles.astype(int) + np.array([0, 7, 40]), 255).astype(np.uint8)

    tiles = np.random.default_rng(1).integers(0, 256, (2, 9, 7, 1), np.uint8)
    result = await on_grey(tinting)(model(scale=1), tiles)
    tinted = await tinting(None, np.repeat(tiles, 3, axis=3))
    for grey, rgb in zip(result, tinted, strict=True):
        assert np.array_equal(grey[:, :, 0], np.asarray(Image.fromarray(rgb).convert("L")))


def test_colours_go_on_around_what_is_visible():
    colours = np.zeros((1, 7, 3), np.uint8)
    colours[:] = BLUE
    colours[0, 1], colours[0, 4] = RED, (0, 255, 0)
    alpha = np.array([[0, 9, 0, 0, 255, 0, 0]], np.uint8)
    result = bled(colours, alpha, reach=1)
    assert result[0, [0, 1, 2]].tolist() == [list(RED)] * 3
    assert result[0, [3, 4, 5]].tolist() == [[0, 255, 0]] * 3
    assert result[0, 6].tolist() == [0, 0, 0]  # out of reach


def test_every_ring_is_the_mean_of_its_known_neighbours():
    rng = np.random.default_rng(2)
    colours = rng.integers(0, 256, (12, 15, 3), np.uint8)
    alpha = (rng.random((12, 15)) < 0.05).astype(np.uint8)
    result = bled(colours, alpha, reach=20)
    expected, known = colours.astype(int), alpha > 0
    while not known.all():
        now = known.copy()
        for y, x in np.argwhere(~known):
            near = np.s_[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            if known[near].any():
                expected[y, x] = np.floor(expected[near][known[near]].mean(axis=0) + 0.5)
                now[y, x] = True
        known = now
    assert np.array_equal(result, expected)


def test_a_picture_of_nothing():
    assert not bled(np.full((5, 4, 3), 9, np.uint8), np.zeros((5, 4), np.uint8), 3).any()
