"""What a metric returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating]
# Where a good generator lies, seen from real images measured in its place.
Better = Literal["lower", "higher", "as real", "not above", "not below"]


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
class Figure:
    """One number that a metric reports.

    Attributes:
        key: its name in files and model cards.
        title: its name for people; it says which features, for values of others do not compare.
        better: which way is better. "as real", "not above" and "not below" mean the floor.
        decimals: digits behind the point that are worth printing.
    """

    key: str
    title: str
    better: Better
    decimals: int = 2


@dataclass(frozen=True)
class Measurement:
    """What one metric found, one score for each of its figures.

    Attributes:
        scores: of the generated images.
        floors: of real images that were measured in their place, the value of a perfect generator.
        samples: how many images of each set took part.
    """

    scores: tuple[Score, ...]
    floors: tuple[Score, ...]
    samples: dict[str, int]
