"""Packing images into tiles and taking them out again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from animegan_search.ssim.tiles import LANES, pack, unpack


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_unpacking_returns_what_was_packed(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    shape = (count, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)), 3)
    images = data.draw(arrays(np.uint8, shape))
    tiles = pack(images)
    assert tiles.shape == (-(-count // LANES), 3, *shape[1:3], LANES)
    rows = data.draw(st.lists(st.integers(0, count - 1), max_size=12))
    np.testing.assert_array_equal(unpack(tiles, rows), images[rows])


def test_a_pixel_is_stored_less_128_in_its_images_lane() -> None:
    images = np.arange(17, dtype=np.uint8).reshape(17, 1, 1, 1) + 120
    tiles = pack(images)
    assert tiles[0, 0, 0, 0].tolist() == list(range(-8, 8))
    assert tiles[1, 0, 0, 0].tolist() == [8] + [0] * 15


def test_rows_outside_the_tiles_are_refused() -> None:
    tiles = pack(np.zeros((3, 2, 2, 1), np.uint8))
    with pytest.raises(IndexError, match="0 to 15"):
        unpack(tiles, [16])
    with pytest.raises(IndexError, match="0 to 15"):
        unpack(tiles, [-1])
