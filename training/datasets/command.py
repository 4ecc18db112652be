"""`anime-gan dataset`: render, look at and verify datasets.

anime-gan dataset render --out data/faces-64 --count 20000 --size 64
anime-gan dataset sheet --dataset data/faces-64 --out sheet.png
anime-gan dataset inspect data/faces-64
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from training.datasets.procedural.geometry import SIZES
from training.datasets.rendering import render_dataset
from training.datasets.store import Dataset, DatasetError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (DatasetError, ImportError, OSError, ValueError) as error:
        sys.stderr.write(f"anime-gan dataset: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the same command goes on where this one stopped\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anime-gan dataset", description="Render, look at and verify datasets."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    render = commands.add_parser(
        "render",
        help="render procedural anime faces with labels (CC0)",
        description="Render a dataset of procedural anime faces, one for each seed from "
        "--first-seed on. The same options give the same bytes. When interrupted, run the same "
        "command again: finished shards are verified and kept.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    render.add_argument("--out", type=Path, required=True, metavar="DIR", help="dataset directory")
    render.add_argument("--count", type=_positive, default=20000, help="number of faces")
    render.add_argument("--size", type=int, choices=SIZES, default=64, help="pixels a side")
    render.add_argument("--first-seed", type=_natural, default=0, metavar="SEED", help="first seed")
    render.add_argument("--workers", type=_positive, default=_cores(), help="processes")
    render.add_argument("--name", help="name in the manifest; the directory's name when absent")
    render.set_defaults(run=_render)

    sheet = commands.add_parser(
        "sheet",
        help="write a contact sheet",
        description="Write a contact sheet of a dataset's first images, or of rendered seeds.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    origin = sheet.add_mutually_exclusive_group(required=True)
    origin.add_argument("--dataset", type=Path, metavar="DIR", help="take a dataset's images")
    origin.add_argument("--first-seed", type=_natural, metavar="SEED", help="render from this seed")
    sheet.add_argument("--out", type=Path, required=True, metavar="PNG", help="picture to write")
    sheet.add_argument("--first", type=_natural, default=0, help="first image of the dataset")
    sheet.add_argument("--rows", type=_positive, default=8, help="rows of images")
    sheet.add_argument("--columns", type=_positive, default=12, help="images a row")
    sheet.add_argument("--size", type=int, choices=SIZES, default=64, help="pixels, for seeds")
    sheet.add_argument("--zoom", type=_positive, default=1, help="enlarge each pixel")
    sheet.set_defaults(run=_sheet)

    inspect = commands.add_parser(
        "inspect",
        help="print a dataset's manifest and verify its files",
        description="Print what a dataset is, how often each label occurs, and verify its files.",
    )
    inspect.add_argument("dataset", type=Path, metavar="DIR")
    inspect.add_argument(
        "--quick", action="store_true", help="check sizes only, not every byte's checksum"
    )
    inspect.set_defaults(run=_inspect)
    return parser


def _render(arguments: argparse.Namespace) -> int:
    total = render_dataset(
        arguments.out,
        count=arguments.count,
        size=arguments.size,
        first_seed=arguments.first_seed,
        workers=arguments.workers,
        name=arguments.name,
    )
    _say(f"{arguments.out}: {arguments.count} faces of {arguments.size} px, digest {total}")
    return 0


def _sheet(arguments: argparse.Namespace) -> int:
    wanted = arguments.rows * arguments.columns
    if arguments.dataset:
        dataset = Dataset.open(arguments.dataset)
        images = list(dataset.images_NHWC[arguments.first : arguments.first + wanted])
        if not images:
            raise ValueError(f"--first {arguments.first} lies behind the last of {len(dataset)}")
    else:
        from training.datasets.procedural import render

        seeds = range(arguments.first_seed, arguments.first_seed + wanted)
        images = [render(seed, arguments.size) for seed in seeds]
    picture = contact_sheet(images, arguments.columns, arguments.zoom)
    Image.fromarray(picture).save(arguments.out)
    _say(f"{arguments.out}: {len(images)} images, {picture.shape[1]} x {picture.shape[0]} px")
    return 0


def contact_sheet(images: Sequence[np.ndarray], columns: int, zoom: int = 1) -> np.ndarray:
    """Images side by side, row after row.

    Args:
        images: uint8 [H, W, C] each, C being 1 or 3.
        columns: Images a row.
        zoom: Each pixel becomes zoom x zoom pixels.

    Returns:
        uint8 [rows * H * zoom, columns * W * zoom, 3]; white where no image is left.
    """
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet_HWC = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for index, image_HWC in enumerate(images):
        y, x = index // columns * height, index % columns * width
        sheet_HWC[y : y + height, x : x + width] = image_HWC
    return sheet_HWC.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _inspect(arguments: argparse.Namespace) -> int:
    dataset = Dataset.open(arguments.dataset, checksums=not arguments.quick)
    _say(json.dumps(asdict(dataset.header) | {"digest": dataset.digest}, indent=2))
    labels = [label.get("attributes", {}) for label in dataset.labels]
    names = {name for label in labels for name in label}
    for name in sorted(names):
        values = [label[name] for label in labels if name in label]
        if all(isinstance(value, float) for value in values):
            _say(f"{name:>16}  {min(values):g} to {max(values):g}, mean {np.mean(values):.3g}")
        else:
            shares = Counter(str(value) for value in values).most_common(10)
            _say(f"{name:>16}  " + ", ".join(f"{v} {n / len(values):.1%}" for v, n in shares))
    checked = "sizes" if arguments.quick else "every checksum"
    _say(f"{len(dataset)} images in {len(dataset.shards)} shards; {checked} verified")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, got {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
