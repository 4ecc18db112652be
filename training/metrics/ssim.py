"""The largest SSIM of each image to a set, exactly, by a full scan.

The definition is scikit-image's default (Wang et al. 2004; uniform 7x7 windows that lie wholly in
the image, sample covariance, data range 255), the mean over windows and channels. With S the sum
over the 49 pixels of a window, the SSIM of one window is

          (2 Sx Sy + 2401 C1) (2 (49 Sxy - Sx Sy) + 2352 C2)
    -------------------------------------------------------------------
    (Sx^2 + Sy^2 + 2401 C1) (49 Sxx - Sx^2 + 49 Syy - Sy^2 + 2352 C2)

where 2401 = 49^2 and 2352 = 49 * 48. All sums are integers below 2^31, so only the division rounds.
A pair of 64x64 RGB images costs about 0.1 ms of one core.

Shape suffixes: N images, C channels, H and W height and width, less 6 where windows are meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.metrics.features import ImageSource

WINDOW = 7
PIXELS = WINDOW**2
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_LUMINANCE = np.float32(PIXELS**2 * C1)
_CONTRAST = np.float32(PIXELS * (PIXELS - 1) * C2)
# References compared with one image at a time: their sums then stay in a core's cache.
_REFERENCES = 2
_LEVELS = 3_000_000  # of each side in memory at a time, 24 bytes each; 244 images of 64x64 RGB

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """Images and what SSIM needs to know of each window.

    Attributes:
        pixels: int32 [N, C, H, W].
        total: S, int32 [N, C, H, W].
        square: S^2, float32.
        spread: 49 S_xx - S^2, float32.
    """

    pixels: NDArray[np.int32]
    total: NDArray[np.int32]
    square: NDArray[np.float32]
    spread: NDArray[np.float32]

    @classmethod
    def of(cls, images_NHWC: NDArray[np.uint8]) -> Sums:
        """Sum up the windows of images, uint8 [N, H, W, C] of at least 7x7.

        Raises:
            ValueError: no window fits into the images.
        """
        if min(images_NHWC.shape[1:3]) < WINDOW:
            raise ValueError(f"SSIM needs images of at least {WINDOW}x{WINDOW} pixels")
        pixels = np.ascontiguousarray(images_NHWC.transpose(0, 3, 1, 2), dtype=np.int32)
        total = box_sums(pixels)
        squared = total * total
        spread = PIXELS * box_sums(pixels * pixels) - squared
        return cls(pixels, total, squared.astype(np.float32), spread.astype(np.float32))

    def __getitem__(self, rows: slice) -> Sums:
        """Some of the images."""
        return Sums(self.pixels[rows], self.total[rows], self.square[rows], self.spread[rows])


def ssim(x: Sums, y: Sums) -> Array:
    """SSIM of images pair by pair, [N]; one image on a side is compared with all of the other."""
    product = x.total * y.total
    covariance = PIXELS * box_sums(x.pixels * y.pixels) - product
    luminance = (2 * product).astype(np.float32) + _LUMINANCE
    contrast = (2 * covariance).astype(np.float32) + _CONTRAST
    largest = (x.square + y.square + _LUMINANCE) * (x.spread + y.spread + _CONTRAST)
    result: Array = (luminance * contrast / largest).mean(axis=(1, 2, 3), dtype=np.float64)
    return result


def largest_ssim(queries: ImageSource, references: ImageSource, label: str) -> Array:
    """For each query the largest SSIM to any reference, [N], with a progress bar.

    Args:
        queries: uint8 [N, H, W, C].
        references: uint8 [M, H, W, C].
        label: what the progress bar says.
    """
    largest = np.full(len(queries), -np.inf)
    pairs = len(queries) * len(references)
    with tqdm(total=pairs, desc=label, unit="pair", unit_scale=True) as bar:
        for asked in _parts(queries):
            images = Sums.of(queries[asked])
            for loaded in _parts(references):
                known = Sums.of(references[loaded])
                for place, query in enumerate(asked):
                    found = _largest(images[place : place + 1], known)
                    largest[query] = max(largest[query], found)
                bar.update(len(asked) * len(loaded))
    return largest


def _largest(image: Sums, references: Sums) -> float:
    count = len(references.pixels)
    blocks = (slice(first, first + _REFERENCES) for first in range(0, count, _REFERENCES))
    return max(float(ssim(image, references[block]).max()) for block in blocks)


def _parts(images: ImageSource) -> list[NDArray[np.int64]]:
    """All places, in runs that fit into memory."""
    places = np.arange(len(images))
    size = max(_REFERENCES, _LEVELS // images[places[:1]].size)
    return np.split(places, places[size::size])


def box_sums(x: NDArray[Any]) -> NDArray[Any]:
    """Sums over all 7x7 windows, [..., H, W] -> [..., H - 6, W - 6]."""
    two = x[..., :-1] + x[..., 1:]
    four = two[..., :-2] + two[..., 2:]
    rows = four[..., :-3] + two[..., 4:-1] + x[..., 6:]
    two = rows[..., :-1, :] + rows[..., 1:, :]
    four = two[..., :-2, :] + two[..., 2:, :]
    result: NDArray[Any] = four[..., :-3, :] + two[..., 4:-1, :] + rows[..., 6:, :]
    return result
