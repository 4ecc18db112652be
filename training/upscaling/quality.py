"""How enlarged pictures are judged: the filters that make small pictures, PSNR and SSIM.

Everything that compares methods measures with this one module. Pictures are uint8 [H, W, 3].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from animegan_search.ssim.definition import DATA_RANGE, GAUSSIAN
from animegan_search.ssim.reference import ssim as exact_ssim
from training.metrics.intervals import bootstrap
from training.metrics.score import Score

Picture = NDArray[np.uint8]

# Pillow widens each of these with the factor, so that small pictures are free of aliases. Nearest
# is none of them: it drops pixels, and whoever restores them invents.
DOWNSCALE_FILTERS: dict[str, Image.Resampling] = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def downscale(picture: Picture, filter_name: str, factor: int = 2) -> Picture:
    """Make the small picture that a method gets, with values rounded to uint8 as Pillow does.

    Args:
        picture: uint8 [H, W, 3].
        filter_name: one of `DOWNSCALE_FILTERS`.
        factor: how many times smaller.

    Returns:
        uint8 [H / factor, W / factor, 3].

    Raises:
        ValueError: there is no such filter, or the sides are no multiples of the factor.
    """
    if filter_name not in DOWNSCALE_FILTERS:
        raise ValueError(f"filter {filter_name!r} is none of {', '.join(DOWNSCALE_FILTERS)}")
    height, width = picture.shape[:2]
    if height % factor or width % factor:
        raise ValueError(f"{width}x{height} pixels are no multiple of {factor}: crop them first")
    size = (width // factor, height // factor)
    return np.asarray(Image.fromarray(picture).resize(size, DOWNSCALE_FILTERS[filter_name]))


def enlarge(picture: Picture, resampling: Image.Resampling, factor: int = 2) -> Picture:
    """Enlarge by one of Pillow's filters: what networks are compared with."""
    size = (picture.shape[1] * factor, picture.shape[0] * factor)
    return np.asarray(Image.fromarray(picture).resize(size, resampling))


def psnr(picture: Picture, truth: Picture) -> float:
    """Peak signal-to-noise ratio over all channels in dB; infinite for equal pictures.

    Raises:
        ValueError: the shapes differ.
    """
    if picture.shape != truth.shape:
        raise ValueError(f"shapes {picture.shape} and {truth.shape} differ")
    error = np.mean(np.square(picture.astype(np.float64) - truth))
    return math.inf if error == 0 else 10 * math.log10(DATA_RANGE**2 / error)


def ssim(picture: Picture, truth: Picture) -> float:
    """Mean SSIM over the channels with the 11x11 Gaussian window of Wang et al. 2004.

    Raises:
        ValueError: the shapes differ, or a side is shorter than 11 pixels.
    """
    return exact_ssim(picture, truth, GAUSSIAN)


def mean_score(values: Sequence[float]) -> Score:
    """The mean of one value per picture, with its 95 % interval by bootstrap over the pictures."""
    return bootstrap((np.asarray(values, np.float64),), lambda sample: float(sample.mean()), seed=0)
