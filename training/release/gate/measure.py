"""Measures a candidate and the version that serves now."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from training.metrics.evaluate import Plan, evaluate
from training.metrics.pictures import open_collection
from training.release.errors import ReleaseError
from training.release.gate.checks import (
    Check,
    Drawn,
    drawn_checks,
    export_checks,
    latency_checks,
)
from training.release.gate.contestant import Contestant
from training.release.gate.limits import DEFAULT, Limits, read_limits
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
        first_seed: of these images; the others follow.
        truncation: psi of the images that are compared with `dataset`; None: 1, the whole range.
        cache: folder for the features of images; None: that of `anime-gan evaluate`.
        allow_overlap: go on where images of the dataset are among the training images.
    """

    dataset: Path
    training: Path
    count: int
    first_seed: int = 0
    truncation: float | None = None
    cache: Path | None = None
    allow_overlap: bool = False


def of_arguments(arguments: argparse.Namespace) -> tuple[Material, Limits]:
    """What `add_measuring` asked for.

    Raises:
        ReleaseError: as `read_limits`.
    """
    material = Material(
        arguments.dataset,
        arguments.training,
        arguments.count,
        arguments.first_seed,
        arguments.truncation,
        arguments.cache,
        arguments.allow_overlap,
    )
    return material, read_limits(arguments.limits or DEFAULT)


class Version(Protocol):
    """A version of a generator, wherever it runs."""

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""

    def draw(self, seeds: Sequence[int], truncation: float | None, folder: Path) -> None:
        """Write the images of these seeds into `folder` as PNG; None: as the model is served."""


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
        ReleaseError: the candidate was trained on other images.
        ValueError, DatasetError, OSError: as `evaluate`.
    """
    require_training_set(candidate.card, material.training)
    yield from export_checks(candidate, limits)
    if current:
        yield from latency_checks(candidate, current, limits)
    found = draw(candidate, material, limits, work / "images of the candidate")
    before = draw(current, material, limits, work / "images of the current") if current else []
    yield from drawn_checks(found, before, limits)


def require_training_set(card: Mapping[str, Any], training: Path) -> None:
    """See that these are the images that a version was trained on.

    Raises:
        ReleaseError: they are not, or the card does not tell; names both digests.
        ValueError, DatasetError, OSError: they cannot be read.
    """
    found = open_collection(training, card["channels"], seed=0)
    told = card.get("dataset") or {}
    if told.get("digest") != found.digest:
        raise ReleaseError(
            f"--training: {training} has the digest {found.digest}, but the model card says that "
            f"the candidate was trained on {told.get('name', 'nothing')}, digest "
            f"{told.get('digest', 'none')}: copies would be looked for among images that it never "
            "saw. Give that data set (`anime-gan dataset inspect DIR` shows a digest)"
        )


def draw(version: Version, material: Material, limits: Limits, folder: Path) -> list[Drawn]:
    """Draw and measure: quality over the whole range, copies at the truncation that is served.

    Every image is compared with every training image.

    Raises:
        ValueError, DatasetError, OSError: as `evaluate`.
    """
    served = version.card.get("default_truncation")
    whole = material.truncation
    if whole is None and served is not None:
        whole = 1.0
    seeds = range(material.first_seed, material.first_seed + material.count)
    found = []
    for metrics, truncation in ((limits.quality, whole), (limits.copying, served)):
        if not metrics:
            continue
        images = folder / f"truncation {truncation}"
        if not images.exists():
            images.mkdir(parents=True)
            version.draw(seeds, truncation, images)
        plan = Plan(
            count=material.count,
            compared=material.count,
            metrics=metrics,
            cache=material.cache or Plan.cache,
            allow_overlap=material.allow_overlap,
        )
        cpu = torch.device("cpu")
        evaluation = evaluate(images, material.dataset, material.training, plan, cpu)
        found.append(Drawn(truncation, evaluation))
    return found
