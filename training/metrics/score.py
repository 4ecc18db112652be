"""What a metric is and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from training.metrics.material import Material

Features = NDArray[np.floating]
# Where a good generator lies, seen from real images measured in its place.
Better = Literal["lower", "higher", "as real", "not above", "not below"]
# What a metric cannot do without, besides real and generated images.
Need = Literal["training", "generator", "mapping", "inception", "truncation"]


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


@dataclass(frozen=True)
class Metric:
    """A way to measure generated images.

    Attributes:
        key: what `anime-gan evaluate --metrics` takes.
        about: what it answers, one line for `--help`.
        figures: the numbers that it reports.
        measure: looks at the material; the same material gives the same measurement.
        needs: what it cannot do without.
        least: images that each set must hold.
        side: that images are reduced to before they are looked at, in pixels; none leaves them.
    """

    key: str
    about: str
    figures: tuple[Figure, ...]
    measure: Callable[[Material], Measurement]
    needs: frozenset[Need] = frozenset()
    least: int = 8
    side: int | None = None
