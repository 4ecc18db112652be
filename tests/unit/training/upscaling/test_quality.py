"""How enlarged pictures are judged, beside scikit-image."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from training.upscaling.quality import (
    DOWNSCALE_FILTERS,
    downscale,
    enlarge,
    mean_score,
    psnr,
    ssim,
)

RANDOM = np.random.default_rng(5)


def picture(height: int = 24, width: int = 20) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, 3), np.uint8)


def test_psnr_is_that_of_scikit_image() -> None:
    ours, truth = picture(), picture()
    assert psnr(ours, truth) == pytest.approx(peak_signal_noise_ratio(truth, ours), abs=1e-9)


def test_one_level_everywhere_is_48_db() -> None:
    truth = picture() // 2
    assert psnr(truth + np.uint8(1), truth) == pytest.approx(20 * math.log10(255))
    assert psnr(truth, truth) == math.inf


def test_ssim_is_that_of_scikit_image() -> None:
    truth = picture(33, 41)
    ours = np.clip(truth.astype(int) + RANDOM.integers(-9, 10, truth.shape), 0, 255).astype("uint8")
    wanted = structural_similarity(
        ours, truth, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(ours, truth) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("name", DOWNSCALE_FILTERS)
def test_filters_halve_and_keep_flat_colours(name: str) -> None:
    flat = np.full((10, 6, 3), (200, 17, 3), np.uint8)
    assert np.array_equal(downscale(flat, name), flat[:5, :3])


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4))
def test_box_is_the_mean_of_its_pixels(height: int, width: int, factor: int) -> None:
    truth = picture(height * factor, width * factor)
    means = truth.reshape(height, factor, width, factor, 3).mean(axis=(1, 3))
    # Pillow rounds after each axis.
    assert np.abs(downscale(truth, "box", factor) - means).max() <= 1


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="nearest"):
        downscale(picture(), "nearest")
    with pytest.raises(ValueError, match="20x23"):
        downscale(picture(23, 20), "box")
    with pytest.raises(ValueError, match="differ"):
        psnr(picture(4, 4), picture(4, 5))


def test_enlarging_doubles_both_sides() -> None:
    assert enlarge(picture(3, 5), Image.Resampling.BICUBIC).shape == (6, 10, 3)


def test_the_interval_holds_the_mean() -> None:
    score = mean_score([30.0, 31.0, 32.0, 33.0])
    assert score.value == 31.5
    assert score.low is not None
    assert score.high is not None
    assert 30 <= score.low < 31.5 < score.high <= 33
