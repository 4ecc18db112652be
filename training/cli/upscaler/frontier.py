"""`anime-gan upscaler frontier`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from animegan_cli.console import say
from training.cli.arguments import HelpFormatter, Verbs, positive
from training.files import write
from training.upscaling.frontier import FILTER, draw, measure, to_json, to_markdown
from training.upscaling.material import pictures_of, procedural_faces
from training.upscaling.methods import networks


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "frontier",
        help="milliseconds and PSNR of every network in a repository: what does speed cost?",
        description="Measure the networks that double pictures: processor time on one thread, and\n"
        "PSNR on held-out faces made small with Lanczos.",
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("--models", type=Path, nargs="+", default=[Path("models")], help="repositories")
    option("--count", type=positive, default=100, help="pictures of each kind")
    option(
        "--pictures",
        type=_named,
        nargs="+",
        default=[],
        metavar="NAME=PATH",
        help="more pictures: a folder of files, a zip archive, or a dataset",
    )
    option("--out", type=Path, required=True, metavar="PREFIX", help="writes .json and .png")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    methods = [method for repository in arguments.models for method in networks(repository)]
    materials = {
        f"faces, {side} px": procedural_faces(arguments.count, side) for side in (128, 256)
    }
    for name, path in arguments.pictures:
        materials[name] = pictures_of(path, name, arguments.count)
    points = measure(methods, {name: each.pictures for name, each in materials.items()})
    record = {
        "filter": FILTER,
        "counts": {name: len(each.pictures) for name, each in materials.items()},
        "points": to_json(points),
    }
    write(arguments.out.with_suffix(".json"), json.dumps(record, indent=1).encode() + b"\n")
    draw(points, arguments.out.with_suffix(".png"))
    say(to_markdown(points))
    return 0


def _named(text: str) -> tuple[str, Path]:
    """What to call pictures, and where they are."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH, as in 'real faces=faces.zip'")
    return name, Path(path)
