"""Pictures on which a wrong SSIM shows: flat, bright, extreme, alike, and random ones."""

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]


def hard_pictures(height: int, width: int, channels: int) -> Images:
    """Nineteen pictures, uint8 [19, H, W, C]: one full tile and three lanes of another."""
    random = np.random.default_rng(7)
    shape = (height, width, channels)
    flat = [np.full(shape, level) for level in (0, 1, 127, 128, 254, 255)]
    noise = [random.integers(0, 256, shape) for _ in range(3)]
    halves = np.where(np.arange(width)[None, :, None] < width // 2, 255, 0) * np.ones(shape)
    bright = [250 + random.integers(0, 6, shape) for _ in range(2)]
    checks = np.indices(shape).sum(0) % 2
    slope = np.linspace(0, 255, width)[None, :, None] * np.ones(shape)
    faint = [254 + checks, 255 - checks, 255 * checks]
    speck = np.full(shape, 255)
    speck[height // 2, width // 2] = 0
    pictures = [*flat, *noise, halves, halves[:, ::-1], *bright, *faint, slope, speck, noise[0]]
    return np.stack(pictures).astype(np.uint8)
