"""What an audit found, with verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom, binomtest

from animegan_search.ssim.verdict import Calibration, Verdict
from training.audit.measure import Measured


@dataclass(frozen=True)
class Judged:
    """One subject.

    Attributes:
        name: what people call it.
        measured: its nearest images, mean and curve.
        verdict: of its best score.
    """

    name: str
    measured: Measured
    verdict: Verdict

    @property
    def changed_copy(self) -> bool:
        """Whether the copy detector was asked and takes it for a copy."""
        return self.measured.copies is not None and self.measured.copies.copied

    @property
    def suspect(self) -> bool:
        """Whether a person should look at it."""
        return self.changed_copy or not self.verdict.original


@dataclass(frozen=True)
class Audit:
    """Everything that an audit found; the page and the JSON are made from it.

    Attributes:
        subjects: where the images come from, as `Subjects.describe`.
        index: as `Index.describe`.
        calibration: of the index.
        detector: the copy detector, as `CopySearch.describe`; None where it was not asked.
        ranks: of the curves, int64 [R].
        judged: every subject, in the order of places.
        false_alarm_rate: of the verdicts.
        date: when, ISO 8601 in UTC.
        commit: of this program.
    """

    subjects: dict[str, Any]
    index: dict[str, Any]
    calibration: Calibration
    detector: dict[str, Any] | None
    ranks: NDArray[np.int64]
    judged: Sequence[Judged]
    false_alarm_rate: float
    date: str
    commit: str

    @property
    def count(self) -> int:
        """Number of subjects."""
        return len(self.judged)

    @property
    def original(self) -> int:
        """Subjects that are judged original."""
        return sum(one.verdict.original for one in self.judged)

    @property
    def flagged(self) -> int:
        """Subjects that are not."""
        return self.count - self.original

    @property
    def changed_copies(self) -> int:
        """Subjects that the copy detector takes for copies."""
        return sum(one.changed_copy for one in self.judged)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share judged original (Wilson 1927, "Probable inference ...").

        It holds for few images and for shares of 0 and 1, where the usual one has no width.
        """
        low, high = binomtest(self.original, self.count).proportion_ci(0.95, method="wilson")
        return float(low), float(high)

    @property
    def threshold(self) -> float:
        """SSIM above which a subject is flagged."""
        return self.calibration.threshold(self.false_alarm_rate)

    @property
    def chance(self) -> float:
        """Probability of at least as many flags if all subjects were as new as held-out images.

        The threshold is the level that `above` held-out images exceed, so its own false-alarm rate
        is drawn from a beta distribution and the number of flags is beta-binomial: wider than a
        binomial, for all images are judged by the same held-out ones.
        """
        above, heldout = (
            int((self.calibration.maxima > self.threshold).sum()),
            self.calibration.count,
        )
        as_many = np.arange(self.flagged, self.count + 1)
        # The sum of a tail stays exact where it is small, which `betabinom.sf` does not.
        return min(1.0, float(betabinom.pmf(as_many, self.count, above + 1, heldout - above).sum()))

    @cached_property
    def closest_first(self) -> list[int]:
        """Places in `judged`: suspects first, each group by descending best score."""
        calm = [not one.suspect for one in self.judged]
        places: list[int] = np.lexsort((-self.nearest[:, 0], np.array(calm))).tolist()
        return places

    @cached_property
    def nearest(self) -> NDArray[np.float64]:
        """Scores of the nearest images, float64 [subjects, k]."""
        return np.stack([one.measured.ssim for one in self.judged])

    @cached_property
    def curves(self) -> NDArray[np.float32]:
        """Curves, float32 [subjects, R]."""
        return np.stack([one.measured.curve for one in self.judged])

    @cached_property
    def mean_curve(self) -> NDArray[np.float64]:
        """Mean of the curves over the subjects, float64 [R]."""
        mean: NDArray[np.float64] = self.curves.mean(axis=0, dtype=np.float64)
        return mean
