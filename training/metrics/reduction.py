"""Images made smaller by a whole factor: each new pixel is the mean of a square of old ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.features.extraction import ImageSource, Pictures


@dataclass(frozen=True)
class Reduced:
    """The images of a source, smaller.

    Attributes:
        images: the source.
        factor: how many times smaller, 2 or more; it divides their side.
    """

    images: ImageSource
    factor: int

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def __getitem__(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images [n, H, W, C], rounded to levels."""
        levels = self.images[index]
        count, height, width, channels = levels.shape
        rows, columns = height // self.factor, width // self.factor
        squares = levels.reshape(count, rows, self.factor, columns, self.factor, channels)
        result: NDArray[np.uint8] = squares.mean(axis=(2, 4)).round().astype(np.uint8)
        return result


def reducible(resolution: int, side: int) -> bool:
    """Whether images of this resolution can be made smaller to this side by a whole factor."""
    return resolution > side and resolution % side == 0


def reduced(pictures: Pictures, resolution: int, side: int) -> Pictures:
    """The same run of pictures, smaller; its features are cached under a name of their own.

    Raises:
        ValueError: `side` is not smaller, or does not divide the resolution.
    """
    if not reducible(resolution, side):
        raise ValueError(f"images of {resolution} px cannot be reduced to {side} px")
    name = pictures.cache_name
    return replace(
        pictures,
        label=f"{pictures.label} at {side} px",
        images=Reduced(pictures.images, resolution // side),
        cache_name=None if name is None else f"{name} reduced to {side}",
    )
