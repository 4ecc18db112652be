"""`anime-gan upscaler train`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch

from training.cli.arguments import HelpFormatter, Verbs, positive
from training.cli.train import pick_device
from training.datasets.store import Dataset
from training.run.loop import run
from training.upscaling.compact.options import PRESETS, CompactOptions
from training.upscaling.compact.trainer import CompactTrainer, HeldoutPsnr

# Flags that change a field of the preset's options, by the field's name.
OVERRIDES = ("images", "batch", "side", "lr", "precision", "seed", "soft")
NETWORK_OVERRIDES = ("width", "depth")
EPILOG = """\
example:
  anime-gan upscaler train --dataset .local/datasets/procedural-256 \\
      --heldout .local/datasets/procedural-128-heldout --run .local/runs/compact-2x

The same command goes on with a run that was stopped or killed. Pictures of the dataset are the
truth; small ones are made from them as the training goes, with five filters.
"""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "train",
        help="teach the compact network, or go on with a run",
        description="Train the compact 2x network; leaves upscaler.safetensors, curves and a log.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("--preset", choices=sorted(PRESETS), default="compact-2x", help="where to begin from")
    option(
        "--dataset",
        type=Path,
        nargs="+",
        required=True,
        help="sharp colour pictures, as `dataset` wrote them; each set is drawn from equally often",
    )
    option("--heldout", type=Path, required=True, help="pictures that the curve is measured on")
    option("--run", dest="folder", type=Path, required=True, help="folder of checkpoint and logs")
    option("--initial", type=Path, metavar="WEIGHTS", help="what a new run begins with")
    option("--images", type=positive, metavar="N", help="pairs that the run shows")
    option("--batch", type=positive, metavar="N", help="pairs per step")
    option("--side", type=positive, metavar="PX", help="of the large picture of a pair, even")
    option("--soft", type=float, help="share of pairs with a blurred and compressed picture")
    option("--width", type=positive, help="channels of every layer")
    option("--depth", type=positive, help="layers between the first and the last")
    option("--lr", type=float, help="largest step size")
    option("--precision", choices=("auto", "fp32", "bf16"))
    option("--seed", type=int, help="of weights and draws")
    option("--device", default="auto", help="cpu, cuda or auto")
    option("--threads", type=positive, default=torch.get_num_threads(), help="CPU threads")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(arguments.threads)
    datasets = [Dataset.open(path) for path in arguments.dataset]
    watch = HeldoutPsnr(Dataset.open(arguments.heldout))
    trainer = CompactTrainer(_options(arguments), datasets, pick_device(arguments.device))
    return run(trainer, arguments.folder, initial=arguments.initial, watch=watch)


def _options(arguments: argparse.Namespace) -> CompactOptions:
    """The preset's options with those of the command line."""
    preset = PRESETS[arguments.preset]
    network = dataclasses.replace(preset.network, **_given(arguments, NETWORK_OVERRIDES))
    return dataclasses.replace(preset, network=network, **_given(arguments, OVERRIDES))


def _given(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    given = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}
