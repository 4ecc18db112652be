"""PSNR and SSIM with Pillow alone, beside those of the training side."""

import math

import numpy as np
import pytest
from PIL import Image

from animegan_cli.fidelity import psnr, ssim
from training.upscaling import quality

RANDOM = np.random.default_rng(3)


def soft(height: int, width: int) -> np.ndarray:
    small = RANDOM.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height)))


@pytest.mark.parametrize("size", [(11, 11), (24, 37), (64, 40)])
def test_they_agree_with_the_exact_ones(size: tuple[int, int]) -> None:
    truth = soft(*size)
    for other in (soft(*size), truth // 2, 255 - truth, np.clip(truth, 100, 110)):
        pair = Image.fromarray(other), Image.fromarray(truth)
        assert psnr(*pair) == pytest.approx(quality.psnr(other, truth), abs=1e-9)
        assert ssim(*pair) == pytest.approx(quality.ssim(other, truth), abs=1e-5)


def test_black_and_white_halves_are_hard_for_float32() -> None:
    truth = np.zeros((30, 30, 3), np.uint8)
    truth[:, 15:] = 255
    shifted = np.roll(truth, 3, axis=1)
    ours = ssim(Image.fromarray(shifted), Image.fromarray(truth))
    assert ours == pytest.approx(quality.ssim(shifted, truth), abs=1e-5)


def test_equal_pictures_are_perfect() -> None:
    picture = Image.fromarray(soft(20, 20))
    assert psnr(picture, picture) == math.inf
    assert ssim(picture, picture) == pytest.approx(1, abs=1e-6)


def test_what_cannot_be_measured_is_refused() -> None:
    picture = Image.new("RGB", (10, 20))
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(picture, picture)
    for measure in (psnr, ssim):
        with pytest.raises(ValueError, match="differ"):
            measure(picture, Image.new("RGB", (20, 10)))
