"""The largest SSIM against scikit-image, and its tail on planted copies."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from training.metrics import max_ssim
from training.metrics.max_ssim import largest_ssim, tail

Images = NDArray[np.uint8]


def noisy(count: int, seed: int, side: int = 16) -> Images:
    """Smooth random images with constant ones and black and white halves among them."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 4, 4, 3))
    images = coarse.repeat(side // 4, axis=1).repeat(side // 4, axis=2)
    images = np.clip(images + random.normal(0, 20, images.shape), 0, 255).astype(np.uint8)
    images[0], images[1, : side // 2], images[1, side // 2 :] = 255, 0, 255
    return images


def reference(x: Images, y: Images) -> float:
    return float(structural_similarity(x, y, channel_axis=-1, data_range=255))


def test_it_is_scikit_images_ssim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(max_ssim, "REFERENCES", 3)  # several engines, the last one with one image
    queries, references = noisy(5, 1), noisy(7, 2)
    expected = [max(reference(x, y) for y in references) for x in queries]
    np.testing.assert_allclose(largest_ssim(queries, references, ""), expected, atol=1e-12)


def test_a_copy_is_found() -> None:
    training, generated = noisy(20, 1), noisy(10, 2)
    generated[7] = training[13]
    largest = largest_ssim(generated[2:], training[2:], "")
    assert largest[5] == pytest.approx(1, abs=1e-6)
    assert np.delete(largest, 5).max() < 0.9


def test_images_smaller_than_the_window_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 7x7"):
        largest_ssim(noisy(2, 1, side=4), noisy(2, 2, side=4), "")


def test_the_tail_of_known_numbers() -> None:
    median, high, most = tail(np.linspace(0, 1, 101))
    assert (median.value, high.value, most.value) == pytest.approx((0.5, 0.95, 1.0))
    assert median.low is not None and median.high is not None and most.low is None
    assert median.low < 0.5 < median.high


def test_planted_memorisation_moves_the_tail_before_the_median() -> None:
    usual = np.random.default_rng(1).uniform(0.2, 0.4, 200)
    copied = usual.copy()
    copied[:15] = 0.99
    (median, high, _), (median_c, high_c, _) = tail(usual), tail(copied)
    assert median_c.value - median.value < 0.05
    assert high_c.value > 0.9 > 0.4 > high.value


def test_it_is_deterministic_by_seed() -> None:
    numbers = np.random.default_rng(1).uniform(size=50)
    assert tail(numbers, 3) == tail(numbers, 3)
    assert tail(numbers, 3) != tail(numbers, 4)
