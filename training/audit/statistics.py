"""How far a share may be trusted, and whether more was flagged than chance flags."""

from __future__ import annotations

import math

_Z = 1.959964  # 97.5 % quantile of the standard normal distribution


def wilson(successes: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, "Probable inference, the law of succession ...").

    It holds for few images and for shares of 0 and 1, where the usual one has no width.

    Args:
        successes: 0 to `count`.
        count: at least 1.
    """
    share, squared = successes / count, _Z**2
    centre = share + squared / (2 * count)
    reach = _Z * math.sqrt(share * (1 - share) / count + squared / (4 * count**2))
    scale = 1 + squared / count
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def chance_of_as_many(flagged: int, count: int, above: int, heldout: int) -> float:
    """Probability that at least so many images are flagged, if all are as new as the held-out ones.

    The threshold is the level that `above` of `heldout` images exceed, so its own false-alarm rate
    is drawn from Beta(above + 1, heldout - above) and the number of flags is beta-binomial: wider
    than a binomial, for all images are judged by the same held-out ones.

    Args:
        flagged: 0 to `count`.
        count: images.
        above: held-out images above the threshold, fewer than `heldout`.
        heldout: held-out images.
    """
    a, b = above + 1, heldout - above
    if flagged > count / 2:  # sum the shorter side of the distribution
        return math.fsum(_beta_binomial(hits, count, a, b) for hits in range(flagged, count + 1))
    fewer = math.fsum(_beta_binomial(hits, count, a, b) for hits in range(flagged))
    return max(0.0, 1 - fewer)


def _beta_binomial(hits: int, count: int, a: int, b: int) -> float:
    ways = math.lgamma(count + 1) - math.lgamma(hits + 1) - math.lgamma(count - hits + 1)
    return math.exp(ways + _log_beta(hits + a, count - hits + b) - _log_beta(a, b))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
