"""`anime-gan dataset render`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_cli.console import say
from training.cli.arguments import HelpFormatter, Verbs, cores, natural, positive
from training.datasets.procedural.geometry import SIZES
from training.datasets.rendering import render_dataset
from training.files import writing


def add(verbs: Verbs, name: str = "render") -> None:
    """Add the verb; `import procedural` is another name for it."""
    parser = verbs.add_parser(
        name,
        help="render procedural anime faces with labels (CC0)",
        description="Render a dataset of procedural anime faces, one for each seed from\n"
        "--first-seed on. The same options give the same bytes. When interrupted, run the same\n"
        "command again: finished shards are verified and kept.",
        formatter_class=HelpFormatter,
    )
    add_argument = parser.add_argument
    add_argument("--out", type=Path, required=True, metavar="DIR", help="dataset directory")
    add_argument("--count", type=positive, default=20000, help="number of faces")
    add_argument("--size", type=int, choices=SIZES, default=64, help="pixels a side")
    add_argument("--first-seed", type=natural, default=0, metavar="SEED", help="first seed")
    add_argument("--workers", type=positive, default=cores(), help="processes")
    add_argument("--name", help="name in the manifest; the directory's name when absent")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    with writing(arguments.out):
        total = render_dataset(
            arguments.out,
            count=arguments.count,
            size=arguments.size,
            first_seed=arguments.first_seed,
            workers=arguments.workers,
            name=arguments.name,
        )
    say(f"{arguments.out}: {arguments.count} faces of {arguments.size} px, digest {total}")
    return 0
