"""SSIM in float64, plainly: the definition in code. It decides ranks and draws explanation maps.

Shape suffixes: N images, H, W height and width, C channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.definition import C1, C2, Definition
from animegan_search.ssim.tiles import Images

Array = NDArray[np.float64]


def ssim(a: Images, b: Images, definition: Definition) -> float:
    """Mean SSIM of two images, uint8 [H, W, C] each.

    Raises:
        ValueError: the shapes differ, or no window fits into the images.
    """
    return float(ssim_of_each(a, b[None], definition)[0])


def ssim_of_each(query_HWC: Images, images_NHWC: Images, definition: Definition) -> Array:
    """Mean SSIM of one image to each of many, uint8, [N].

    Raises:
        ValueError: the shapes differ, or no window fits into the images.
    """
    maps = _maps(_planes(query_HWC[None]), _planes(images_NHWC), definition)
    return np.asarray(maps.mean(axis=(1, 2, 3)))


def ssim_map(a: Images, b: Images, definition: Definition) -> Array:
    """SSIM around every pixel and in every channel of two images uint8 [H, W, C], [H, W, C].

    It is the full map of scikit-image: at the borders windows reach into the mirrored image. The
    mean SSIM is the mean of those windows that need no mirror.

    Raises:
        ValueError: the shapes differ, or no window fits into the images.
    """
    margin = definition.window // 2
    around = ((0, 0), (0, 0), (margin, margin), (margin, margin))
    x, y = (np.pad(_planes(image[None]), around, mode="symmetric") for image in (a, b))
    return np.ascontiguousarray(_maps(x, y, definition)[0].transpose(1, 2, 0))


def window_means(planes: Array, definition: Definition) -> Array:
    """Weighted mean of every window, [..., H, W] -> [..., windows down, windows across]."""
    if definition.sigma is None:
        down = _sums_of_seven(planes.swapaxes(-1, -2)).swapaxes(-1, -2)
        return _sums_of_seven(down) / definition.window**2
    down = _weighted(planes.swapaxes(-1, -2), definition.taps).swapaxes(-1, -2)
    return _weighted(down, definition.taps)


def _sums_of_seven(planes: Array) -> Array:
    """Plain sums along the last axis, by pairs and fours; exact for whole numbers."""
    two = planes[..., :-1] + planes[..., 1:]
    four = two[..., :-2] + two[..., 2:]
    return np.asarray(four[..., :-3] + two[..., 4:-1] + planes[..., 6:])


def _weighted(planes: Array, taps: Array) -> Array:
    """Filter along the last axis with symmetric weights."""
    window, count = len(taps), planes.shape[-1] - len(taps) + 1
    total = taps[window // 2] * planes[..., window // 2 : window // 2 + count]
    for k in range(window // 2):
        mirrored = window - 1 - k
        total += taps[k] * (planes[..., k : k + count] + planes[..., mirrored : mirrored + count])
    return np.asarray(total)


def _maps(x: Array, y: Array, definition: Definition) -> Array:
    """SSIM of every window, equation 13, of planes [1 or N, C, H, W] each."""
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(f"images differ in shape: {_shape(x)} and {_shape(y)}")
    definition.windows(*x.shape[2:])
    mean_x, mean_y = window_means(x, definition), window_means(y, definition)
    scale = definition.normaliser
    variance_x = scale * (window_means(x * x, definition) - mean_x * mean_x)
    variance_y = scale * (window_means(y * y, definition) - mean_y * mean_y)
    covariance = scale * (window_means(x * y, definition) - mean_x * mean_y)
    return np.asarray(
        ((2 * mean_x * mean_y + C1) * (2 * covariance + C2))
        / ((mean_x * mean_x + mean_y * mean_y + C1) * (variance_x + variance_y + C2))
    )


def _planes(images_NHWC: Images) -> Array:
    return images_NHWC.transpose(0, 3, 1, 2).astype(np.float64)


def _shape(planes: Array) -> str:
    channels, height, width = planes.shape[1:]
    return f"{width}x{height}x{channels}"
