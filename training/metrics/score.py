"""What a metric returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating]


@dataclass(frozen=True)
class Score:
    """One measured value.

    Attributes:
        value: the estimate from all images.
        low: lower end of the 95 % interval; none where the metric has no interval.
        high: upper end.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Metric:
    """A distance between two sets of features.

    Attributes:
        key: its name in files and model cards.
        title: its name for people; it says which features, for values of others do not compare.
        compute: (real [N, D], generated [M, D], seed) -> score; deterministic.
    """

    key: str
    title: str
    compute: Callable[[Features, Features, int], Score]
