"""The loop around the steps of a copy detector's run: begin or resume, step, tell, save."""

from __future__ import annotations

from pathlib import Path

import torch

from training import files
from training.copies.options import CopyOptions
from training.copies.trainer import CopyTrainer
from training.datasets.batches import RealImages
from training.datasets.store import Dataset
from training.networks.copy_detector_weights import save_detector
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.run.curves import draw_curves
from training.run.folder import CHECKPOINT, OPTIONS, describe
from training.run.journal import LOG, Journal
from training.run.loop import catch_signals

WEIGHTS = "detector.safetensors"


def run(options: CopyOptions, dataset: Dataset, folder: Path, device: torch.device) -> int:
    """Train until all images were seen, or until SIGINT or SIGTERM; then save and return.

    Args:
        options: what to train.
        dataset: images that copies are made of, RGB.
        folder: of the run; the same call goes on with a run that it holds.
        device: where to compute.

    Returns:
        0 when the run is complete, 130 when it was interrupted.

    Raises:
        ValueError: the dataset does not fit the network, or the folder holds another run.
        FloatingPointError: the training diverged.
    """
    check_fits(dataset, options)
    trainer = CopyTrainer(options, RealImages(dataset, options.seed, mirror=False), device)
    journal = Journal(folder, options.images, options.log_images)
    begin(trainer, folder, journal)
    signals = catch_signals()
    saved = trainer.images_seen

    while trainer.images_seen < options.images and not signals:
        losses = trainer.step()
        journal.note(trainer.images_seen, options.network.resolution, losses)
        if trainer.images_seen - saved >= options.snapshot_images:
            snapshot(trainer, folder, journal)
            saved = trainer.images_seen
    if saved != trainer.images_seen:
        snapshot(trainer, folder, journal)
    journal.close()
    return 130 if trainer.images_seen < options.images else 0


def check_fits(dataset: Dataset, options: CopyOptions) -> None:
    """Refuse images that the network cannot see.

    Raises:
        ValueError: naming both sizes, or the channels.
    """
    header, side = dataset.header, options.network.resolution
    if header.resolution % side:
        raise ValueError(
            f"{dataset.directory} has {header.resolution} px, the preset {options.preset} {side} "
            "px: import the images in that size, or choose another --preset"
        )
    if header.channels != 3:
        raise ValueError(f"{dataset.directory} is grey: a copy detector learns from colour images")


def begin(trainer: CopyTrainer, folder: Path, journal: Journal) -> None:
    """Go on exactly where the last checkpoint was written, or begin.

    Raises:
        ValueError: the folder holds another run.
    """
    told = None
    if (folder / CHECKPOINT).exists():
        state = load_checkpoint(folder / CHECKPOINT, trainer.device)
        options = CopyOptions.from_json(state["options"])
        if not options.same_until(state["images_seen"], trainer.options):
            raise ValueError(f"{folder} holds a run with other options: choose another --run")
        if state["dataset"] != trainer.images.dataset.digest:
            raise ValueError(f"{folder} holds a run on another dataset: choose another --run")
        trainer.restore(state)
        told = state["journal"]
    folder.mkdir(parents=True, exist_ok=True)
    files.write(folder / OPTIONS, trainer.options.to_json().encode() + b"\n")
    journal.open(trainer.images_seen, told)


def snapshot(trainer: CopyTrainer, folder: Path, journal: Journal) -> None:
    """Write curves, weights, and last the checkpoint: a killed run repeats what came after it."""
    if (folder / LOG).exists():
        draw_curves(folder / LOG, folder / "curves.png")
    options, dataset = trainer.options, trainer.images.dataset
    story = describe(options.preset, options.to_json(), trainer.images_seen, dataset)
    save_detector(folder / WEIGHTS, trainer.network, story)
    save_checkpoint(folder / CHECKPOINT, trainer.state() | {"journal": journal.state()})
