"""The files of one run, and in which order they are written.

A snapshot writes its sheets and weights first and the checkpoint last: a run that is killed in
between goes on from the checkpoint before and writes the same files again.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from training import files
from training.run.checkpoint import save_checkpoint
from training.run.curves import draw_curves
from training.run.disk import check_space, fits, snapshot_bytes, thin_out, weights_bytes
from training.run.journal import LOG, Journal
from training.run.trainer import Trainer

CHECKPOINT = "checkpoint.pt"
OPTIONS = "options.json"


class RunFolder:
    """A folder that holds one run.

    Args:
        path: of the folder.
        budget: bytes that it may take in all; none is no limit.
        keeps_best: whether the best weights are kept beside the newest ones.
    """

    def __init__(self, path: Path, budget: int | None = None, keeps_best: bool = False) -> None:
        self.path = path
        self.budget = budget
        self.keeps_best = keeps_best
        self._told = False  # that TensorBoard's files are shortened

    @property
    def checkpoint(self) -> Path:
        """What the run goes on from."""
        return self.path / CHECKPOINT

    def numbered(self, images_seen: int) -> Path:
        """The weights of one snapshot."""
        return self.path / "weights" / f"{images_seen:08d}.safetensors"

    def prepare(self, trainer: Trainer) -> None:
        """Refuse to begin without room, and say what will be done.

        Raises:
            ValueError: the disk or the budget has no room for a snapshot.
        """
        for folder in (self.path, self.path / "weights"):
            files.remove_leftovers(folder)
        self._needed = snapshot_bytes(trainer)
        if self.keeps_best:
            self._needed += weights_bytes(trainer.published)
        check_space(self.path, self._needed, self.budget)
        files.write(self.path / OPTIONS, trainer.options.to_json().encode() + b"\n")

    def snapshot(self, trainer: Trainer, state: dict[str, Any], journal: Journal) -> None:
        """Write sample sheets, the weights and the checkpoint.

        Args:
            trainer: at this moment.
            state: its state, which is sound.
            journal: shows the sheet, and goes into the checkpoint.

        Raises:
            OSError: there is no room, for instance; the checkpoint before stays whole.
        """
        try:
            self._make_room(journal)
            self._write(trainer, state, journal)
        except OSError as error:
            raise OSError(
                f"the snapshot after {trainer.images_seen} images cannot be written ({error}); the "
                "checkpoint before it is whole: make room and run the same command again"
            ) from error

    def draw(self) -> None:
        """Draw the curves of the log, once the newest snapshot is measured."""
        if (self.path / LOG).exists():
            draw_curves(self.path / LOG, self.path / "curves.png")

    def _make_room(self, journal: Journal) -> None:
        if self.budget is None or fits(self.path, self._needed, self.budget):
            return
        journal.shorten()
        if not self._told:
            journal.say("--disk-budget is reached: TensorBoard keeps figures and no old sheets,")
            journal.say("and weights and sheets of earlier moments are thinned out")
            self._told = True
        thin_out(self.path, self._needed, self.budget)

    def _write(self, trainer: Trainer, state: dict[str, Any], journal: Journal) -> None:
        seen = trainer.images_seen
        if sheets := trainer.sheets():
            (self.path / "sheets").mkdir(exist_ok=True)
            sheets[0].save(self.path / "sheets" / f"{seen:08d}.png")
            sheets[1].save(self.path / "latest-raw.png")
            journal.show(seen, sheets[0])
        newest = self.path / trainer.weights_name
        trainer.save_weights(newest, describe(trainer))
        if trainer.numbered:
            self.numbered(seen).parent.mkdir(exist_ok=True)
            files.write(self.numbered(seen), newest.read_bytes())
        save_checkpoint(self.checkpoint, state | {"journal": journal.state()})


def describe(trainer: Trainer) -> dict[str, Any]:
    """Where the weights of this moment come from, as their model card will tell it."""
    options = trainer.options
    return {
        "preset": options.preset,
        "images_seen": trainer.images_seen,
        "commit": git_commit(),
        "options": json.loads(options.to_json()),
        **trainer.origins(),
    }


def git_commit() -> str:
    """The commit of this checkout, or "unknown" outside of one, and where there is no git."""
    if not shutil.which("git"):
        return "unknown"
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return result.stdout.strip() or "unknown"
