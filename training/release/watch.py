"""A canary's quality: both versions are asked for the same seeds, where they serve.

The gate has measured the candidate in its own process, before it was published. Here what Triton
answers is measured, by the same figures and limits, on other seeds: a version that was published
without the gate, damaged on its way, or that draws otherwise on this hardware is told from the
stable one before it is promoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animegan_cli.progress import ProgressBar
from training.audit.models import served_truncation, tensors
from training.release.errors import ReleaseError
from training.release.gate.checks import Check, drawn_checks
from training.release.gate.contestant import BATCH, save
from training.release.gate.limits import Limits
from training.release.gate.measure import Material, draw, require_training_set
from training.release.parts import Part, read_card
from training.release.store import Store
from training.release.traffic import known_traffic
from training.release.tritons import Tritons


@dataclass(frozen=True)
class Served:
    """A version of a generator that Tritons serve.

    Attributes:
        tritons: who is asked, in turns.
        part: the version; its files are not read.
    """

    tritons: Tritons
    part: Part

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""
        return self.part.card

    def draw(self, seeds: Sequence[int], truncation: float | None, folder: Path) -> None:
        """Write the images of these seeds into `folder` as PNG; None: as the service draws.

        Raises:
            ReleaseError: a Triton does not serve it, or fails.
        """
        names = self.tritons.inputs(self.part.model)
        psi = served_truncation(self.card) if truncation is None else truncation
        label = f"version {self.part.version} draws"
        with ProgressBar(total=len(seeds), desc=label, unit="image") as bar:
            for first in range(0, len(seeds), BATCH):
                some = seeds[first : first + BATCH]
                rows = [tensors(self.card, seed, psi) for seed in some]
                inputs = {name: np.concatenate([row[name] for row in rows]) for name in names}
                images_NHWC = self._infer(inputs)
                for seed, image_HWC in zip(some, images_NHWC, strict=True):
                    save(folder, seed, image_HWC)
                bar.update(len(some))

    def _infer(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        return self.tritons.infer(self.part.model, self.part.version, inputs, "image")


@dataclass(frozen=True)
class Watched:
    """What was found.

    Attributes:
        candidate: the version with a share of the traffic.
        stable: the version with the rest.
        checks: the candidate's figures beside the stable version's.
    """

    candidate: Part
    stable: Part
    checks: list[Check]


def watch(
    store: Store, tritons: Tritons, model: str, material: Material, limits: Limits, work: Path
) -> Watched:
    """Measure what the candidate and the stable version draw where they serve.

    Args:
        store: the repository that the Tritons read.
        tritons: both versions are loaded there.
        model: its name.
        material: real images, and the seeds.
        limits: what the candidate must keep to; those of export and latency are the gate's alone.
        work: folder for the images.

    Raises:
        ReleaseError: there is no candidate, it is not loaded, or was trained on other images.
        ValueError, DatasetError, OSError: as `evaluate`.
    """
    traffic = known_traffic(store, model)
    if traffic.candidate is None:
        raise ReleaseError(
            f"{model} has no candidate to watch, version {traffic.stable} has all the traffic"
        )
    candidate, stable = (
        Part(model, version, read_card(store, model, version), {})
        for version in (traffic.candidate, traffic.stable)
    )
    require_training_set(candidate.card, material.training)
    tritons.check([model], candidate.version)
    found, before = (
        draw(Served(tritons, part), material, limits, work / str(part.version))
        for part in (candidate, stable)
    )
    return Watched(candidate, stable, list(drawn_checks(found, before, limits)))
