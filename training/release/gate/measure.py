"""Measures a candidate and the version that serves now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from training.metrics.evaluate import Evaluation, Plan, evaluate
from training.release.gate.checks import (
    Check,
    export_checks,
    figure_checks,
    latency_checks,
    overlap_check,
)
from training.release.gate.contestant import Contestant
from training.release.gate.limits import Limits
from training.release.parts import newest_release
from training.release.store import Store
from training.release.traffic import read_traffic


@dataclass(frozen=True)
class Material:
    """What the versions are measured with.

    Attributes:
        dataset: real images that no training saw.
        training: the images that the candidate was trained on.
        count: images to draw.
        truncation: psi of these; None: 1, the whole range.
        cache: folder for the features of real images; None: that of `anime-gan evaluate`.
        allow_overlap: go on where images of the dataset are among the training images.
    """

    dataset: Path
    training: Path
    count: int
    truncation: float | None = None
    cache: Path | None = None
    allow_overlap: bool = False


def newest(store: Store, name: str, folder: Path) -> Contestant:
    """Fetch the newest version, and see that all its parts are whole.

    Raises:
        ReleaseError: a part is missing or damaged.
    """
    return Contestant.fetch(store, name, newest_release(store, name)[0].version, folder)


def stable(store: Store, name: str, folder: Path) -> Contestant | None:
    """Fetch the version that serves now; None if there is none.

    Raises:
        ReleaseError: it is damaged.
    """
    versions = store.versions(name)
    if not versions:
        return None
    traffic = read_traffic(store, name)
    return Contestant.fetch(store, name, traffic.stable if traffic else versions[-1], folder)


def measure(
    candidate: Contestant,
    current: Contestant | None,
    material: Material,
    limits: Limits,
    work: Path,
) -> Iterator[Check]:
    """All checks, the quick ones first; images are drawn below the folder `work`.

    Raises:
        ValueError, DatasetError, OSError: as `evaluate`.
    """
    yield from export_checks(candidate, limits)
    if current:
        yield from latency_checks(candidate, current, limits)
    found = _evaluate(candidate, material, limits, work / "images of the candidate")
    before = None
    if current:
        before = _evaluate(current, material, limits, work / "images of the current version")
    yield overlap_check(found)
    yield from figure_checks(found, before, limits)


def _evaluate(
    contestant: Contestant, material: Material, limits: Limits, folder: Path
) -> Evaluation:
    truncation = material.truncation
    if truncation is None and "default_truncation" in contestant.card:
        truncation = 1.0
    contestant.draw(range(material.count), truncation, folder)
    plan = Plan(
        count=material.count,
        metrics=limits.metrics,
        cache=material.cache or Plan.cache,
        allow_overlap=material.allow_overlap,
    )
    return evaluate(folder, material.dataset, material.training, plan, torch.device("cpu"))
