"""The loop around the steps of every run: begin or resume, step, tell, save."""

from __future__ import annotations

import signal
from contextlib import nullcontext
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

from training.files import writing
from training.run.checkpoint import CheckpointError, load_checkpoint
from training.run.folder import RunFolder
from training.run.journal import Journal
from training.run.threads import Pace
from training.run.trainer import READ_STEPS, Trainer

T = TypeVar("T", bound=Trainer)
T_contra = TypeVar("T_contra", bound=Trainer, contravariant=True)


class Watching(Protocol):
    """Measures the snapshots of a run that goes on; at once the one that a killed run left so."""

    @property
    def enough(self) -> bool:
        """Whether the run may end here."""

    def measure(self) -> None:
        """Measure the snapshot of this moment and tell of it; it was written just now."""


class Watch(Protocol[T_contra]):
    """How the snapshots of a run shall be measured."""

    def begin(self, files: RunFolder, trainer: T_contra, journal: Journal) -> Watching:
        """Begin with a run that is restored, or new.

        Raises:
            ValueError: it cannot be measured so.
        """


def run(
    trainer: T,
    folder: Path,
    *,
    initial: Path | None = None,
    disk_budget: int | None = None,
    metrics_address: str | None = None,
    pace: Pace | None = None,
    watch: Watch[T] | None = None,
) -> int:
    """Train until all images were seen, or until SIGINT or SIGTERM; then save and return.

    Args:
        trainer: what to train, before its first step; the same call goes on with the run that the
            folder holds.
        folder: of the run; the first process writes it, and no other one meanwhile.
        initial: file whose weights a new run begins with.
        disk_budget: bytes that the folder may take.
        metrics_address: host:port where the first process shows metrics to Prometheus.
        pace: chooses the number of threads; none leaves it as it is.
        watch: how the first process measures the snapshots; none measures none.

    Returns:
        0 when the run is complete, 130 when it was interrupted.

    Raises:
        ValueError: the folder holds another run or is in use, a file does not fit, or there is no
            room.
        FloatingPointError: the training diverged.
        OSError: a snapshot cannot be written, for instance; the one before it is whole.
    """
    world, options = trainer.compute.world, trainer.options
    with writing(folder) if world.writes else nullcontext():
        files = RunFolder(folder, disk_budget, keeps_best=watch is not None)
        journal = Journal(folder, options.total_images, options.log_images)
        if world.writes:
            begin(trainer, files, journal, initial)
            if metrics_address:
                journal.metrics.show(metrics_address)
        trainer.meet()
        return train(trainer, files, journal, pace, watch)


def begin(trainer: Trainer, files: RunFolder, journal: Journal, initial: Path | None) -> None:
    """Go on exactly where the last checkpoint was written, or begin.

    Raises:
        ValueError: the folder holds another run, a file does not fit, or there is no room.
    """
    told = None
    if files.checkpoint.exists():
        told = resume(trainer, files.checkpoint)
    elif initial is not None:
        trainer.begin_with(initial)
    files.prepare(trainer)
    journal.open(trainer.images_seen, told)


def resume(trainer: Trainer, checkpoint: Path) -> dict[str, Any] | None:
    """Go on from a checkpoint; return the state of its journal.

    Raises:
        ValueError: it is none, or that of another run; what lies ahead of a run may be changed.
    """
    state = load_checkpoint(checkpoint, trainer.device)
    try:
        past, seen = type(trainer.options).from_json(state["options"]), state["images_seen"]
        differences = past.differences(seen, trainer.options.continuing(past, seen))
        if differences:
            raise ValueError(
                f"the folder holds a run with other options ({', '.join(differences)}): choose "
                "another --run folder"
            )
        for name, digest in trainer.digests().items():
            if state[name] != digest:
                raise ValueError(
                    "the folder holds a run on another dataset: choose another --run folder"
                )
        trainer.restore(state)
    except KeyError as error:
        raise CheckpointError(f"{checkpoint}: the checkpoint lacks {error}") from error
    except ValueError as error:
        raise CheckpointError(f"{checkpoint}: {error}") from error
    return state.get("journal")


def train(
    trainer: T, files: RunFolder, journal: Journal, pace: Pace | None, watch: Watch[T] | None
) -> int:
    """Step until the end, or until a signal; see `run`."""
    world, device, options = trainer.compute.world, trainer.device, trainer.options
    signals = catch_signals()
    watching = watch.begin(files, trainer, journal) if watch and world.writes else None
    if watching:
        files.draw()
    interrupted, over = False, trainer.images_seen >= options.total_images
    if watch:
        over = world.any(over or (watching is not None and watching.enough), device)

    while not over:
        losses = trainer.step()
        seen = trainer.images_seen
        if pace:
            pace.step(options.batch, options.resolution_at(seen))
            journal.remarks["threads"] = pace.remark
        if world.writes:
            journal.note(seen, options.resolution_at(seen), losses)
        # Several processes ask each other, which waits for all that they compute.
        if world.size == 1 or trainer.step_count % READ_STEPS == 0:
            interrupted = world.any(bool(signals), device)

        # Save now and then, and show what the networks draw; nothing that is spoilt is saved.
        over = interrupted or seen >= options.total_images
        if over or options.snapshot_due(seen):
            trainer.read_losses()
            state = trainer.sound_state()
            if world.writes:
                files.snapshot(trainer, state, journal)
            if watching and not interrupted:
                watching.measure()
            if world.writes:
                files.draw()
            if watch:
                over = world.any(over or (watching is not None and watching.enough), device)
            if pace:
                pace.pause()
    if world.writes:
        journal.close()
    return 130 if interrupted else 0


def catch_signals() -> list[int]:
    """Return a list that stays empty until SIGINT or SIGTERM arrives."""
    caught: list[int] = []

    def handler(number: int, _frame: FrameType | None) -> None:
        caught.append(number)

    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)
    return caught
