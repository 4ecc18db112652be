"""Where two pictures are alike: the SSIM map as numbers and as a picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.definition import definition
from animegan_search.ssim.reference import ssim_map

# Sixths of matplotlib's viridis (CC0): even steps of the scale are even steps of brightness.
_COLOURS = np.array(
    [(68, 1, 84), (68, 58, 131), (49, 104, 142), (33, 145, 140), (53, 183, 121), (144, 215, 67),
     (253, 231, 37)],
)  # fmt: skip
_SIDE = 256  # a heat map's shorter side, at least


@dataclass(frozen=True)
class Explanation:
    """The SSIM map of a pair.

    Attributes:
        ssim: mean over all windows that lie wholly in the image, and over the channels.
        channel_ssim: the same for each channel, float64 [C].
        values: float32 [H, W, C], SSIM of the window around each pixel.
        heatmap: uint8 [h, w, 3], at least 256 pixels a side.
    """

    ssim: float
    channel_ssim: NDArray[np.float64]
    values: NDArray[np.float32]
    heatmap: NDArray[np.uint8]


def explain(
    a_HWC: NDArray[np.uint8], b_HWC: NDArray[np.uint8], definition_name: str
) -> Explanation:
    """Compare two pictures of one shape, uint8."""
    wanted = definition(definition_name)
    values = ssim_map(a_HWC, b_HWC, wanted)
    margin = wanted.window // 2
    height, width, _ = values.shape
    channel_ssim = values[margin : height - margin, margin : width - margin].mean(axis=(0, 1))
    return Explanation(
        ssim=float(channel_ssim.mean()),
        channel_ssim=channel_ssim,
        values=values.astype(np.float32),
        heatmap=heatmap(values.mean(axis=2)),
    )


def heatmap(values_HW: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours for values from 0 or less (dark violet) to 1 (yellow), enlarged by whole pixels."""
    places = np.clip(values_HW, 0, 1) * (len(_COLOURS) - 1)
    steps = np.arange(len(_COLOURS))
    channels = [np.interp(places, steps, _COLOURS[:, channel]) for channel in range(3)]
    image = np.rint(np.stack(channels, axis=2)).astype(np.uint8)
    factor = -(-_SIDE // min(values_HW.shape))
    return np.kron(image, np.ones((factor, factor, 1), np.uint8))
