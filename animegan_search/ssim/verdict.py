"""Is a picture closer to the index than an unseen real one would be?

Held-out real images, which the index does not hold, were searched in it. A query's largest SSIM s
is ranked among their largest SSIMs h_1 ... h_n:

    p = (1 + #{i: h_i >= s}) / (n + 1)

This is a conformal p-value (Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World",
2005; Bates et al., "Testing for outliers with conformal p-values", 2023): for a picture that comes
from the same source as the held-out ones, P(p <= a) <= a, whatever that source is; the probability
is over the picture and the held-out ones together. No copy makes p smaller than 1 / (n + 1). A
large p is no proof of novelty: it says that SSIM sees no copy.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FALSE_ALARM_RATE = 0.01
"""What is asked for unless something else is, as long as the held-out images carry it."""
CONFIDENCE = 0.95


class TooFewHeldoutError(ValueError):
    """The held-out images are too few for the false-alarm rate that was asked for."""


@dataclass(frozen=True)
class Verdict:
    """What the best score of one picture means.

    Attributes:
        p_value: share of the held-out images that come as close, the picture itself counted among
            them; in (0, 1].
        threshold: SSIM above which a picture is not judged original.
        false_alarm_rate: share of unseen real images above the threshold, at most and on average
            over the draw of the held-out images.
        original: the p-value lies above the false-alarm rate; the same as best SSIM <= threshold.
    """

    p_value: float
    threshold: float
    false_alarm_rate: float
    original: bool


@dataclass(frozen=True, eq=False)
class Calibration:
    """How close unseen real images come to one state of one index.

    Attributes:
        maxima: the largest SSIM of each held-out image, float64 [n], ascending.
        index_digest: the state of the index to which they belong.
        heldout_name: name of the held-out dataset.
        heldout_digest: its digest.
        identical: held-out images that are in the index pixel by pixel; they were not unseen, and
            make the verdict milder.
    """

    maxima: NDArray[np.float64]
    index_digest: str
    heldout_name: str
    heldout_digest: str
    identical: int

    @property
    def count(self) -> int:
        """Number of held-out images."""
        return len(self.maxima)

    @property
    def default_rate(self) -> float:
        """The false-alarm rate where none is asked for: 0.01, or the least that the images carry.

        That is 1 / (n + 1), more than 0.01 where n is below 99.
        """
        return max(FALSE_ALARM_RATE, 1 / (self.count + 1))

    def p_value(self, best_ssim: float) -> float:
        """Conformal p-value of a picture's largest SSIM, in (0, 1]."""
        return float(self.p_values(best_ssim))

    def p_values(self, best_ssim: ArrayLike) -> NDArray[np.float64]:
        """The same for many pictures, in the shape of `best_ssim`."""
        closer = self.count - np.searchsorted(self.maxima, best_ssim, side="left")
        return np.asarray((1 + closer) / (self.count + 1))

    def threshold(self, false_alarm_rate: float | None = None) -> float:
        """SSIM that pictures exceed whose p-value is at most the false-alarm rate.

        Args:
            false_alarm_rate: in (0, 1); None: `default_rate`, here and below.

        Raises:
            ValueError: the rate lies outside (0, 1).
            TooFewHeldoutError: no p-value can be so small.
        """
        return float(self.maxima[-self._rank(false_alarm_rate)])

    def false_alarm_interval(self, false_alarm_rate: float | None = None) -> tuple[float, float]:
        """Where the threshold's own false-alarm rate lies with 95 % confidence.

        Another draw of held-out images would have given another threshold. With m - 1 of n maxima
        above it, its rate is distributed as Beta(m, n + 1 - m), by the binomial law of how many of
        n images exceed a level (Vovk, "Conditional validity of inductive conformal predictors",
        2012); where maxima are tied, the rate is lower.

        Raises:
            ValueError: as `threshold`.
        """
        rank = self._rank(false_alarm_rate)
        tail = (1 - CONFIDENCE) / 2
        low, high = (beta_quantile(share, rank, self.count) for share in (tail, 1 - tail))
        return low, high

    def judge(self, best_ssim: float, false_alarm_rate: float | None = None) -> Verdict:
        """Judge a picture by its largest SSIM; the verdict says by which false-alarm rate.

        Raises:
            ValueError: as `threshold`.
        """
        rate = self.default_rate if false_alarm_rate is None else false_alarm_rate
        threshold = self.threshold(rate)
        return Verdict(
            p_value=self.p_value(best_ssim),
            threshold=threshold,
            false_alarm_rate=rate,
            original=bool(best_ssim <= threshold),
        )

    def as_json(self) -> dict[str, Any]:
        """A record of plain numbers and strings; `from_json` gives an equal calibration back."""
        return asdict(self) | {"maxima": self.maxima.tolist()}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Calibration:
        """Read what `as_json` wrote."""
        return cls(**record | {"maxima": np.asarray(record["maxima"], np.float64)})

    def _rank(self, false_alarm_rate: float | None) -> int:
        """The largest m whose p-value m / (n + 1) is at most the false-alarm rate."""
        rate = self.default_rate if false_alarm_rate is None else false_alarm_rate
        if not 0 < rate < 1:
            raise ValueError(f"false_alarm_rate must lie between 0 and 1, got {rate}")
        p_values = np.arange(1, self.count + 1) / (self.count + 1)
        rank = int(np.searchsorted(p_values, rate, side="right"))
        if rank == 0:
            least = (
                math.ceil(10_000 / (self.count + 1)) / 10_000
            )  # rounded up: it will be asked for
            raise TooFewHeldoutError(
                f"{self.count} held-out images cannot carry a false-alarm rate of {rate:g}: "
                f"ask for {least:g} or more, or calibrate with more images"
            )
        return rank


def beta_quantile(share: float, rank: int, count: int) -> float:
    """Quantile of Beta(rank, count + 1 - rank), the law of the `rank`-th of `count` uniform levels.

    Found by bisection: a Beta is at most x where at least `rank` of `count` levels are.

    Args:
        share: of the distribution that lies below, in (0, 1).
        rank: from 1 to `count`.
        count: number of levels.
    """
    j = np.arange(rank)
    log_ways = np.concatenate([[0.0], np.cumsum(np.log((count - j[:-1]) / (j[:-1] + 1)))])
    low, high = 0.0, 1.0
    while (middle := (low + high) / 2) not in (low, high):
        fewer = np.exp(log_ways + j * np.log(middle) + (count - j) * np.log1p(-middle)).sum()
        low, high = (middle, high) if 1 - fewer < share else (low, middle)
    return middle
