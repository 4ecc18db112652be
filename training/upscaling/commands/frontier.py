"""`anime-gan upscaler frontier`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from training.datasets.commands.options import HelpFormatter, Verbs, positive, say
from training.datasets.files import write
from training.upscaling.frontier import draw, measure, to_json, to_markdown
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
    option("--pictures", type=Path, help="a folder or zip archive of more pictures")
    option("--name", default="pictures", help="what to call them")
    option("--out", type=Path, required=True, metavar="PREFIX", help="writes .json and .png")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    methods = [method for repository in arguments.models for method in networks(repository)]
    materials = {
        f"faces, {side} px": procedural_faces(arguments.count, side) for side in (128, 256)
    }
    if arguments.pictures:
        more = pictures_of(arguments.pictures, arguments.name, arguments.count)
        materials[arguments.name] = more
    points = measure(methods, {name: each.pictures for name, each in materials.items()})
    record = {"filter": "lanczos", "pictures": arguments.count, "points": to_json(points)}
    write(arguments.out.with_suffix(".json"), json.dumps(record, indent=1).encode() + b"\n")
    draw(points, arguments.out.with_suffix(".png"))
    say(to_markdown(points))
    return 0
