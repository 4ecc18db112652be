"""A command made of subcommands, such as `anime-gan dataset` with `render`, `import` and others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType


def run_verb(
    command: str,
    description: str | None,
    verbs: Sequence[ModuleType],
    refusals: tuple[type[Exception], ...],
    argv: Sequence[str] | None,
) -> int:
    """Run one subcommand; returns the exit status: 0 done, 1 refused, 2 wrong usage, 130 stopped.

    Args:
        command: its name, "anime-gan dataset".
        description: what `--help` begins with.
        verbs: modules with `add(subparsers)`, which sets `run(arguments) -> exit status`.
        refusals: what a subcommand may raise; shown as one line.
        argv: arguments; None: the process's.
    """
    parser = argparse.ArgumentParser(
        prog=command,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(required=True, metavar="VERB")
    for verb in verbs:
        verb.add(subparsers)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except refusals as error:
        sys.stderr.write(f"{command}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the same command goes on where this one stopped\n")
        return 130
