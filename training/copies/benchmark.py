"""Plants copies of an index's images, and counts how many of them each scorer finds.

A scorer's threshold comes from half of the unseen images (1 % of them lie above it, at most); the
other half tells what share of false alarms it really has. A copy is found if its score with its own
original lies above the threshold, as the original is then among what an alarm shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from animegan_cli.progress import ProgressBar
from animegan_search.ssim.verdict import FALSE_ALARM_RATE, Calibration, beta_quantile
from training.copies.scorers import Images, Scorer
from training.copies.transformations import TRANSFORMATIONS, Transformation

TAIL = 0.025  # on each side of a 95 % interval


@dataclass(frozen=True)
class Count:
    """How many of how many, with the exact binomial interval (Clopper and Pearson 1934)."""

    found: int
    of: int

    @property
    def share(self) -> float:
        """Found of all."""
        return self.found / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share of all such images lies with 95 % confidence."""
        low = beta_quantile(TAIL, self.found, self.of) if self.found else 0.0
        whole = self.found == self.of
        high = 1.0 if whole else beta_quantile(1 - TAIL, self.found + 1, self.of)
        return low, high


@dataclass(frozen=True)
class Limit:
    """What one scorer takes for a copy: scores above the threshold.

    Attributes:
        threshold: from the first half of the unseen images.
        false_alarms: of the second half.
    """

    threshold: float
    false_alarms: Count


@dataclass(frozen=True)
class Case:
    """One transformation in one strength.

    Attributes:
        transformation: what was done.
        value: how much.
        recall: copies found, by scorer.
    """

    transformation: Transformation
    value: float
    recall: dict[str, Count]


@dataclass(frozen=True)
class Benchmark:
    """All that was measured."""

    limits: dict[str, Limit]
    cases: list[Case]


def run_benchmark(
    index: Images, unseen: Images, scorers: Sequence[Scorer], copies: int, seed: int
) -> Benchmark:
    """Measure all scorers on the same copies; the same arguments give the same figures.

    Args:
        index: uint8 [N, H, W, 3], the images that copies are made of.
        unseen: uint8 [M, H, W, 3], images of the same kind that the index does not hold.
        scorers: made for this index.
        copies: planted of each transformation and strength.
        seed: of the choice of originals and of all that is random in a transformation.

    Raises:
        ValueError: there are too few images for the false-alarm rate, or for the copies.
    """
    if copies > len(index):
        raise ValueError(f"the index holds {len(index)} images: too few for {copies} copies")
    limits = {scorer.name: limit(scorer, unseen) for scorer in scorers}
    rows = np.random.Generator(np.random.Philox(key=seed)).permutation(len(index))[:copies]
    cases = []
    for place, (transformation, value) in enumerate(plan()):
        planted = plant(index[rows], transformation, value, seed, place)
        recall = {
            scorer.name: above(scorer.paired(planted, rows), limits[scorer.name].threshold)
            for scorer in scorers
        }
        cases.append(Case(transformation, value, recall))
    return Benchmark(limits, cases)


def plan() -> Iterator[tuple[Transformation, float]]:
    """Every transformation in every strength, with a progress bar."""
    steps = [(kind, value) for kind in TRANSFORMATIONS for value in kind.values]
    yield from ProgressBar(steps, desc="planting copies", unit="case")


def limit(scorer: Scorer, unseen: Images) -> Limit:
    """Calibrate on one half of the unseen images and check on the other.

    Raises:
        ValueError: half of them are too few for the false-alarm rate.
    """
    best = scorer.best(unseen)
    known, others = np.array_split(best, 2)
    calibration = Calibration(np.sort(known), "", "", "", identical=0)
    threshold = calibration.threshold(FALSE_ALARM_RATE)
    return Limit(threshold, above(others, threshold))


def above(scores: NDArray[np.float64], threshold: float) -> Count:
    """How many scores lie above a threshold."""
    return Count(int((scores > threshold).sum()), len(scores))


def plant(
    originals: Images, transformation: Transformation, value: float, seed: int, place: int
) -> Images:
    """Copy images, each with a random stream of its own.

    Args:
        originals: uint8 [Q, H, W, 3].
        transformation: what is done.
        value: how much.
        seed: of the benchmark.
        place: of the case in the plan: other cases draw other numbers.
    """
    planted = np.empty_like(originals)
    for row, original in enumerate(originals):
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, place, row])))
        changed = transformation.change(Image.fromarray(original), value, random)
        planted[row] = np.asarray(changed)
    return planted
