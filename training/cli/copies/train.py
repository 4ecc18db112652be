"""`anime-gan copies train`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

from training.cli.arguments import HelpFormatter, Verbs, positive
from training.cli.train import pick_device
from training.copies.options import PRESETS, CopyOptions
from training.copies.trainer import CopyTrainer
from training.datasets.store import Dataset
from training.run.loop import run

# Flags that change a field of the preset's options, by the field's name.
OVERRIDES = ("images", "batch", "lr", "temperature", "entropy", "precision", "seed")
EPILOG = """\
example:
  anime-gan copies train --dataset .local/datasets/procedural-64 --run .local/runs/copies-64

The same command goes on with a run that was stopped or killed. No labels are needed: each image is
its own class, and its changed copies belong to it (SSCD, Pizzi et al. 2022).
"""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "train",
        help="teach the network, or go on with a run",
        description="Train the copy detector; leaves detector.safetensors, curves and a log.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("--preset", choices=sorted(PRESETS), default="copies-64", help="where to begin from")
    option("--dataset", type=Path, required=True, help="colour images, as `dataset` wrote them")
    option("--run", dest="folder", type=Path, required=True, help="folder of checkpoint and logs")
    option("--images", type=positive, metavar="N", help="length of the run")
    option("--batch", type=positive, metavar="N", help="images per step; the others are strangers")
    option("--lr", type=float, help="largest step size")
    option("--temperature", type=float, help="of the contrastive loss")
    option("--entropy", type=float, help="weight of the loss that spreads strangers apart")
    option("--precision", choices=("auto", "fp32", "bf16"))
    option("--seed", type=int, help="of weights and draws")
    option("--device", default="auto", help="cpu, cuda or auto")
    option("--threads", type=positive, default=torch.get_num_threads(), help="CPU threads")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(arguments.threads)
    dataset = Dataset.open(arguments.dataset)
    trainer = CopyTrainer(_options(arguments), dataset, pick_device(arguments.device))
    return run(trainer, arguments.folder)


def _options(arguments: argparse.Namespace) -> CopyOptions:
    """The preset's options with those of the command line."""
    given = {name: getattr(arguments, name) for name in OVERRIDES}
    given = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(PRESETS[arguments.preset], **given)
