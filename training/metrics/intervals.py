"""95 % intervals by resampling: subsets for functions of whole sets, bootstrap for means.

Functions of neighbours, of covariances and of kernels are not means over images, and the bootstrap
does not fit them: an image drawn twice is its own neighbour at distance zero. For them the
delete-half jackknife is used (Shao and Wu 1989, "A general theory for jackknife variance
estimation"): the standard deviation among random halves, drawn without replacement, estimates the
standard error of the whole.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.metrics.score import Score

HALVES = 40
# Images of each set that the halves are drawn from. A spread measured there is scaled to the whole
# by the square root of the sizes, so that intervals cost the same for any number of images.
BASE = 2000
BOOTSTRAPS = 1000
_WIDTH = 1.959964  # half the 95 % interval of a normal distribution in standard deviations

Array = NDArray[np.float64]
Places = NDArray[np.int64]


def philox(seed: int) -> np.random.Generator:
    """The random stream of one seed."""
    return np.random.Generator(np.random.Philox(key=seed))


def halves(
    values: Array,
    sizes: tuple[int, int],
    statistic: Callable[[Places, Places], Array],
    seed: int,
    bounds: tuple[float | Array, float | Array] = (-np.inf, np.inf),
) -> tuple[Score, ...]:
    """Give values their intervals by the delete-half jackknife over two sets.

    Args:
        values: the estimates from all images, [F].
        sizes: images of the two sets.
        statistic: from places in the first and in the second set to the same estimates, [F]. All
            places lie below `BASE`.
        seed: of the halves.
        bounds: what an estimate cannot be below or above.
    """
    random = philox(seed)
    bases = [min(size, BASE) for size in sizes]
    estimates = np.stack(
        [statistic(*(_half(base, random) for base in bases)) for _ in range(HALVES)]
    )
    scale = np.sqrt(min(bases) / min(sizes))
    reach = _WIDTH * scale * estimates.std(axis=0, ddof=1)
    low, high = np.clip(values - reach, *bounds), np.clip(values + reach, *bounds)
    return tuple(map(Score, values.tolist(), low.tolist(), high.tolist()))


def bootstrap(
    sets: tuple[Array, ...], statistic: Callable[..., float], seed: int, draws: int = BOOTSTRAPS
) -> Score:
    """Score a statistic of per-image numbers; images are resampled with replacement.

    Args:
        sets: per-image numbers, [N] or [N, ...] each; every set is resampled by itself.
        statistic: takes as many sets, returns one number.
        seed: of the resampling.
        draws: resamplings.
    """
    random = philox(seed)
    estimates = [
        statistic(*(numbers[random.integers(0, len(numbers), len(numbers))] for numbers in sets))
        for _ in range(draws)
    ]
    low, high = np.quantile(estimates, [0.025, 0.975])
    return Score(float(statistic(*sets)), float(low), float(high))


def widen_share(score: Score, count: int, whole: float = 1.0) -> Score:
    """Give a share of none or of all images an interval by the rule of three.

    Resampling finds no spread where no image, or every one, counts; yet up to 3 in `count` may
    have been missed at 95 % confidence (Hanley and Lippman-Hand 1983).

    Args:
        score: of a share.
        count: images that it is a share of.
        whole: the share of all of them: 1, or 100 for percent.
    """
    if score.value == 0:
        return Score(score.value, 0.0, max(score.high or 0.0, whole * min(1.0, 3 / count)))
    if score.value == whole:
        least = whole * max(0.0, 1 - 3 / count)
        return Score(score.value, min(whole if score.low is None else score.low, least), whole)
    return score


def _half(count: int, random: np.random.Generator) -> Places:
    return random.permutation(count)[: count // 2]
