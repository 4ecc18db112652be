"""`anime-gan models canary`."""

from __future__ import annotations

import argparse
from typing import Any

from training.cli.models.arguments import (
    add_step_on_tritons,
    open_store,
    open_tritons,
    share_of,
    show,
)
from training.release.actions import canary


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_step_on_tritons(
        subparsers, "canary", "Give the candidate a share of the traffic, the same seeds every time"
    )
    parser.add_argument(
        "--share", type=share_of, required=True, help="0 to 1, or a percentage such as 5%%"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it everywhere; return the exit code."""
    with open_tritons(arguments) as tritons:
        store = open_store(arguments)
        entry = canary(store, tritons, arguments.name, arguments.share, arguments.note)
    return show(arguments.name, entry)
