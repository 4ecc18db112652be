"""A version of a generator on this machine's disk, and the images that it draws."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image

from animegan_cli.progress import ProgressBar
from training.audit.models import ServedSubjects, session_of
from training.export import folders
from training.export.repository import CARD_FILE, CONFIG_FILE, card_bytes
from training.release.parts import Part, read_part
from training.release.store import Store

BATCH = 8  # images of a request to Triton
_WARM_UP = 3


@dataclass(frozen=True)
class Contestant:
    """A version whose files were checked against its card.

    Attributes:
        repository: folder with nothing but this version.
        part: the version.
    """

    repository: Path
    part: Part

    @classmethod
    def fetch(cls, store: Store, model: str, version: int, repository: Path) -> Contestant:
        """Copy a version to the folder `repository`.

        Raises:
            ReleaseError: it is damaged, or there is none.
        """
        part = read_part(store, model, version)
        folder = repository / model
        content = {**part.files, CARD_FILE: card_bytes(part.card)}
        folders.reveal(folders.stage(folder, version, content))
        folders.replace(folder / CONFIG_FILE, store.read(f"{model}/{CONFIG_FILE}"))
        return cls(repository, part)

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""
        return self.part.card

    def subjects(self, seeds: Sequence[int], truncation: float | None) -> ServedSubjects:
        """Images of these seeds, drawn when they are asked for.

        Raises:
            ValueError: it is no generator, or has no truncation.
        """
        return ServedSubjects.open(self.repository, self.part.model, seeds, truncation)

    def draw(self, seeds: Sequence[int], truncation: float | None, folder: Path) -> None:
        """Write the images of these seeds into `folder` as PNG."""
        subjects = self.subjects(seeds, truncation)
        name = f"draw version {self.part.version}"
        for place, seed in enumerate(ProgressBar(seeds, desc=name, unit="image")):
            save(folder, seed, subjects[np.array([place])][0])

    def inputs(self, batch: int) -> dict[str, np.ndarray]:
        """The tensors of seeds 0, 1, ... at the default truncation."""
        subjects = self.subjects(range(batch), None)
        rows = [subjects.inputs(seed) for seed in range(batch)]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    def run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """The images [N, H, W, C], uint8, by ONNX Runtime on one thread."""
        [image_NHWC] = session_of(self.subjects([0], None).file).run(["image"], inputs)
        return np.asarray(image_NHWC)


def save(folder: Path, seed: int, image_HWC: np.ndarray) -> None:
    """Write the image of a seed as PNG, so that names sort as seeds do."""
    grey = image_HWC.shape[2] == 1
    Image.fromarray(image_HWC[:, :, 0] if grey else image_HWC).save(folder / f"{seed:020d}.png")


def same_in_any_batch(contestant: Contestant) -> int:
    """The largest difference, 0-255, between images drawn alone and in a batch."""
    inputs = contestant.inputs(BATCH)
    together = contestant.run(inputs)
    alone = [
        contestant.run({name: rows[i : i + 1] for name, rows in inputs.items()})
        for i in range(BATCH)
    ]
    return int(np.abs(together.astype(int) - np.concatenate(alone).astype(int)).max())


def milliseconds(contestants: Sequence[Contestant], batch: int, rounds: int) -> tuple[float, ...]:
    """Median time of an inference of each, in turns, so that a busy moment strikes all alike."""
    inputs = [contestant.inputs(batch) for contestant in contestants]
    times: list[list[float]] = [[] for _ in contestants]
    for turn in range(-_WARM_UP, rounds):
        for contestant, given, taken in zip(contestants, inputs, times, strict=True):
            started = perf_counter()
            contestant.run(given)
            if turn >= 0:
                taken.append((perf_counter() - started) * 1e3)
    return tuple(map(statistics.median, times))
