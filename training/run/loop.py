"""The loop around the steps of a run: begin or resume, step, tell, save."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from training.datasets.batches import RealImages
from training.datasets.grey import with_channels
from training.datasets.store import Dataset
from training.gan.kinds import build_trainer
from training.gan.options import RunOptions
from training.gan.trainer import GanTrainer
from training.run.checkpoint import load_checkpoint
from training.run.compute import Compute
from training.run.folder import RunFolder
from training.run.journal import Journal
from training.run.snapshots import Watch
from training.run.step_losses import READ_STEPS
from training.run.threads import Pace
from training.run.watching import Watching


def run(
    options: RunOptions,
    dataset: Dataset,
    folder: Path,
    device: torch.device,
    transfer: Path | None = None,
    compute: Compute | None = None,
    disk_budget: int | None = None,
    metrics_address: str | None = None,
    pace: Pace | None = None,
    watch: Watch | None = None,
) -> int:
    """Train until all images were seen, or until SIGINT or SIGTERM; then save and return.

    Args:
        options: what to train.
        dataset: real images.
        folder: of the run; the first process writes it.
        device: where this process computes.
        transfer: checkpoint whose weights a new run begins with.
        compute: how.
        disk_budget: bytes that the folder may take.
        metrics_address: host:port where the first process shows metrics to Prometheus.
        pace: chooses the number of threads; none leaves it as it is.
        watch: how the first process measures the snapshots; none measures none.

    Returns:
        0 when the run is complete, 130 when it was interrupted.

    Raises:
        ValueError: the dataset does not fit the network, the folder holds another run, or there is
            no room.
        FloatingPointError: the training diverged.
    """
    images = RealImages(fitting(dataset, options), options.seed, options.mirror)
    trainer = build_trainer(options, images, device, compute)
    world = trainer.compute.world
    files = RunFolder(folder, disk_budget, keeps_best=watch is not None)
    journal = Journal(folder, options.total_images, options.log_images)
    if world.writes:
        begin(trainer, files, journal, transfer)
        if metrics_address:
            journal.metrics.show(metrics_address)
    trainer.meet()
    signals = catch_signals()
    watching = Watching(watch, files, trainer, journal) if watch and world.writes else None
    interrupted, over = False, trainer.images_seen >= options.total_images
    if watch and watch.stop_when_flat:
        over = world.any(over or (watching is not None and watching.flat), device)

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
        every = options.snapshot_images
        if over or seen // every > (seen - options.batch) // every:
            trainer.read_losses()
            trainer.check_weights()
            if world.writes:
                files.snapshot(trainer, journal)
            if watching and not interrupted:
                watching.measure()
            if watch and watch.stop_when_flat:
                over = world.any(over or (watching is not None and watching.flat), device)
            if pace:
                pace.pause()
    if world.writes:
        journal.close()
    return 130 if interrupted else 0


def begin(trainer: GanTrainer, files: RunFolder, journal: Journal, transfer: Path | None) -> None:
    """Go on exactly where the last checkpoint was written, or begin.

    Raises:
        ValueError: the folder holds another run, or there is no room for this one.
    """
    told = None
    if files.checkpoint.exists():
        state = load_checkpoint(files.checkpoint, trainer.device)
        check_same_run(state, trainer)
        trainer.restore(state)
        told = state.get("journal")
    elif transfer is not None:
        trainer.transfer(load_checkpoint(transfer, trainer.device))
    files.prepare(trainer)
    journal.open(trainer.images_seen, told)


def fitting(dataset: Dataset, options: RunOptions) -> Dataset:
    """The images with the network's channels.

    Raises:
        ValueError: they cannot be scaled to the network's size.
    """
    network, header = options.network, dataset.header
    if header.resolution % network.resolution:
        raise ValueError(
            f"{dataset.directory} has {header.resolution} px, the preset {options.preset} "
            f"{network.resolution} px: render it anew, or choose another --preset"
        )
    return with_channels(dataset, network.image_channels)


def check_same_run(state: dict[str, Any], trainer: GanTrainer) -> None:
    """Refuse to mix two runs in one folder; what lies ahead of a run may be changed."""
    past, seen = type(trainer.options).from_json(state["options"]), state["images_seen"]
    differences = past.differences(seen, trainer.options.continuing(past, seen))
    if differences:
        raise ValueError(
            f"the folder holds a run with other options ({', '.join(differences)}): choose another "
            "--run folder"
        )
    if state["dataset"] != trainer.images.dataset.digest:
        raise ValueError("the folder holds a run on another dataset: choose another --run folder")


def catch_signals() -> list[int]:
    """Return a list that stays empty until SIGINT or SIGTERM arrives."""
    caught: list[int] = []

    def handler(number: int, _frame: FrameType | None) -> None:
        caught.append(number)

    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)
    return caught
