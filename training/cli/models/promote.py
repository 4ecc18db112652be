"""`anime-gan models promote`."""

from __future__ import annotations

import argparse
from typing import Any

from training.cli.models.arguments import add_step_on_tritons, open_store, open_tritons, show
from training.release.actions import promote


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_step_on_tritons(
        subparsers, "promote", "Make the candidate stable, and keep its predecessor loaded"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it everywhere; return the exit code."""
    with open_tritons(arguments) as tritons:
        entry = promote(open_store(arguments), tritons, arguments.name, arguments.note)
    return show(arguments.name, entry)
