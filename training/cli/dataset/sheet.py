"""`anime-gan dataset sheet`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from animegan_cli.console import say
from training.cli.arguments import HelpFormatter, Verbs, natural, positive
from training.datasets.procedural.geometry import SIZES
from training.datasets.sheets import contact_sheet
from training.datasets.store import Dataset


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "sheet",
        help="write a contact sheet",
        description="Write a contact sheet of a dataset's images, or of rendered seeds.",
        formatter_class=HelpFormatter,
    )
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--dataset", type=Path, metavar="DIR", help="take a dataset's images")
    origin.add_argument("--first-seed", type=natural, metavar="SEED", help="render from this seed")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--first", type=natural, default=0, help="first image of the dataset")
    choice.add_argument("--images", type=natural, nargs="+", metavar="INDEX", help="these images")
    choice.add_argument("--random", type=natural, metavar="SEED", help="images drawn by this seed")
    parser.add_argument("--out", type=Path, required=True, metavar="PNG", help="picture to write")
    parser.add_argument("--rows", type=positive, default=8, help="rows of images")
    parser.add_argument("--columns", type=positive, default=12, help="images a row")
    parser.add_argument("--size", type=int, choices=SIZES, default=64, help="pixels, for seeds")
    parser.add_argument("--zoom", type=positive, default=1, help="enlarge each pixel")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    images = _stored(arguments) if arguments.dataset else _rendered(arguments)
    picture = contact_sheet(images, arguments.columns, arguments.zoom)
    Image.fromarray(picture).save(arguments.out)
    say(f"{arguments.out}: {len(images)} images, {picture.shape[1]} x {picture.shape[0]} px")
    return 0


def _stored(arguments: argparse.Namespace) -> list[np.ndarray]:
    dataset = Dataset.open(arguments.dataset)
    wanted = arguments.rows * arguments.columns
    if arguments.images is not None:
        chosen = np.array(arguments.images)
        if chosen.max() >= len(dataset):
            raise ValueError(f"--images {chosen.max()} lies behind the last of {len(dataset)}")
    elif arguments.random is not None:
        generator = np.random.default_rng(arguments.random)
        chosen = generator.permutation(len(dataset))[:wanted]
    else:
        chosen = np.arange(arguments.first, min(arguments.first + wanted, len(dataset)))
        if not len(chosen):
            raise ValueError(f"--first {arguments.first} lies behind the last of {len(dataset)}")
    return list(dataset.images_NHWC[chosen])


def _rendered(arguments: argparse.Namespace) -> list[np.ndarray]:
    from training.datasets.procedural import render

    wanted = arguments.rows * arguments.columns
    seeds = range(arguments.first_seed, arguments.first_seed + wanted)
    return [render(seed, arguments.size) for seed in seeds]
