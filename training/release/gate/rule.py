"""When a figure keeps to its limit: the gate's arithmetic.

A figure is judged by how far it lies beyond its floor, the value of unseen real images: nobody can
do better than that, and some floors are near 0 or below it, where a factor means nothing. Beside
the version that serves now a candidate may be beyond it

    r times as far, and Z standard errors more for chance.

The standard error is that of the difference of two figures, from their 95 % intervals as if they
were independent. They are not quite, for both were measured with the same real images, whose share
of the chance both have: so it is rather too large than too small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from training.metrics.score import Better, Score

# Standard errors that are granted to chance. Of candidates that are exactly as bad as they may be,
# 95 % pass (the normal distribution's one-sided 95 % quantile).
Z = 1.645
# Half a 95 % interval in standard errors.
HALF_INTERVAL = 1.959964

SMALL_IS_GOOD: tuple[Better, ...] = ("lower", "not above")
LARGE_IS_GOOD: tuple[Better, ...] = ("higher", "not below")


@dataclass(frozen=True)
class Limit:
    """What one figure must keep to; None: no such limit.

    Attributes:
        ratio: how many times as far beyond its floor as the current version's it may be, 1 or more;
            a figure of which more is better must also be at least the current one's over `ratio`.
        at_most: largest value.
        at_least: smallest value.
        over_floor: how far above the floor.
        of_floor: smallest share of the floor, above 0 and up to 1.
    """

    ratio: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    over_floor: float | None = None
    of_floor: float | None = None


@dataclass(frozen=True)
class Condition:
    """One bound on a value.

    Attributes:
        side: where the value has to lie.
        bound: of the value.
        why: how the bound came about.
        kept: whether the value lies there.
    """

    side: Literal["at most", "at least"]
    bound: float
    why: str
    kept: bool


def at_most(value: float, bound: float, why: str) -> Condition:
    """A value that is no number keeps to no bound."""
    return Condition("at most", bound, why, value <= bound)


def at_least(value: float, bound: float, why: str) -> Condition:
    """A value that is no number keeps to no bound."""
    return Condition("at least", bound, why, value >= bound)


def conditions(
    score: Score, floor: Score, current: Score | None, limit: Limit, better: Better
) -> Iterator[Condition]:
    """All that a figure must keep to.

    Args:
        score: the candidate's.
        floor: of unseen real images.
        current: that of the version that serves now; None: no limit beside it holds.
        limit: what it must keep to.
        better: which way the figure is better.
    """
    value = score.value
    if limit.ratio is not None and current:
        chance = Z * math.hypot(standard_error(score), standard_error(current))
        if better in SMALL_IS_GOOD:
            yield _excess(value, floor.value, current.value, limit.ratio, chance)
        else:
            yield _shortfall(value, floor.value, current.value, limit.ratio, chance)
            bound = current.value / limit.ratio - chance
            why = (
                f"the current {current.value:.4g} over {limit.ratio:g}, less {chance:.2g} (chance)"
            )
            yield at_least(value, bound, why)
    if limit.at_most is not None:
        yield at_most(value, limit.at_most, "in any case")
    if limit.at_least is not None:
        yield at_least(value, limit.at_least, "in any case")
    if limit.over_floor is not None:
        why = f"{limit.over_floor:g} above unseen real images"
        yield at_most(value, floor.value + limit.over_floor, why)
    if limit.of_floor is not None:
        why = f"{limit.of_floor:.0%} of unseen real images"
        yield at_least(value, floor.value * limit.of_floor, why)


def standard_error(score: Score) -> float:
    """From the 95 % interval; 0 without one.

    Its longer side counts: an interval of a share ends at 0 and at 1.
    """
    if score.low is None or score.high is None:
        return 0.0
    return max(score.high - score.value, score.value - score.low) / HALF_INTERVAL


def _excess(value: float, floor: float, current: float, ratio: float, chance: float) -> Condition:
    """How far above the floor it may be. Below it, where chance has put it, counts as on it."""
    excess = max(0.0, current - floor)
    allowed = excess * ratio + chance
    why = (
        f"unseen real images {floor:.4g}, and {ratio:g} times the current's excess {excess:.4g}, "
        f"and {chance:.2g} (chance)"
    )
    # Not `value <= floor + allowed`: rounding must not refuse a model that is the current one.
    return Condition("at most", floor + allowed, why, value - floor <= allowed)


def _shortfall(
    value: float, floor: float, current: float, ratio: float, chance: float
) -> Condition:
    """How far below the floor it may be. Alone it would let through any value, once it is far."""
    shortfall = max(0.0, floor - current)
    allowed = shortfall * ratio + chance
    why = (
        f"unseen real images {floor:.4g}, less {ratio:g} times the current's shortfall "
        f"{shortfall:.4g}, less {chance:.2g} (chance)"
    )
    return Condition("at least", floor - allowed, why, floor - value <= allowed)
