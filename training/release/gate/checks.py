"""The checks of the gate, each with the figures that decided it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.metrics.evaluate import Evaluation
from training.metrics.report import figures
from training.metrics.score import Score
from training.release.gate.contestant import (
    BATCH,
    Contestant,
    milliseconds,
    same_in_any_batch,
)
from training.release.gate.limits import FIGURES, Limits
from training.release.gate.rule import Condition, Limit, at_least, at_most, conditions

LATENCY_ROUNDS = 30


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        key: for machines: the figure's, as limits name it, or that of a limit.
        name: what was looked at.
        candidate: its value, with the interval where there is one.
        current: the current version's; None without one, or where it does not matter.
        floor: that of unseen real images; None where there is no such thing.
        conditions: what the value must keep to; none where only a current version sets limits, and
            there is none.
    """

    key: str
    name: str
    candidate: Score
    current: Score | None
    floor: Score | None
    conditions: tuple[Condition, ...]

    @property
    def passed(self) -> bool:
        """Whether the candidate keeps to all of them; a value that is no number never does."""
        kept = all(condition.kept for condition in self.conditions)
        return kept and not math.isnan(self.candidate.value)


@dataclass(frozen=True)
class Drawn:
    """What was measured on one set of drawn images.

    Attributes:
        truncation: psi of the images; None: the model has none.
        evaluation: the figures.
    """

    truncation: float | None
    evaluation: Evaluation

    @property
    def images(self) -> int:
        """How many images the figures rest on: the fewest that one of them does."""
        samples = (found.samples["generated"] for found in self.evaluation.found.values())
        return min(samples, default=0)

    @property
    def scores(self) -> dict[str, tuple[Score, Score]]:
        """Each figure's score and its floor, by the figure's key."""
        return {figure.key: (score, floor) for figure, score, floor in figures(self.evaluation)}


def export_checks(candidate: Contestant, limits: Limits) -> Iterator[Check]:
    """What the export must have kept. The files were compared with their checksums before."""
    levels = candidate.card.get("parity", {}).get("max_levels")
    found = math.nan if levels is None else levels
    yield Check(
        "parity_levels",
        "ONNX against PyTorch, levels (from the model card)",
        Score(found),
        None,
        None,
        (at_most(found, limits.parity_levels, "in any case"),),
    )
    difference = same_in_any_batch(candidate)
    yield Check(
        "batch_levels",
        f"a seed alone against the same in a batch of {BATCH}, levels",
        Score(difference),
        None,
        None,
        (at_most(difference, 0, "the API promises it"),),
    )


def latency_checks(candidate: Contestant, current: Contestant, limits: Limits) -> Iterator[Check]:
    """Whether it is as fast, in this process and on one thread."""
    for batch in (1, BATCH):
        new, old = milliseconds((candidate, current), batch, LATENCY_ROUNDS)
        bound, why = old * limits.latency_ratio, f"{limits.latency_ratio:g} times the current's"
        yield Check(
            f"latency_{batch}",
            f"median time of {batch} image{'s' * (batch > 1)}, ms",
            Score(new),
            Score(old),
            None,
            (at_most(new, bound, why),),
        )


def drawn_checks(
    candidate: Sequence[Drawn], current: Sequence[Drawn], limits: Limits
) -> Iterator[Check]:
    """Whether it draws as well, and no nearer to the training images than it may.

    Args:
        candidate: measured on images of one truncation or of several.
        current: the same of the version that serves now; empty without one.
        limits: what the figures must keep to.
    """
    fewest = min((drawn.images for drawn in candidate), default=0)
    enough = at_least(fewest, limits.images, "fewer leave too much to chance")
    name = f"images that the figures rest on{_counts(candidate)}"
    yield Check("images", name, Score(fewest), None, None, (enough,))
    # `evaluate` refuses an overlap that nobody allowed.
    for overlap in {drawn.evaluation.overlap for drawn in candidate if drawn.evaluation.overlap}:
        name = f"share of the unseen images that are training images ({overlap.copies} are)"
        yield Check("overlap", name, Score(overlap.share), None, None, ())
    now: dict[str, Score] = {}
    for drawn in current:
        now |= {key: score for key, (score, _) in drawn.scores.items()}
    for drawn in candidate:
        at = "" if drawn.truncation is None else f", truncation {drawn.truncation:g}"
        for key, (score, floor) in drawn.scores.items():
            if key in limits.figures:
                yield figure_check(key, score, floor, now.get(key), limits.figures[key], at)


def _counts(drawn: Sequence[Drawn]) -> str:
    """How many there are to choose from."""
    if not drawn:
        return ""
    evaluation = drawn[0].evaluation
    unseen = len(evaluation.sources["dataset"].images)
    return f" ({evaluation.plan.count} drawn; half of {unseen} unseen real ones)"


def figure_check(
    key: str, score: Score, floor: Score, current: Score | None, limit: Limit, at: str = ""
) -> Check:
    """Hold one figure against all its limits; `at` follows its name."""
    _, figure = FIGURES[key]
    held = tuple(conditions(score, floor, current, limit, figure.better))
    return Check(key, figure.title + at, score, current, floor, held)


def passed(checks: Sequence[Check]) -> bool:
    """Whether the candidate may go on."""
    return all(check.passed for check in checks)
