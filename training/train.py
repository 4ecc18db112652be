"""`anime-gan train`: train a GAN, or resume it; leaves its generator as safetensors."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from tqdm import tqdm

from training.checkpoint import load_checkpoint, save_checkpoint
from training.curves import draw_curves
from training.datasets.files import sha256
from training.datasets.grey import with_channels
from training.datasets.store import Dataset, DatasetError
from training.gan_trainer import GanTrainer
from training.images import RealImages
from training.kinds import build_trainer
from training.networks.weights import save_generator
from training.presets import PRESETS
from training.report import append_log, rewind_log, sample_sheet
from training.run_options import RunOptions

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "generator.safetensors"
OPTIONS = "options.json"
LOG = "log.jsonl"


def main(argv: list[str] | None = None) -> int:
    """Run the command; return 0 when the run is complete, 1 on failure, 130 when interrupted."""
    arguments = build_parser().parse_args(argv)
    options = PRESETS[arguments.preset]
    overrides = {"seed": arguments.seed, "batch": arguments.batch, "precision": arguments.precision}
    options = dataclasses.replace(
        options, **{name: value for name, value in overrides.items() if value is not None}
    )
    torch.set_num_threads(arguments.threads)
    try:
        if arguments.transfer:
            options = dataclasses.replace(options, transfer=sha256(arguments.transfer))
        if arguments.dry_run:
            sys.stdout.write(options.to_json() + "\n")
            return 0
        dataset = Dataset.open(arguments.dataset)
        device = pick_device(arguments.device)
        return run(options, dataset, arguments.run, device, arguments.transfer)
    except (DatasetError, ValueError, FloatingPointError, OSError) as error:
        sys.stderr.write(f"anime-gan train: {error}\n")
        return 1


def build_parser() -> argparse.ArgumentParser:
    """The command line, with help that teaches."""
    parser = argparse.ArgumentParser(
        prog="anime-gan train",
        description="Train a StyleGAN2 or a DCGAN. The same command resumes a run that was stopped"
        " or killed.",
        epilog="example: anime-gan train --preset stylegan-64-cpu"
        " --dataset .local/datasets/procedural-64 --run .local/runs/stylegan-64",
    )
    parser.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        default="stylegan-64-cpu",
        help="row of training/presets.py",
    )
    parser.add_argument(
        "--dataset",
        type=Path,
        required=True,
        help="directory written by `anime-gan dataset render`",
    )
    parser.add_argument("--run", type=Path, required=True, help="directory of checkpoints and logs")
    parser.add_argument(
        "--transfer",
        type=Path,
        help="begin with the weights of another run's checkpoint.pt, of the same network sizes",
    )
    parser.add_argument("--seed", type=int, help="of weights and draws (default: the preset's)")
    parser.add_argument("--batch", type=int, help="images per step (default: the preset's)")
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "bf16"), help="(default: the preset's)"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto (default)")
    parser.add_argument(
        "--threads",
        type=int,
        default=torch.get_num_threads(),
        help="CPU threads (default: all cores)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the options and stop")
    return parser


def pick_device(name: str) -> torch.device:
    """Resolve "auto" to the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def run(
    options: RunOptions,
    dataset: Dataset,
    folder: Path,
    device: torch.device,
    transfer: Path | None = None,
) -> int:
    """Train until all images were seen, or until SIGINT or SIGTERM; then save and return.

    Raises:
        ValueError: the dataset does not fit the network, or the folder holds another run.
        FloatingPointError: the training diverged.
    """
    # Begin, or go on exactly where the last checkpoint was written.
    dataset = with_channels(dataset, options.network.image_channels)
    check_resolution(dataset, options)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = build_trainer(options, RealImages(dataset, options.seed, options.mirror), device)
    if (folder / CHECKPOINT).exists():
        state = load_checkpoint(folder / CHECKPOINT, device)
        check_same_run(state, trainer)
        trainer.restore(state)
        rewind_log(folder / LOG, trainer.images_seen)
    elif transfer is not None:
        trainer.transfer(load_checkpoint(transfer, device))
    (folder / OPTIONS).write_text(options.to_json() + "\n", encoding="utf-8")
    interrupted = catch_signals()
    progress = tqdm(
        total=options.total_images, initial=trainer.images_seen, unit="img", smoothing=0.05
    )
    sums: dict[str, list[float]] = {}
    logged_images, logged_at = trainer.images_seen, time.monotonic()

    while trainer.images_seen < options.total_images and not interrupted:
        for name, value in trainer.step().items():
            sums.setdefault(name, []).append(value)
        progress.update(options.batch)

        # Log the mean of the last steps.
        seen = trainer.images_seen
        if seen - logged_images >= options.log_images:
            means = {name: sum(values) / len(values) for name, values in sums.items()}
            rate = (seen - logged_images) / (time.monotonic() - logged_at)
            resolution = options.resolution_at(seen)
            record = {"images": seen, "resolution": resolution, "images_per_s": rate, **means}
            append_log(folder / LOG, record)
            progress.set_postfix(
                px=resolution, d=f"{means['loss_d']:.2f}", g=f"{means['loss_g']:.2f}"
            )
            sums, logged_images, logged_at = {}, seen, time.monotonic()

        # Save now and then, and show what the networks draw.
        if seen // options.snapshot_images > (seen - options.batch) // options.snapshot_images:
            snapshot(trainer, folder)
    snapshot(trainer, folder)
    progress.close()
    return 130 if interrupted else 0


def check_resolution(dataset: Dataset, options: RunOptions) -> None:
    """Refuse images that cannot be scaled to the network's size."""
    network, header = options.network, dataset.header
    if header.resolution % network.resolution:
        raise ValueError(
            f"{dataset.directory} has {header.resolution} px, the preset {options.preset} "
            f"{network.resolution} px: render it anew, or choose another --preset"
        )


def check_same_run(state: dict[str, Any], trainer: GanTrainer) -> None:
    """Refuse to mix two runs in one folder; what lies ahead of a run may be changed."""
    options = type(trainer.options).from_json(state["options"])
    if not options.same_until(state["images_seen"], trainer.options):
        raise ValueError("the folder holds a run with other options: choose another --run folder")
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


def snapshot(trainer: GanTrainer, folder: Path) -> None:
    """Write the checkpoint, the generator's weights, sample sheets and curves."""
    seen = trainer.images_seen
    resolution = trainer.options.resolution_at(max(0, seen - 1))
    save_checkpoint(folder / CHECKPOINT, trainer.state())
    sheets = folder / "sheets"
    sheets.mkdir(exist_ok=True)
    sample_sheet(trainer.average, resolution, 0.7).save(sheets / f"{seen:08d}.png")
    sample_sheet(trainer.generator, resolution, 1.0).save(folder / "latest-raw.png")
    if (folder / LOG).exists():
        draw_curves(folder / LOG, folder / "curves.png")
    if resolution == trainer.options.network.resolution:
        generator = copy.deepcopy(trainer.average)
        generator.calibrate()
        save_generator(folder / WEIGHTS, generator, describe(trainer), metrics={})


def describe(trainer: GanTrainer) -> dict[str, Any]:
    """Where weights come from, as their model card will tell it."""
    dataset = trainer.images.dataset
    return {
        "preset": trainer.options.preset,
        "images_seen": trainer.images_seen,
        "commit": git_commit(),
        "options": json.loads(trainer.options.to_json()),
        "dataset": {
            "name": dataset.header.name,
            "digest": dataset.digest,
            "licence": dataset.header.licence,
        },
    }


def git_commit() -> str:
    """The commit of this checkout, or "unknown" outside of one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return result.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
