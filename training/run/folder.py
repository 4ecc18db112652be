"""The files of one run, and in which order they are written.

A snapshot writes its sheets and weights first and the checkpoint last: a run that is killed in
between goes on from the checkpoint before and writes the same files again.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from training import files
from training.datasets.store import Dataset
from training.gan.trainer import GanTrainer
from training.networks.weights import save_generator
from training.run.checkpoint import save_checkpoint
from training.run.curves import draw_curves
from training.run.disk import check_space, make_room, snapshot_bytes, weights_bytes
from training.run.journal import LOG, Journal
from training.run.report import sample_sheet

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "generator.safetensors"
OPTIONS = "options.json"
# What a killed run leaves of files that were to be renamed: ".generator.safetensors.1234".
HALF_WRITTEN = re.compile(r"\..+\.\d+(\.tmp)?")
# Sheets show what the model usually does, and what the generator does right now.
TRUNCATION, RAW_TRUNCATION = 0.7, 1.0


class RunFolder:
    """A folder that holds one run.

    Args:
        path: of the folder; it is made by `prepare`.
        budget: bytes that it may take in all; none is no limit.
        keeps_best: whether the best weights are kept beside the newest ones.
    """

    def __init__(self, path: Path, budget: int | None = None, keeps_best: bool = False) -> None:
        self.path = path
        self.budget = budget
        self.keeps_best = keeps_best

    @property
    def checkpoint(self) -> Path:
        """What the run goes on from."""
        return self.path / CHECKPOINT

    def numbered(self, images_seen: int) -> Path:
        """The weights of one snapshot."""
        return self.path / "weights" / f"{images_seen:08d}.safetensors"

    def prepare(self, trainer: GanTrainer) -> None:
        """Make the folder, refuse to begin without room, and say what will be done.

        Raises:
            ValueError: the disk or the budget has no room for a snapshot.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        for path in self.path.rglob(".*"):
            if HALF_WRITTEN.fullmatch(path.name):
                path.unlink()
        self._needed = snapshot_bytes(
            trainer.generator, trainer.discriminator, trainer.options.network.resolution
        )
        if self.keeps_best:
            self._needed += weights_bytes(trainer.generator)
        check_space(self.path, self._needed, self.budget)
        files.write(self.path / OPTIONS, trainer.options.to_json().encode() + b"\n")

    def snapshot(self, trainer: GanTrainer, journal: Journal) -> None:
        """Write sample sheets, curves, the generator's weights and the checkpoint.

        Raises:
            OSError: there is no room, for instance; the checkpoint before stays whole.
        """
        if self.budget is not None:
            make_room(self.path, self._needed, self.budget)
        try:
            self._write(trainer, journal)
        except OSError as error:
            raise OSError(
                f"the snapshot after {trainer.images_seen} images cannot be written ({error}); the "
                "checkpoint before it is whole: make room and run the same command again"
            ) from error

    def _write(self, trainer: GanTrainer, journal: Journal) -> None:
        seen = trainer.images_seen
        resolution = trainer.options.resolution_at(max(0, seen - 1))
        sheet = sample_sheet(trainer.average, resolution, TRUNCATION)
        (self.path / "sheets").mkdir(exist_ok=True)
        sheet.save(self.path / "sheets" / f"{seen:08d}.png")
        journal.show(seen, sheet)
        sample_sheet(trainer.generator, resolution, RAW_TRUNCATION).save(
            self.path / "latest-raw.png"
        )
        if (self.path / LOG).exists():
            draw_curves(self.path / LOG, self.path / "curves.png")
        if resolution == trainer.options.network.resolution:
            self._save_weights(trainer)
        save_checkpoint(self.checkpoint, trainer.state() | {"journal": journal.state()})

    def _save_weights(self, trainer: GanTrainer) -> None:
        """Write the moving average as the newest weights, and once more under its number."""
        generator = copy.deepcopy(trainer.average)
        generator.calibrate()
        options, dataset = trainer.options, trainer.images.dataset
        story = describe(options.preset, options.to_json(), trainer.images_seen, dataset)
        for path in (self.numbered(trainer.images_seen), self.path / WEIGHTS):
            save_generator(path, generator, story, metrics={})


def describe(preset: str, options: str, images_seen: int, dataset: Dataset) -> dict[str, Any]:
    """Where weights come from, as their model card will tell it; `options` is JSON."""
    return {
        "preset": preset,
        "images_seen": images_seen,
        "commit": git_commit(),
        "options": json.loads(options),
        "dataset": {
            "name": dataset.header.name,
            "digest": dataset.digest,
            "licence": dataset.header.licence,
        },
    }


def git_commit() -> str:
    """The commit of this checkout, or "unknown" outside of one, and where there is no git."""
    if not shutil.which("git"):
        return "unknown"
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return result.stdout.strip() or "unknown"
