"""Resampling by strips against Pillow's `resize` of the whole picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.upscaler.engine.resample import resampled
from services.upscaler.engine.strips import Size, strips_of
from services.upscaler.types import Filter


async def by_strips(pixels: np.ndarray, new: Size, by: Filter) -> np.ndarray:
    old = Size(*pixels.shape[:2])
    return np.concatenate([strip async for strip in resampled(strips_of(pixels), old, new, by)])


def whole(pixels: np.ndarray, new: Size, by: Filter) -> np.ndarray:
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image = image.resize((new.width, new.height), Image.Resampling[by.name])
    return np.asarray(image).reshape(new.height, new.width, -1)


sides = st.integers(1, 120)
growth = st.floats(1, 8)


@given(sides, sides, st.integers(1, 4), growth, growth, st.sampled_from(Filter), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
async def test_strips_equal_pillows_whole_picture(height, width, channels, x, y, by, seed):
    """At any factor, to the level, alpha included."""
    new = Size(max(height, int(height * y)) % 400 + height, max(width, int(width * x)))
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    assert np.array_equal(await by_strips(pixels, new, by), whole(pixels, new, by))


@pytest.mark.parametrize("by", list(Filter))
async def test_more_rows_than_a_strip_has(by):
    pixels = np.random.default_rng(0).integers(0, 256, (700, 9, 3), np.uint8)
    new = Size(959, 12)
    assert np.array_equal(await by_strips(pixels, new, by), whole(pixels, new, by))


@pytest.mark.parametrize("by", list(Filter))
async def test_shrinking_by_one_factor_equals_pillow_too(by):
    """As after a network that enlarged too far: 4x for 3x."""
    pixels = np.random.default_rng(0).integers(0, 256, (400, 300, 3), np.uint8)
    new = Size(300, 225)
    difference = (await by_strips(pixels, new, by)).astype(int) - whole(pixels, new, by)
    assert np.abs(difference).max() <= 1
