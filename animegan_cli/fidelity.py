"""How near an enlarged picture comes to the truth, with nothing but Pillow.

Both measures are those of docs/upscaling/comparison.md: PSNR over all pixels and channels, and
SSIM with the 11x11 Gaussian window of Wang et al. 2004 ("Image quality assessment: from error
visibility to structural similarity"), mean over windows that fit and over channels.
"""

import math
from collections.abc import Callable
from functools import partial, reduce
from operator import add
from typing import Any

from PIL import Image, ImageChops, ImageMath

_LEVELS = 255
_CENTRE = 128  # levels are taken from here: float32 then keeps enough digits of their squares
_RADIUS, _SIGMA = 5, 1.5
_C1, _C2 = (0.01 * _LEVELS) ** 2, (0.03 * _LEVELS) ** 2

_bells = [math.exp(-0.5 * (place / _SIGMA) ** 2) for place in range(-_RADIUS, _RADIUS + 1)]
_TAPS = [bell / sum(_bells) for bell in _bells]


def psnr(picture: Image.Image, truth: Image.Image) -> float:
    """Peak signal-to-noise ratio of two RGB pictures in dB; infinite for equal ones.

    Raises:
        ValueError: the sizes differ.
    """
    _check_sizes(picture, truth)
    # One histogram of 256 bins after the other, one a channel.
    counts = ImageChops.difference(picture.convert("RGB"), truth.convert("RGB")).histogram()
    squares = sum(count * (bin_ % 256) ** 2 for bin_, count in enumerate(counts))
    return 10 * math.log10(_LEVELS**2 * sum(counts) / squares) if squares else math.inf


def ssim(picture: Image.Image, truth: Image.Image) -> float:
    """Structural similarity of two RGB pictures; within 1e-5 of float64.

    Raises:
        ValueError: the sizes differ, or a side is shorter than 11 pixels.
    """
    _check_sizes(picture, truth)
    if min(truth.size) < len(_TAPS):
        raise ValueError(f"SSIM needs sides of {len(_TAPS)} pixels, not {truth.size}")
    channels = zip(picture.convert("RGB").split(), truth.convert("RGB").split(), strict=True)
    values = [_ssim_of_channel(ours, theirs) for ours, theirs in channels]
    return sum(values) / len(values)


def _ssim_of_channel(ours: Image.Image, theirs: Image.Image) -> float:
    """Mean of the map of one channel, by the formula of the paper."""
    x, y = (_map(lambda a: a - _CENTRE, each.convert("F")) for each in (ours, theirs))
    product = partial(_map, lambda a, b: a * b)
    scores = _map(
        _formula, _blur(x), _blur(y), *map(_blur, (product(x, x), product(y, y), product(x, y)))
    )
    return _mean(scores)


def _formula(mean_x: Any, mean_y: Any, square_x: Any, square_y: Any, cross: Any) -> Any:
    # The constants belong to levels from 0 on, and so do the means of the first factor.
    covariance = cross - mean_x * mean_y
    variances = square_x - mean_x * mean_x + square_y - mean_y * mean_y
    x, y = mean_x + _CENTRE, mean_y + _CENTRE
    light = (x * y * 2 + _C1) / (x * x + y * y + _C1)
    return light * (covariance * 2 + _C2) / (variances + _C2)


def _blur(values: Image.Image) -> Image.Image:
    """Weighted means over the windows that fit: rows first, then columns."""
    width, height = (side - 2 * _RADIUS for side in values.size)
    shifts = range(len(_TAPS))
    rows = [values.crop((shift, 0, shift + width, values.height)) for shift in shifts]
    smooth = _map(_weighted, *rows)
    columns = [smooth.crop((0, shift, width, shift + height)) for shift in shifts]
    return _map(_weighted, *columns)


def _weighted(*shifted: Any) -> Any:
    return reduce(add, (each * tap for each, tap in zip(shifted, _TAPS, strict=True)))


def _map(formula: Callable[..., Any], *images: Image.Image) -> Image.Image:
    """Apply a formula to the values of float images, place by place."""
    named = {f"image{place}": image for place, image in enumerate(images)}
    result: Image.Image = ImageMath.lambda_eval(
        lambda found: formula(*map(found.get, named)), **named
    )
    return result


def _mean(values: Image.Image) -> float:
    return float(values.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))  # type: ignore[arg-type]


def _check_sizes(picture: Image.Image, truth: Image.Image) -> None:
    if picture.size != truth.size:
        raise ValueError(f"the sizes {picture.size} and {truth.size} differ")
