"""The checks of the gate, each with the figures that decided it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.metrics.evaluate import Evaluation
from training.metrics.report import figures
from training.metrics.score import Better, Score
from training.release.gate.contestant import (
    BATCH,
    Contestant,
    milliseconds,
    same_in_any_batch,
)
from training.release.gate.limits import FIGURES, Limit, Limits

LATENCY_ROUNDS = 30


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: what was looked at.
        candidate: its value.
        current: the current version's; None without one, or where it does not matter.
        limit: the condition in words.
        passed: whether the candidate keeps to it.
    """

    name: str
    candidate: float
    current: float | None
    limit: str
    passed: bool


def export_checks(candidate: Contestant, limits: Limits) -> Iterator[Check]:
    """What the export must have kept. The files were compared with their checksums before."""
    levels = candidate.card.get("parity", {}).get("max_levels")
    yield Check(
        "ONNX against PyTorch, levels (from the model card)",
        math.nan if levels is None else levels,
        None,
        f"at most {limits.parity_levels}",
        levels is not None and levels <= limits.parity_levels,
    )
    difference = same_in_any_batch(candidate)
    yield Check(
        f"a seed alone against the same in a batch of {BATCH}, levels",
        difference,
        None,
        "0: the API promises it",
        difference == 0,
    )


def latency_checks(candidate: Contestant, current: Contestant, limits: Limits) -> Iterator[Check]:
    """Whether it is as fast, in this process and on one thread."""
    for batch in (1, BATCH):
        new, old = milliseconds((candidate, current), batch, LATENCY_ROUNDS)
        yield Check(
            f"median time of {batch} image{'s' * (batch > 1)}, ms",
            new,
            old,
            f"at most {limits.latency_ratio:g} times the current",
            new <= old * limits.latency_ratio,
        )


def overlap_check(candidate: Evaluation) -> Check:
    """Say how many images that should be unseen are training images; else none gets so far."""
    shared = candidate.overlap.share if candidate.overlap else math.nan
    return Check(
        "share of the unseen images that are training images",
        shared,
        None,
        "0: `dataset clean --against`; or allowed by --allow-overlap",
        True,
    )


def figure_checks(
    candidate: Evaluation, current: Evaluation | None, limits: Limits
) -> Iterator[Check]:
    """Whether it draws as well."""
    now = {figure.key: score for figure, score, _ in figures(current)} if current else {}
    for figure, score, floor in figures(candidate):
        limit = limits.figures.get(figure.key)
        if limit:
            yield figure_check(figure.key, score, floor, now.get(figure.key), limit)


def figure_check(
    key: str, score: Score, floor: Score, current: Score | None, limit: Limit
) -> Check:
    """Hold one figure against all its limits; a value that is no number keeps to none."""
    _, figure = FIGURES[key]
    conditions = list(_conditions(score.value, floor.value, current, limit, figure.better))
    return Check(
        figure.title,
        score.value,
        current.value if current else None,
        " and ".join(words for words, _ in conditions) or "none for a first version",
        all(kept for _, kept in conditions) and not math.isnan(score.value),
    )


def _conditions(
    value: float, floor: float, current: Score | None, limit: Limit, better: Better
) -> Iterator[tuple[str, bool]]:
    if limit.ratio is not None and current:
        if better == "lower":
            bound = current.value * limit.ratio
            yield f"at most {bound:.4g} ({limit.ratio:g} times the current)", value <= bound
        else:
            bound = current.value / limit.ratio
            yield f"at least {bound:.4g} (the current over {limit.ratio:g})", value >= bound
    if limit.at_most is not None:
        yield f"at most {limit.at_most:g}", value <= limit.at_most
    if limit.at_least is not None:
        yield f"at least {limit.at_least:g}", value >= limit.at_least
    if limit.over_floor is not None:
        bound = floor + limit.over_floor
        yield f"at most {bound:.4g} (unseen real images {floor:.4g})", value <= bound


def passed(checks: Sequence[Check]) -> bool:
    """Whether the candidate may go on."""
    return all(check.passed for check in checks)
