"""What a scan needs to know of a query: its pixels and five numbers for each window.

Let m be the weighted sum of a window's values in the reference, less any whole number; g that of
their products with the query's values, less the query's rounded mean; u the reference's mean; v its
spread: the weighted sum of squared values less m^2 / W. W is the sum of the weights: 49 for
`uniform7`, whose sums are whole numbers, and 1 for `gaussian`. Then

    SSIM of a window = 2 (slope u + C1) (g - mean m + c) / ((u^2 + power) (v + spread))

with slope = 2 (the query's mean), power = (the query's mean)^2 + C1, mean that of the centred
values, spread = v of the query + W C2 / n and c = W C2 / (2 n), where n normalises the covariance.
Centring keeps the differences exact or small where an image is flat, so that float32 is enough;
the tables are computed in float64.

Shape suffixes: Q queries, C channels, H, W height and width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animegan_ssim.definition import C1, C2, Definition
from animegan_ssim.reference import window_means
from animegan_ssim.tiles import Images

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Tables:
    """Queries, ready for a scan.

    Attributes:
        pixels: values less the channel's rounded mean, float32 [Q, C, H, W].
        windows: float32 [Q, C, windows down, windows across, 5]: mean as a whole number, what is
            left of it, slope, power, spread.
    """

    pixels: Array
    windows: Array

    @classmethod
    def empty(
        cls, queries: int, channels: int, height: int, width: int, definition: Definition
    ) -> Tables:
        """Room for so many queries."""
        down, across = definition.windows(height, width)
        return cls(
            np.empty((queries, channels, height, width), np.float32),
            np.empty((queries, channels, down, across, 5), np.float32),
        )

    def fill(self, place: int, query_HWC: Images, definition: Definition) -> None:
        """Prepare one query, uint8."""
        raw = query_HWC.transpose(2, 0, 1).astype(np.float64)
        centred = raw - np.rint(raw.mean(axis=(1, 2), keepdims=True))
        mean = window_means(centred, definition)
        brightness = window_means(raw, definition)
        weight = weight_sum(definition)
        variance = window_means(centred * centred, definition) - mean * mean
        whole = np.rint(mean)
        columns = (
            whole,
            mean - whole,
            2 * brightness,
            brightness * brightness + C1,
            weight * (variance + C2 / definition.normaliser),
        )
        self.pixels[place] = centred
        for column, values in enumerate(columns):
            self.windows[place, ..., column] = values

    def __len__(self) -> int:
        """Number of queries."""
        return len(self.pixels)


def weight_sum(definition: Definition) -> int:
    """W: the sum of a window's weights as the scans use them."""
    return definition.window**2 if definition.sigma is None else 1


def contrast_constant(definition: Definition) -> float:
    """The constant c beside the covariance."""
    return weight_sum(definition) * C2 / (2 * definition.normaliser)
