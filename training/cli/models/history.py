"""`anime-gan models history`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from animegan_cli.console import table
from training.cli.models.arguments import add_repository, add_step, describe, open_store
from training.release.history import Entry, history

_HEAD = ("time", "who", "step", "version", "traffic from then on", "note")


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_step(subparsers, "history", "Show who released what, and when")
    add_repository(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON a step")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show it; return the exit code."""
    entries = history(open_store(arguments), arguments.name)
    if arguments.json:
        for entry in entries:
            sys.stdout.write(json.dumps(asdict(entry)) + "\n")
    elif entries:
        sys.stdout.write(table([_HEAD, *map(_row, entries)]) + "\n")
    else:
        sys.stdout.write(f"no release of {arguments.name} was ever published\n")
    return 0


def _row(entry: Entry) -> tuple[str, ...]:
    version = str(entry.version)
    return entry.time, entry.who, entry.action, version, describe(entry.traffic), entry.note
