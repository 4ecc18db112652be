"""`anime-gan models watch`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from training.cli.models.arguments import (
    add_measuring,
    add_repository,
    add_step,
    add_tritons,
    open_store,
    open_tritons,
)

EPILOG = """\
Triton draws the images of the same seeds with both versions, whatever share of the traffic they
have. They are measured and limited as by `anime-gan models gate`, but for the export and the
latency. The seeds are others than the gate's. Give as few images as the limits allow where the
traffic needs Triton: they are drawn one small batch after the other.

exit code: 0 the candidate is as good, 1 it cannot be measured, 2 wrong usage, 3 it is worse; so

  anime-gan models watch ...
  if [ $? -eq 3 ]; then anime-gan models rollback --note "worse than before"; fi

Do not roll back on any other code: without a candidate, a rollback takes back the stable version.
"""
# Far from 0, where the gate's begin.
FIRST_SEED = 1_000_000
# A code of its own, so that a script takes no other failure for a verdict.
WORSE = 3


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_step(
        subparsers, "watch", "Measure what a canary draws beside the stable version", EPILOG
    )
    add_repository(parser)
    add_tritons(parser)
    add_measuring(parser, FIRST_SEED, Path("out/watch"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, report; return 0 if the candidate is as good, else `WORSE`."""
    # The other steps run where there is no PyTorch.
    from training.release.gate import checks, measure, report
    from training.release.watch import watch

    material, limits = measure.of_arguments(arguments)
    with (
        open_tritons(arguments) as tritons,
        tempfile.TemporaryDirectory(prefix="anime-gan-watch-") as folder,
    ):
        store, work = open_store(arguments), Path(folder)
        found = watch(store, tritons, arguments.name, material, limits, work)
    passed = checks.passed(found.checks)
    verdict = "is as good as the stable version" if passed else "is worse than it may be"
    report.write(arguments.out, found.candidate, found.stable, found.checks, verdict)
    return 0 if passed else WORSE
