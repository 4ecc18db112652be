"""The loop around the steps of a compact network's run: begin or resume, step, tell, save."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training import files
from training.datasets.store import Dataset
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.run.curves import draw_curves
from training.run.folder import CHECKPOINT, OPTIONS, git_commit
from training.run.journal import LOG, Journal
from training.run.loop import catch_signals
from training.upscaling.compact.network import LearningUpscaler, deepened
from training.upscaling.compact.options import CompactOptions
from training.upscaling.compact.pairs import Pairs
from training.upscaling.compact.trainer import CompactTrainer
from training.upscaling.compact.weights import load_upscaler, save_upscaler
from training.upscaling.export import UpscalerGraph
from training.upscaling.quality import Picture, downscale, psnr

WEIGHTS = "upscaler.safetensors"
# Held-out pictures that every snapshot is measured on.
WATCHED = 32


def run(
    options: CompactOptions,
    datasets: tuple[Dataset, ...],
    heldout: Dataset,
    folder: Path,
    device: torch.device,
    initial: Path | None = None,
) -> int:
    """Train until all pairs were seen, or until SIGINT or SIGTERM; then save and return.

    Args:
        options: what to train.
        datasets: sharp RGB pictures, each drawn from equally often.
        heldout: pictures that the log's curve of PSNR is measured on.
        folder: of the run; the same call goes on with a run that it holds.
        device: where to compute.
        initial: weights that a new run begins with, of the same width and at most the same depth.

    Returns:
        0 when the run is complete, 130 when it was interrupted.

    Raises:
        ValueError: a dataset is too small or grey, or the folder holds another run.
        FloatingPointError: the training diverged.
    """
    for dataset in datasets:
        check_fits(dataset, options)
    pairs = Pairs(datasets, options.side, options.seed, options.soft)
    trainer = CompactTrainer(options, pairs, device)
    journal = Journal(folder, options.images, options.log_images)
    begin(trainer, folder, journal, initial)
    signals = catch_signals()
    saved = trainer.images_seen

    while trainer.images_seen < options.images and not signals:
        told = trainer.step()
        due = trainer.images_seen - saved >= options.snapshot_images
        if due:
            told["psnr_heldout"] = watched_psnr(trainer.average, heldout)
        journal.note(trainer.images_seen, options.side, told)
        if due:
            snapshot(trainer, folder, journal)
            saved = trainer.images_seen
    if saved != trainer.images_seen:
        snapshot(trainer, folder, journal)
    journal.close()
    return 130 if trainer.images_seen < options.images else 0


def check_fits(dataset: Dataset, options: CompactOptions) -> None:
    """Refuse pictures that no pair can be cut from.

    Raises:
        ValueError: naming both sizes, or the channels.
    """
    header = dataset.header
    if header.resolution < options.side:
        raise ValueError(
            f"{dataset.directory} has {header.resolution} px, pairs need {options.side} px: give "
            "larger pictures, or a smaller --side"
        )
    if header.channels != 3:
        raise ValueError(f"{dataset.directory} is grey: the network learns from colour pictures")


def begin(trainer: CompactTrainer, folder: Path, journal: Journal, initial: Path | None) -> None:
    """Go on exactly where the last checkpoint was written, or begin.

    Raises:
        ValueError: the folder holds another run, or the initial weights another network.
    """
    told = None
    if (folder / CHECKPOINT).exists():
        state = load_checkpoint(folder / CHECKPOINT, trainer.device)
        options = CompactOptions.from_json(state["options"])
        if not options.same_until(state["images_seen"], trainer.options):
            raise ValueError(f"{folder} holds a run with other options: choose another --run")
        if state["datasets"] != [dataset.digest for dataset in trainer.pairs.datasets]:
            raise ValueError(f"{folder} holds a run on other datasets: choose another --run")
        trainer.restore(state)
        told = state["journal"]
    elif initial is not None:
        weights, _ = load_upscaler(initial)
        deeper = deepened(weights, trainer.options.network)
        trainer.network.load_state_dict(deeper.state_dict())
        trainer.average.load_state_dict(deeper.state_dict())
    folder.mkdir(parents=True, exist_ok=True)
    files.write(folder / OPTIONS, trainer.options.to_json().encode() + b"\n")
    journal.open(trainer.images_seen, told)


def watched_psnr(network: LearningUpscaler, heldout: Dataset) -> float:
    """Mean PSNR in dB on the first held-out pictures, made small with Lanczos."""
    graph = UpscalerGraph(network.collapse())

    def enlarge(small: Picture) -> Picture:
        with torch.no_grad():
            levels, _ = graph(torch.tensor(small, device=network.biases.device)[None])
        return np.asarray(levels[0].cpu().numpy())

    pictures = heldout.images_NHWC[:WATCHED]
    return float(np.mean([psnr(enlarge(downscale(p, "lanczos")), p) for p in pictures]))


def snapshot(trainer: CompactTrainer, folder: Path, journal: Journal) -> None:
    """Write curves, weights, and last the checkpoint: a killed run repeats what came after it."""
    if (folder / LOG).exists():
        draw_curves(folder / LOG, folder / "curves.png")
    save_upscaler(folder / WEIGHTS, trainer.average, describe(trainer))
    save_checkpoint(folder / CHECKPOINT, trainer.state() | {"journal": journal.state()})


def describe(trainer: CompactTrainer) -> dict[str, Any]:
    """Where weights come from, as their model card will tell it."""
    return {
        "preset": trainer.options.preset,
        "images_seen": trainer.images_seen,
        "commit": git_commit(),
        "options": json.loads(trainer.options.to_json()),
        "datasets": [
            {"name": d.header.name, "digest": d.digest, "licence": d.header.licence}
            for d in trainer.pairs.datasets
        ],
    }
