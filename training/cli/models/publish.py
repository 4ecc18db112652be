"""`anime-gan models publish`."""

from __future__ import annotations

import argparse
from typing import Any

from training.cli.models.arguments import add_note, add_repository, add_step, open_store, show
from training.release.publish import publish
from training.release.store import Store


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_step(
        subparsers, "publish", "Copy a release into the repository, as a candidate without traffic"
    )
    add_repository(parser)
    parser.add_argument(
        "--candidate",
        required=True,
        metavar="URL",
        help="its newest version is published; what `anime-gan export --models` writes",
    )
    add_note(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Publish; return the exit code."""
    source, target = Store(arguments.candidate), open_store(arguments)
    return show(arguments.name, publish(source, target, arguments.name, arguments.note))
