"""Smaller images by whole factors."""

import numpy as np
import pytest

from training.features.extraction import Pictures
from training.metrics.reduction import Reduced, reduced, reducible


def test_each_pixel_is_the_mean_of_a_square() -> None:
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    small = Reduced(images, 4)[np.array([3, 1])]
    assert small.shape == (2, 2, 2, 3) and small.dtype == np.uint8
    assert small[0, 1, 0, 2] == images[3, 4:8, 0:4, 2].mean().round()
    assert small[1, 0, 1, 0] == images[1, 0:4, 4:8, 0].mean().round()


def test_grey_images_stay_grey() -> None:
    assert Reduced(np.full((2, 8, 8, 1), 200, np.uint8), 2)[np.array([0])].shape == (1, 4, 4, 1)


@pytest.mark.parametrize(
    ("resolution", "side", "possible"),
    [(64, 32, True), (96, 32, True), (32, 32, False), (16, 32, False), (48, 32, False)],
)
def test_only_whole_factors_above_one_will_do(resolution: int, side: int, possible: bool) -> None:
    pictures = Pictures("real", np.zeros((3, resolution, resolution, 3), np.uint8), 1, 2, "name")
    assert reducible(resolution, side) == possible
    if possible:
        small = reduced(pictures, resolution, side)
        assert small[np.array([0])].shape == (1, side, side, 3)
        assert (small.first, small.count) == (1, 2)
        assert small.cache_name not in ("name", None)
    else:
        with pytest.raises(ValueError, match=f"{resolution} px cannot be reduced to {side} px"):
            reduced(pictures, resolution, side)


def test_what_is_not_cached_stays_so() -> None:
    pictures = Pictures("generated", np.zeros((3, 8, 8, 3), np.uint8), 0, 3)
    assert reduced(pictures, 8, 4).cache_name is None
